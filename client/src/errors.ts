// The one error of this client, whatever went wrong.

import type { AnsweredError, ErrorCode, ErrorDetail, NextAction, PostStatus, Scope } from "./types.js";

/** The error of an answer, or one of this client. */
export type Reason = Omit<AnsweredError, "code"> & { code: ErrorCode };

/** What an answer that is an error says beside its `error`. */
export interface ErrorContext {
  /** The status of HTTP, or 0 if there was no answer. */
  httpStatus: number;
  /** Seconds after which the same request may succeed, from the header `Retry-After`. */
  retryAfter?: number | undefined;
  status?: PostStatus | undefined;
  postId?: string | undefined;
  accountId?: string | undefined;
}

/** A request that did not succeed. `message` is in plain English and says what to do. */
export class ThreadsError extends Error {
  override readonly name = "ThreadsError";
  /** What went wrong. `no_answer`: the function could not be reached, or its answer was lost. */
  readonly code: ErrorCode;
  /** The status of HTTP, or 0 if there was no answer. */
  readonly status: number;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;
  /** Seconds to wait before the same request. */
  readonly retryAfter: number | undefined;
  /** What to offer to the user: `reconnect`, `choose_account`, `sign_in` and so on. */
  readonly nextAction: NextAction | undefined;
  /** Every broken rule, if there are several. */
  readonly details: readonly ErrorDetail[];
  /** The permissions that a `missing_scope` is about. */
  readonly scopes: readonly Scope[];
  /** The post that this is about, if it has a record. */
  readonly postId: string | undefined;
  readonly accountId: string | undefined;
  /** How the post has ended: `failed`, `cancelled` or `unknown`. Undefined: it has not ended. */
  readonly postStatus: PostStatus | undefined;
  /** Meta's own id of the call that failed, for Meta's support. */
  readonly fbtraceId: string | undefined;
  /** A page that explains this error. */
  readonly helpUrl: string | undefined;

  constructor(error: Reason, context: ErrorContext, options?: ErrorOptions) {
    super(error.message, options);
    this.code = error.code;
    this.status = context.httpStatus;
    this.retryable = error.retryable;
    this.retryAfter = context.retryAfter;
    this.nextAction = error.nextAction;
    this.details = error.details ?? [];
    this.scopes = error.scopes ?? [];
    this.postId = context.postId;
    this.accountId = context.accountId;
    this.postStatus = context.status;
    this.fbtraceId = error.fbtraceId;
    this.helpUrl = error.helpUrl;
  }
}
