// Publishing one post: one key from the first request to the end, over repetitions and reloads.

import { ThreadsError } from "./errors.js";
import type { Caller } from "./http.js";
import { Stored, type Store } from "./storage.js";
import type { Draft, DryRun, Published } from "./types.js";
import { repeat, type RetryOptions } from "./waiting.js";

export interface PublishOptions extends RetryOptions {
  /**
   * The name of this post. Requests with the same key are one post. By default it is the key of a post with the same
   * content that is unfinished, or was answered just now, so that a second click is the same post. Or else a new one.
   */
  key?: string;
  /** Whether the answer has the post's address at Threads, which costs one more call to Threads. */
  permalink?: boolean;
}

/** A post that was sent, and of which nobody has said how it ended, or whose account must be connected again. */
export interface Unfinished {
  key: string;
  draft: Draft;
  /** When it was first sent, in milliseconds since 1970. */
  since: number;
}

/** How long one call of `publishThreads` asks again, in seconds. */
const PUBLISH_SECONDS = 60;

/** How long an unfinished post is kept, in milliseconds: the service knows its key for 30 days, its author hardly. */
const KEPT = 24 * 3600 * 1000;

/** For how long after its answer the same draft is the same post, in milliseconds: whoever clicks again meant one. */
const ECHO = 10_000;

export class Publishing {
  readonly #caller: Caller;
  readonly #store: Stored<Unfinished[]>;
  #answered: (Unfinished & { owner: string; until: number })[] = [];

  constructor(caller: Caller, store: Store) {
    this.#caller = caller;
    this.#store = new Stored(store);
  }

  async publish(draft: Draft, options: PublishOptions): Promise<Published> {
    const { permalink = false, signal } = options;
    const owner = await this.#owner();
    const { key, since } = this.#name(owner, draft, options.key);
    this.#write(owner, key, { key, draft, since });
    const headers = permalink ? { Prefer: "return=representation" } : {};
    const body = { ...draft, idempotencyKey: key };
    try {
      const call = { method: "POST", headers, body, signal } as const;
      const send = () => this.#caller.call<Published>("publish_threads", call);
      const published = await repeat(send, PUBLISH_SECONDS, options);
      this.#write(owner, key);
      const known = this.#recent();
      if (!known.some((one) => one.key === key)) known.push({ owner, key, draft, since, until: Date.now() + ECHO });
      this.#answered = known;
      return published;
    } catch (error) {
      if (error instanceof ThreadsError && hasEnded(error)) this.#write(owner, key);
      throw error;
    }
  }

  tryOut(draft: Draft, signal?: AbortSignal): Promise<DryRun> {
    return this.#caller.call("publish_threads", { method: "POST", body: { ...draft, dryRun: true }, signal });
  }

  async unfinished(): Promise<Unfinished[]> {
    return this.#read(await this.#owner());
  }

  async discard(key: string): Promise<void> {
    this.#write(await this.#owner(), key);
  }

  /** The user has done something else since: from now on, the same draft is another post. */
  forgetAnswered(): void {
    this.#answered = [];
  }

  /** Posts belong to their author: the next user of this browser must not publish them. */
  async #owner(): Promise<string> {
    return `unfinished:${await this.#caller.userId()}`;
  }

  /** Return the key of a post, and when it was first sent. */
  #name(owner: string, draft: Draft, key?: string): Omit<Unfinished, "draft"> {
    const content = JSON.stringify(draft);
    const isSame = (one: Unfinished) => (key ? one.key === key : JSON.stringify(one.draft) === content);
    const own = this.#recent().filter((one) => one.owner === owner);
    return [...this.#read(owner), ...own].find(isSame) ?? { key: key ?? crypto.randomUUID(), since: Date.now() };
  }

  #recent() {
    return this.#answered.filter(({ until }) => Date.now() < until);
  }

  #read(owner: string): Unfinished[] {
    return (this.#store.read(owner) ?? []).filter(({ since }) => Date.now() - since < KEPT);
  }

  #write(owner: string, key: string, unfinished?: Unfinished): void {
    const others = this.#read(owner).filter((one) => one.key !== key);
    const all = unfinished ? [...others, unfinished] : others;
    this.#store.write(owner, all.length ? all : undefined);
  }
}

/** Return whether no request with the same key goes on with the post. */
function hasEnded(error: ThreadsError): boolean {
  return !error.retryable && error.nextAction !== "reconnect";
}
