// One call of a function: who calls, what is sent, and what the answer says. Nothing is repeated here, except after
// an ID token was renewed.

import { ThreadsError, type Reason } from "./errors.js";
import type { PostStatus } from "./types.js";

/** A signed-in user, such as the Firebase JS SDK's `auth.currentUser`. */
export interface TokenSource {
  getIdToken(forceRefresh?: boolean): Promise<string>;
}

/** What knows the signed-in user, such as the Firebase JS SDK's `getAuth(app)`. */
export interface UserSource {
  readonly currentUser: TokenSource | null;
  /** Ends when the user of an earlier visit is known again. */
  authStateReady?(): Promise<void>;
}

/** Where the functions are, and who calls them. */
export interface CallerOptions {
  /** Where the functions are: `https://<region>-<project>.cloudfunctions.net`. */
  baseUrl?: string;
  /** Instead of `baseUrl`: returns the address of a function. */
  functionUrl?: (name: string) => string;
  /** Firebase Authentication, `getAuth(app)`. Each call is made for the user of the moment. */
  auth?: UserSource;
  /** Instead of `auth`: one signed-in user, or a function that returns the user of the moment. */
  user?: TokenSource | (() => Answered<TokenSource | null | undefined>);
  /** Instead of both: returns the ID token. It is called with `true` after a token was refused. */
  getIdToken?: (forceRefresh: boolean) => Promise<string | null | undefined>;
  /** With `APP_CHECK=on`: returns the App Check token. */
  appCheckToken?: () => Promise<string>;
  /** Sends the requests. By default the platform's own. */
  fetch?: typeof fetch;
}

type Answered<Value> = Value | Promise<Value>;

/** A request to a function. */
export interface Call {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** How long an answer is waited for: a little longer than the service works on one request. */
const TIMEOUT_SECONDS = 110;

const NO_ANSWER: Reason = {
  code: "no_answer",
  message: "The service did not answer. Check your connection, and try again.",
  retryable: true,
};

const UNEXPECTED: Reason = {
  code: "unexpected_answer",
  message: "This answer is not the service's. Check the address of the functions.",
  retryable: false,
};

/** What calls the functions for the user of the moment. */
export class Caller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    if (!options.baseUrl && !options.functionUrl) throw new TypeError("Say where the functions are: baseUrl");
    this.#options = options;
  }

  /** Return the user's id, which stands in the ID token, or "" if no user is signed in. */
  async userId(): Promise<string> {
    const [, payload = ""] = (await this.#idToken(false))?.split(".") ?? [];
    try {
      const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { sub?: string };
      return claims.sub ?? "";
    } catch {
      return "";
    }
  }

  /** Call a function, and return its answer. Throws a ThreadsError, or the reason of an aborted signal. */
  async call<Answer>(name: string, call: Call): Promise<Answer> {
    const idToken = await this.#idToken(false);
    try {
      return await this.#send<Answer>(name, call, idToken);
    } catch (error) {
      if (!idToken || !(error instanceof ThreadsError) || error.nextAction !== "sign_in") throw error;
      const renewed = await this.#idToken(true);
      if (!renewed || renewed === idToken) throw error;
      return this.#send<Answer>(name, call, renewed);
    }
  }

  async #idToken(forceRefresh: boolean): Promise<string | undefined> {
    const { auth, user, getIdToken } = this.#options;
    if (getIdToken) return (await getIdToken(forceRefresh)) ?? undefined;
    await auth?.authStateReady?.(); // Firebase reads the user of an earlier visit while the page opens
    const current = auth ? auth.currentUser : typeof user === "function" ? await user() : user;
    return current?.getIdToken(forceRefresh);
  }

  async #send<Answer>(name: string, call: Call, idToken: string | undefined): Promise<Answer> {
    const { fetch = globalThis.fetch, appCheckToken } = this.#options;
    const { method, signal } = call;
    const headers: Record<string, string> = { Accept: "application/json", ...call.headers };
    if (idToken) headers["Authorization"] = `Bearer ${idToken}`;
    if (appCheckToken) headers["X-Firebase-AppCheck"] = await appCheckToken();
    if (call.body !== undefined) headers["Content-Type"] = "application/json";
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    signal?.throwIfAborted();
    // AbortSignal.any would do the same, but is missing in browsers of 2023.
    const ending = new AbortController();
    const end = () => ending.abort();
    const timer = setTimeout(end, TIMEOUT_SECONDS * 1000);
    signal?.addEventListener("abort", end);
    try {
      const response = await fetch(this.#address(name, call.query), { method, headers, body, signal: ending.signal });
      return read<Answer>(response, await response.text());
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ThreadsError) throw error;
      throw new ThreadsError(NO_ANSWER, { httpStatus: 0 }, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
  }

  #address(name: string, query: Call["query"] = {}): string {
    const { baseUrl = "", functionUrl } = this.#options;
    const address = functionUrl?.(name) ?? `${baseUrl.replace(/\/$/, "")}/${name}`;
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value));
    return `${search}` ? `${address}?${search}` : address;
  }
}

interface ErrorAnswer {
  ok?: boolean;
  error?: Reason;
  status?: PostStatus;
  postId?: string;
  accountId?: string;
}

/** Return an answer that says it is good, and throw every other one. */
function read<Answer>(response: Response, text: string): Answer {
  const answer = parsed(text);
  if (answer.ok === true) return answer as Answer;
  const { error, status, postId, accountId } = answer;
  const retryAfter = secondsOf(response.headers.get("Retry-After"));
  const context = { httpStatus: response.status, retryAfter, status, postId, accountId };
  if (error) throw new ThreadsError(error, context);
  // Google's own front end answers if a function is overloaded, or was just replaced.
  const isTransient = response.status === 429 || response.status >= 500;
  throw new ThreadsError(isTransient ? NO_ANSWER : UNEXPECTED, context);
}

function parsed(text: string): ErrorAnswer {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === "object" && answer !== null ? answer : {};
  } catch {
    return {};
  }
}

function secondsOf(header: string | null): number | undefined {
  const seconds = header === null ? NaN : Number(header);
  return Number.isFinite(seconds) ? seconds : undefined;
}
