// Following a post or the accounts by asking again, as seldom as possible.

import { ThreadsError } from "./errors.js";
import type { Post, PostPage } from "./types.js";
import { pause, sleep } from "./waiting.js";

export interface WatchOptions {
  /** Stops watching. */
  signal?: AbortSignal | undefined;
}

type Read<Value> = () => Promise<Value>;

const ENDED = new Set<Post["status"]>(["published", "deleted", "failed", "cancelled", "unknown"]);

/** The longest pause in seconds while something is due. */
const DUE = 30;

/** The longest pause in seconds while nothing is due: somebody may change or cancel the post elsewhere. */
const QUIET = 300;

/** The same for a page of posts: others may publish elsewhere. */
const PAGE_QUIET = 60;

/** Rings when this client has changed something, so that whoever watches it asks at once. */
export class Bell {
  rung = 0;
  readonly #dozing = new Set<() => void>();

  ring(): void {
    this.rung++;
    for (const wake of this.#dozing) wake();
  }

  /** Wait until it has rung more than so many times, the time is over, or the signal aborted. */
  async doze(seconds: number, rung: number, signal?: AbortSignal): Promise<void> {
    if (this.rung !== rung || signal?.aborted) return;
    const waking = new AbortController();
    const wake = () => waking.abort();
    this.#dozing.add(wake);
    signal?.addEventListener("abort", wake);
    await sleep(seconds, waking.signal).catch(() => undefined);
    this.#dozing.delete(wake);
    signal?.removeEventListener("abort", wake);
  }
}

/** Yield a post each time that it has changed, until it has ended. */
export async function* follow(read: Read<Post>, bell: Bell, signal?: AbortSignal): AsyncGenerator<Post, void> {
  for await (const post of changes(read, nextOf, bell, signal)) {
    yield post;
    if (ENDED.has(post.status)) return;
  }
}

/** Return in how many seconds to ask again: when the service goes on with the post, or soon, and ever later. */
function nextOf(post: Post, asked: number): number {
  const until = post.nextActionAt ? (Date.parse(post.nextActionAt) - Date.now()) / 1000 : 0;
  return until > 0 ? Math.min(until + 1, QUIET) : pause(asked, DUE);
}

/** Yield a page of posts each time that one of them has changed. */
export function followPage(read: Read<PostPage>, bell: Bell, signal?: AbortSignal): AsyncGenerator<PostPage, void> {
  const next = ({ posts }: PostPage, asked: number) => {
    const open = posts.filter(({ status }) => !ENDED.has(status));
    return Math.min(PAGE_QUIET, ...open.map((post) => nextOf(post, asked)));
  };
  return changes(read, next, bell, signal);
}

/** Ask again and again, and yield each answer that differs from the last one. Errors that may pass are waited out. */
export async function* changes<Value>(
  read: Read<Value>,
  next: (value: Value, asked: number) => number,
  bell: Bell,
  signal?: AbortSignal,
): AsyncGenerator<Value, void> {
  let last: string | undefined;
  let asked = 0; // since the last change
  while (!signal?.aborted) {
    const { rung } = bell;
    let seconds: number;
    try {
      const value = await read();
      const shown = JSON.stringify(value);
      asked = shown === last ? asked + 1 : 1;
      if (shown !== last) yield value;
      last = shown;
      seconds = next(value, asked);
    } catch (error) {
      if (signal?.aborted) return;
      if (!(error instanceof ThreadsError) || !error.retryable) throw error;
      seconds = error.retryAfter ?? pause(++asked, DUE);
    }
    await bell.doze(seconds, rung, signal);
    await untilVisible(signal);
  }
}

/** Wait while the page is in the background: nobody sees what has changed. */
function untilVisible(signal?: AbortSignal): Promise<void> {
  if (typeof document === "undefined" || !document.hidden || signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      document.removeEventListener("visibilitychange", done);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    document.addEventListener("visibilitychange", done);
    signal?.addEventListener("abort", done);
  });
}
