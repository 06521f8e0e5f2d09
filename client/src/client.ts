// What an app calls. `createThreadsClient` makes it.

import { Connecting, type AuthOutcome, type FinishAuthOptions, type StartAuthOptions } from "./connecting.js";
import { Bell, changes, follow, followPage, type WatchOptions } from "./following.js";
import { Caller, type Call, type CallerOptions } from "./http.js";
import { Publishing, type PublishOptions, type Unfinished } from "./publishing.js";
import { browserStore, type Store } from "./storage.js";
import type {
  Account, AccountChange, Accounts, Disconnected, Draft, DryRun, Forgetting, Post, PostChange, PostPage, Published,
  Repost,
} from "./types.js";
import { repeat } from "./waiting.js";

export { ThreadsError } from "./errors.js";
export type { AuthOutcome, FinishAuthOptions, StartAuthOptions } from "./connecting.js";
export type { WatchOptions } from "./following.js";
export type { TokenSource } from "./http.js";
export type { PublishOptions, Unfinished } from "./publishing.js";
export type { Store } from "./storage.js";
export type * from "./types.js";
export type { RetryOptions, Wait } from "./waiting.js";

export interface ThreadsClientOptions extends CallerOptions {
  /** Keeps what must survive a reload. By default the browser's localStorage and sessionStorage. */
  storage?: Store;
}

export type ThreadsClient = ReturnType<typeof createThreadsClient>;

/** How long a request that can be repeated is repeated, in seconds, except those to publish and to connect. */
const RETRY_SECONDS = 15;

/** How often accounts are asked for while they are watched, in seconds. */
const ACCOUNTS_SECONDS = 60;

