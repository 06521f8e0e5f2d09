// The client: what an app calls. `createThreadsClient` makes one.

import { Caller, type ThreadsClientOptions } from "./http.js";

export { ThreadsError } from "./errors.js";
export type { AnsweredError, ErrorDetail } from "./errors.js";
export type { ThreadsClientOptions, TokenSource } from "./http.js";

/** Make a client for the user of the moment. */
export function createThreadsClient(options: ThreadsClientOptions) {
  const caller = new Caller(options);
  return { caller };
}
