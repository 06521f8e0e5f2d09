// Waiting, and repeating a request that may be repeated.

import { ThreadsError } from "./errors.js";

/** What is waited for. */
export interface Wait {
  /** How long, in seconds. */
  seconds: number;
  /** Why: what the last request was answered. */
  error: ThreadsError;
  /** How many requests have been sent. */
  attempts: number;
}

/** How long to try, and how to stop. */
export interface RetryOptions {
  /** For how many seconds the same request is sent again if it may succeed. 0: it is sent once. */
  retryFor?: number | undefined;
  /** Stops waiting and asking. */
  signal?: AbortSignal | undefined;
  /** Is called before each wait. */
  onWait?: ((wait: Wait) => void) | undefined;
}

/** The longest pause in seconds if the service does not say how long to wait. */
const LONGEST_PAUSE = 15;

/**
 * Send a request until it succeeds, may not be repeated, or would be repeated too late. Throws the last error.
 * `usual` is how long to try if the options do not say it.
 */
export async function repeat<Answer>(
  send: () => Promise<Answer>,
  usual: number,
  { retryFor = usual, signal, onWait }: RetryOptions,
): Promise<Answer> {
  const ends = Date.now() + retryFor * 1000;
  for (let attempts = 1; ; attempts++) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ThreadsError) || !error.retryable) throw error;
      const seconds = error.retryAfter ?? pause(attempts);
      if (Date.now() + seconds * 1000 > ends) throw error;
      onWait?.({ seconds, error, attempts });
      await sleep(seconds, signal);
    }
  }
}

/** Return how many seconds to wait after so many attempts: 1, 2, 4 and so on, a little more or less. */
export function pause(attempts: number, longest = LONGEST_PAUSE): number {
  return Math.min(2 ** (attempts - 1), longest) * (0.75 + Math.random() / 2);
}

/** How long a second lasts. Tests make it shorter. */
export const time = { second: 1000 };

/** Wait. Throws the reason of the signal if that ends it. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * time.second);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