/** Make a client for the user of the moment. Every method throws a ThreadsError if it does not succeed. */
export function createThreadsClient(options: ThreadsClientOptions) {
  const caller = new Caller(options);
  const connecting = new Connecting(caller, options.storage ?? browserStore("sessionStorage"));
  const publishing = new Publishing(caller, options.storage ?? browserStore("localStorage"));

  const bell = new Bell();

  /** Send a request that does no harm if it arrives twice. */
  function ask<Answer>(name: string, call: Call): Promise<Answer> {
    return repeat(() => caller.call<Answer>(name, call), RETRY_SECONDS, call);
  }

  /** Return what asks once, for a watch, which asks again by itself. */
  function reading<Answer>(name: string, signal?: AbortSignal, query: NonNullable<Call["query"]> = {}) {
    return () => caller.call<Answer>(name, { method: "GET", query, signal });
  }

  /** Send a request that changes something, and does no harm if it arrives twice. */
  function change<Answer>(name: string, call: Call): Promise<Answer> {
    publishing.forgetAnswered();
    return announced(ask<Answer>(name, call));
  }

  /** Let whoever watches see what a request has changed, even if it failed. */
  function announced<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return answer.finally(() => bell.ring());
  }

  const accounts = {
    /** The connected accounts, the default one first. */
    list: (): Promise<Accounts> => ask("th_accounts", { method: "GET" }),

    /** Make an account the default one, or store whether your app may repost from it. */
    update: (accountId: string, settings: AccountChange): Promise<Accounts> =>
      change("th_accounts", { method: "PATCH", body: { accountId, ...settings } }),

    /** Forget an account, and cancel its scheduled posts. */
    disconnect: (accountId: string): Promise<Disconnected> =>
      change("th_accounts", { method: "DELETE", query: { accountId } }),

    /** Forget all accounts and records of this user. Call it before you delete the user. */
    forgetUser: (): Promise<Forgetting> =>
      change("th_accounts", { method: "DELETE", query: { all: "true" } }),

    /** Yield the accounts, and again whenever they have changed, until the loop is left or the signal aborted. */
    watch: ({ signal }: WatchOptions = {}): AsyncGenerator<Accounts, void> =>
      changes(reading<Accounts>("th_accounts", signal), () => ACCOUNTS_SECONDS, bell, signal),
  };

  const posts = {
    /** The latest posts, or those before a moment. */
    list: (page: { limit?: number; before?: string } = {}): Promise<PostPage> =>
      ask("th_posts", { method: "GET", query: page }),

    /** All posts, from the latest to the oldest, read page by page. */
    async *all(limit = 20): AsyncGenerator<Post, void> {
      let before: string | undefined;
      do {
        const page: PostPage = await posts.list({ limit, ...(before && { before }) });
        yield* page.posts;
        before = page.before;
      } while (before);
    },

    get: (postId: string): Promise<Post> => ask("th_posts", { method: "GET", query: { postId } }),

    /** Change a scheduled post that nobody has begun to publish. */
    change: (postId: string, changed: PostChange): Promise<Post> =>
      change("th_posts", { method: "PATCH", body: { postId, ...changed } }),

    /** Cancel a post that is not out. A post that is out stays out: `not_cancellable`. */
    cancel: (postId: string): Promise<Post> =>
      change("th_posts", { method: "DELETE", query: { postId, cancel: "true" } }),

    /** Delete a published post at Threads (permission `threads_delete`), or cancel it if it is not out. */
    delete: (postId: string): Promise<Post> => change("th_posts", { method: "DELETE", query: { postId } }),

    /** Repost a post of this user, or anyone's by its media id. Sent once: a second one may be a second repost. */
    repost: (
      post: ({ postId: string } | { mediaId: string }) & { accountId?: string },
    ): Promise<Repost> =>
      announced(caller.call("th_posts", { method: "POST", body: post })),

    /** Go on with a post that was left open. */
    resume: (postId: string): Promise<Published> =>
      change("th_posts", { method: "POST", body: { postId, resume: true } }),

    /** Yield the latest posts, and again whenever one has changed, until the loop is left or the signal aborted. */
    watchLatest: ({ limit, signal }: WatchOptions & { limit?: number } = {}): AsyncGenerator<PostPage, void> =>
      followPage(reading("th_posts", signal, { limit }), bell, signal),

    /** Yield a post, and again whenever it has changed, until it has ended. */
    watch: (postId: string, { signal }: WatchOptions = {}): AsyncGenerator<Post, void> =>
      follow(reading("th_posts", signal, { postId }), bell, signal),
  };

  return {
    /** Begin a connection: this page becomes Threads' window. Call it when the user clicks "Connect". */
    startAuth: (auth: StartAuthOptions = {}): Promise<string> => connecting.startAuth(auth),

    /** Begin a sign-in with Threads, as `startAuth` does. `SIGN_IN=on` */
    startSignIn: (auth: Omit<StartAuthOptions, "accountId"> = {}): Promise<string> => connecting.startSignIn(auth),

    /** Finish a connection. Call it whenever the page opens, once the user is known. It does not throw. */
    async finishAuth(finish: FinishAuthOptions = {}): Promise<AuthOutcome> {
      const outcome = await connecting.finishAuth(finish);
      if (outcome.status !== "none") bell.ring();
      return outcome;
    },

    /** Publish a post, now or later. It is published once, however often it is sent with the same key. */
    publishThreads: (draft: Draft, publish: PublishOptions = {}): Promise<Published> =>
      announced(publishing.publish(draft, publish)),

    /** Check a draft, and return what would be sent, how much room is left, and the quota. Publishes nothing. */
    dryRun: (draft: Draft, { signal }: WatchOptions = {}): Promise<DryRun> => publishing.tryOut(draft, signal),

    /**
     * The user's posts that were sent from this browser in the last day, and of which no answer has said how they
     * ended, or whose account must be connected again.
     */
    unfinished: (): Promise<Unfinished[]> => publishing.unfinished(),

    /** Take a post out of `unfinished`. If it has reached the service, it is published all the same. */
    discard: (key: string): Promise<void> => publishing.discard(key),

    accounts,
    posts,
  };
}

/** Whether an account can publish now. If not, connect it again. */
export function canPublish(account: Account): boolean {
  return account.status === "active" && account.canPublish;
}
