// One call of a function: who calls, what is sent, and what the answer says. No retries here.

import { ThreadsError, type AnsweredError } from "./errors.js";

/** A signed-in user, such as the Firebase JS SDK's. */
export interface TokenSource {
  getIdToken(forceRefresh?: boolean): Promise<string>;
}

export interface ThreadsClientOptions {
  /** Where the functions are: `https://<region>-<project>.cloudfunctions.net`. */
  baseUrl?: string;
  /** The address of each function, if they have no common base. */
  functionUrl?: (name: string) => string;
  /** The signed-in user, or what returns the user of the moment: `() => auth.currentUser`. */
  user?: TokenSource | (() => TokenSource | null | undefined);
  /** Instead of `user`: returns the ID token. It is called with `true` after an ID token was refused. */
  getIdToken?: (forceRefresh: boolean) => Promise<string | null | undefined>;
  /** With `APP_CHECK=on`: returns the App Check token. */
  appCheckToken?: () => Promise<string>;
  /** Sends requests; by default the platform's own. */
  fetch?: typeof fetch;
}

export interface Call {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** How long an answer is waited for: longer than any function runs. */
const TIMEOUT_SECONDS = 170;

const NO_ANSWER: AnsweredError = {
  code: "no_answer",
  message: "The service did not answer. Check the connection, and try again.",
  retryable: true,
};

const NOT_THE_SERVICE: AnsweredError = {
  code: "unexpected_answer",
  message: "The answer does not come from the service. Is the address of the functions right?",
  retryable: false,
};

/** Sends requests to the functions for one user. */
export class Caller {
  readonly #options: ThreadsClientOptions;

  constructor(options: ThreadsClientOptions) {
    if (!options.baseUrl && !options.functionUrl) throw new TypeError("createThreadsClient needs a baseUrl");
    this.#options = options;
  }

  /** Return the ID token, or undefined if no user is signed in. */
  async idToken(forceRefresh = false): Promise<string | undefined> {
    const { user, getIdToken } = this.#options;
    if (getIdToken) return (await getIdToken(forceRefresh)) ?? undefined;
    const current = typeof user === "function" ? user() : user;
    return current?.getIdToken(forceRefresh);
  }

  /** Call a function once. An ID token that is refused is renewed, once. */
  async call<Answer>(name: string, call: Call): Promise<Answer> {
    const idToken = await this.idToken();
    try {
      return await this.#send<Answer>(name, call, idToken);
    } catch (error) {
      if (!idToken || !(error instanceof ThreadsError) || error.nextAction !== "sign_in") throw error;
      const renewed = await this.idToken(true);
      if (!renewed || renewed === idToken) throw error;
      return this.#send<Answer>(name, call, renewed);
    }
  }

  async #send<Answer>(name: string, call: Call, idToken: string | undefined): Promise<Answer> {
    const { fetch = globalThis.fetch, appCheckToken } = this.#options;
    const headers: Record<string, string> = { Accept: "application/json", ...call.headers };
    if (idToken) headers["Authorization"] = `Bearer ${idToken}`;
    if (appCheckToken) headers["X-Firebase-AppCheck"] = await appCheckToken();
    if (call.body !== undefined) headers["Content-Type"] = "application/json";
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), TIMEOUT_SECONDS * 1000);
    const stop = () => timeout.abort();
    call.signal?.addEventListener("abort", stop);
    try {
      call.signal?.throwIfAborted();
      const request = { method: call.method, headers, body, signal: timeout.signal };
      const response = await fetch(this.#address(name, call.query), request);
      return read<Answer>(response, await response.text());
    } catch (error) {
      call.signal?.throwIfAborted();
      if (error instanceof ThreadsError) throw error;
      throw new ThreadsError(NO_ANSWER, { httpStatus: 0 }, { cause: error });
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", stop);
    }
  }

  #address(name: string, query: Call["query"] = {}): string {
    const { baseUrl, functionUrl } = this.#options;
    const address = functionUrl?.(name) ?? `${baseUrl?.replace(/\/$/, "")}/${name}`;
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
    return given.length ? `${address}?${search}` : address;
  }
}

function read<Answer>(response: Response, text: string): Answer {
  const answer = parsed(text);
  if (answer?.ok === true) return answer as Answer;
  const context = { httpStatus: response.status, retryAfter: secondsOf(response.headers.get("Retry-After")) };
  if (answer?.error) throw new ThreadsError(answer.error, { ...context, ...identified(answer) });
  // A proxy or Google's own front end answers when a function is overloaded or just being replaced.
  const isPassing = response.status === 429 || response.status >= 500;
  throw new ThreadsError(isPassing ? NO_ANSWER : NOT_THE_SERVICE, context);
}

interface ErrorAnswer {
  ok?: boolean;
  error?: AnsweredError;
  status?: string;
  postId?: string;
  accountId?: string;
}

function identified({ status, postId, accountId }: ErrorAnswer): Pick<ErrorAnswer, "status" | "postId" | "accountId"> {
  return { ...(status && { status }), ...(postId && { postId }), ...(accountId && { accountId }) };
}

function parsed(text: string): ErrorAnswer | undefined {
  try {
    return JSON.parse(text) as ErrorAnswer;
  } catch {
    return undefined;
  }
}

function secondsOf(header: string | null): number | undefined {
  const seconds = Number(header ?? NaN);
  return Number.isFinite(seconds) ? seconds : undefined;
}
