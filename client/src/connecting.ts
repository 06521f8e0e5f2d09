// Connecting an account, and signing in with Threads: to Threads, and back.

import { ThreadsError } from "./errors.js";
import type { Caller } from "./http.js";
import { Stored, type Store } from "./storage.js";
import type { AuthFinished, Profile, Scope } from "./types.js";
import { repeat, type RetryOptions } from "./waiting.js";

export interface StartAuthOptions {
  /** Where the browser goes in the end. By default, this page. */
  returnTo?: string;
  /** Further permissions to ask for, such as `threads_delete`. */
  scopes?: readonly Scope[];
  /** The account to connect again. */
  accountId?: string;
  /** Opens Threads' window. By default, this page becomes it. */
  open?: (authUrl: string) => void;
}

/** What has become of a connection. */
export type AuthOutcome =
  /** There is nothing to finish: this page was not opened by a return from Threads. */
  | { status: "none" }
  | {
      status: "connected";
      accountId: string;
      profile?: Profile;
      /** Permissions that the user did not allow. */
      refusedScopes: readonly string[];
      /** After a sign-in with Threads: pass it to `signInWithCustomToken`. */
      customToken?: string;
    }
  | { status: "cancelled" }
  /** `message` can be shown to the user. If `error.retryable`, calling `finishAuth` again goes on. */
  | { status: "failed"; code: string; message: string; error?: ThreadsError };

export interface FinishAuthOptions extends RetryOptions {
  /** The address to which Threads has returned. By default, this page's, which is then cleaned. */
  url?: string;
}

interface Pending {
  handle: string;
  since: number;
}

/** A handle is valid for five minutes. */
const HANDLE_SECONDS = 300;

/** How long `finishAuth` asks again, in seconds, within the handle's life. */
const FINISH_SECONDS = 120;

const QUERY = ["threads", "accountId", "error", "refused"];

export class Connecting {
  readonly #caller: Caller;
  readonly #verifier: Stored<string>;
  readonly #pending: Stored<Pending>;
  #finishing: Promise<AuthOutcome> | undefined;

  constructor(caller: Caller, store: Store) {
    this.#caller = caller;
    this.#verifier = new Stored(store);
    this.#pending = new Stored(store);
  }

  async startAuth(options: StartAuthOptions): Promise<string> {
    return this.#start(options, {});
  }

  /** No user is signed in yet. So this tab keeps a verifier, which proves later that it began (RFC 7636). */
  async startSignIn(options: Omit<StartAuthOptions, "accountId">): Promise<string> {
    const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    return this.#start(options, { mode: "signin", challenge: base64url(new Uint8Array(digest)) }, verifier);
  }

  async #start(options: StartAuthOptions, mode: object, verifier?: string): Promise<string> {
    const { returnTo = cleaned(new URL(location.href)).href, scopes, accountId } = options;
    const { open = (url: string) => location.assign(url) } = options;
    const body = { returnTo, accountId, scopes: scopes?.join(","), ...mode };
    const { authUrl } = await this.#caller.call<{ authUrl: string }>("th_auth_start", { method: "POST", body });
    this.#verifier.write("verifier", verifier); // or forget that of a sign-in that was given up
    this.#pending.write("handle", undefined);
    open(authUrl);
    return authUrl;
  }

  /** Calls at the same time are one call: React's strict mode, for example, runs every effect twice. */
  finishAuth(options: FinishAuthOptions): Promise<AuthOutcome> {
    this.#finishing ??= this.#finish(options).finally(() => (this.#finishing = undefined));
    return this.#finishing;
  }

  async #finish(options: FinishAuthOptions): Promise<AuthOutcome> {
    const url = new URL(options.url ?? globalThis.location?.href ?? "about:blank");
    const clean = cleaned(new URL(url));
    // A handle is secret, and an outcome is news only once: neither stays in the address.
    if (!options.url && clean.href !== url.href) history.replaceState(history.state, "", clean);
    const handle = new URLSearchParams(url.hash.slice(1)).get("th_link");
    if (handle) this.#pending.write("handle", { handle, since: Date.now() });
    else if (url.searchParams.has("threads")) return this.#outcome(url.searchParams);
    const pending = this.#pending.read("handle");
    if (!pending || Date.now() - pending.since > HANDLE_SECONDS * 1000) return { status: "none" };
    return this.#send(pending.handle, options);
  }

  #outcome(query: URLSearchParams): AuthOutcome {
    this.#verifier.write("verifier", undefined);
    const refused = query.get("refused");
    const refusedScopes = refused ? refused.split(",") : [];
    if (query.get("threads") === "connected") {
      return { status: "connected", accountId: query.get("accountId") ?? "", refusedScopes };
    }
    if (query.get("threads") === "cancelled") return { status: "cancelled" };
    const code = query.get("error") ?? "internal";
    return { status: "failed", code, message: messageOf(code) };
  }

  async #send(handle: string, options: FinishAuthOptions): Promise<AuthOutcome> {
    const body = { handle, verifier: this.#verifier.read("verifier") };
    const call = { method: "POST", body, signal: options.signal } as const;
    const send = () => this.#caller.call<AuthFinished>("th_auth_finish", call);
    try {
      const { accountId, profile, refusedScopes = [], customToken } = await repeat(send, FINISH_SECONDS, options);
      this.#forget();
      return { status: "connected", accountId, profile, refusedScopes, ...(customToken && { customToken }) };
    } catch (error) {
      if (!(error instanceof ThreadsError)) throw error;
      // After a reload, or once the user is signed in, the same handle can still be finished.
      if (!error.retryable && error.nextAction !== "sign_in") this.#forget();
      return { status: "failed", code: error.code, message: error.message, error };
    }
  }

  #forget(): void {
    this.#verifier.write("verifier", undefined);
    this.#pending.write("handle", undefined);
  }
}

/** Take what a return from Threads has added out of an address. */
function cleaned(url: URL): URL {
  if (new URLSearchParams(url.hash.slice(1)).has("th_link")) url.hash = "";
  if (!url.searchParams.has("threads")) return url;
  for (const name of QUERY) url.searchParams.delete(name);
  if (url.hash === "#threads") url.hash = "";
  return url;
}

function messageOf(code: string): string {
  if (code === "wrong_account") return "This is not the account to connect again. Nothing was changed.";
  return "The account could not be connected. Please try again.";
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
