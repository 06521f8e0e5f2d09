// The words of the functions, from docs/openapi.yaml: what is sent, and what they answer.

import type { components } from "./openapi.js";

type Schemas = components["schemas"];

/** An answer without its `ok`: an answer that is not ok is thrown. */
type Answer<Name extends keyof Schemas> = Omit<Schemas[Name], "ok">;

/** A post to publish. Its key is not part of it. */
export type Draft = Omit<Schemas["PublishRequest"], "scheduledTime" | "idempotencyKey" | "dryRun" | "userId"> & {
  /** When to publish: a moment within 30 days, or its text in ISO 8601 with a time zone. */
  scheduledTime?: string | Date;
};

/** A change of a scheduled post. An option takes the place of the one that the post has, and `null` removes it. */
export type PostChange = { [Name in keyof Omit<Draft, "accountId" | "queue">]?: Draft[Name] | null };

export type PostStatus = Schemas["PostStatus"];
export type Published = Omit<Schemas["PublishedAnswer"], "ok" | "status" | "id"> & {
  status: (Schemas["PublishedAnswer"] | Schemas["AcceptedAnswer"])["status"];
  /** Its media id at Threads, once it is out. */
  id?: string;
  /** When it is published, if it is not out. */
  scheduledTime?: string;
};
export type DryRun = Answer<"DryRunAnswer">;
export type Post = Answer<"PostAnswer">;
export type PostPage = Answer<"PostsAnswer">;
export type Repost = Answer<"RepostAnswer">;
export type Account = Schemas["Account"];
export type Accounts = Answer<"AccountsAnswer">;
export type AccountChange = Omit<Schemas["AccountChangeRequest"], "accountId">;
export type Disconnected = Answer<"DisconnectAnswer">;
export type Forgetting = Answer<"ForgetAnswer">;
export type Profile = Schemas["Profile"];
export type Scope = Schemas["Scope"];
export type AuthFinished = Answer<"AuthFinishAnswer">;
export type AnsweredError = Schemas["ThreadsError"];
export type ErrorDetail = Schemas["ErrorDetail"];
export type NextAction = Schemas["NextAction"];
/** A code of an error of the service, or of this client: `no_answer` and `unexpected_answer`. */
export type ErrorCode = Schemas["ErrorCode"] | "no_answer" | "unexpected_answer";
