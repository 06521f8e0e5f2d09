// The words of the functions: what is sent, and what they answer. docs/api.md and docs/options.md explain them.

/** What can be published: see docs/options.md. */
export interface PostOptions {
  text?: string;
  imageUrl?: string;
  videoUrl?: string;
  media?: { imageUrl?: string; videoUrl?: string; altText?: string }[];
  altText?: string;
  replyControl?: "everyone" | "accounts_you_follow" | "mentioned_only" | "parent_post_author_only" | "followers_only";
  replyToId?: string;
  quotePostId?: string;
  linkAttachment?: string;
  topicTag?: string;
  poll?: string[];
  gif?: { id: string };
  textAttachment?: {
    plaintext: string;
    link?: string;
    styling?: { offset: number; length: number; styles: string[] }[];
  };
  spoilers?: { offset: number; length: number }[];
  spoilerMedia?: boolean;
  ghost?: boolean;
  replyApprovals?: boolean;
  countries?: string[];
  locationId?: string;
  shareToInstagram?: boolean;
}

/** A post to publish. */
export interface Draft extends PostOptions {
  /** Which account publishes. Needed if the user has connected several. */
  accountId?: string;
  /** A root and its replies, instead of the options above. */
  thread?: PostOptions[];
  /** Whether a text that is too long becomes a thread. */
  split?: boolean;
  /** When to publish: a moment within 30 days, or its text in ISO 8601 with a time zone. */
  scheduledTime?: string | Date;
  /** Whether to leave the post to a task. */
  queue?: boolean;
}

export type PostStatus =
  | "scheduled" | "processing" | "published" | "deleted" | "failed" | "cancelled" | "unknown";

/** What publishing answers. */
export interface Published {
  postId: string;
  accountId: string;
  status: "published" | "deleted" | "scheduled" | "processing";
  /** The media id at Threads. */
  id?: string;
  permalink?: string;
  scheduledTime?: string;
  instagramStatus?: string;
  /** The media ids of a thread's posts. */
  ids?: string[];
}

/** A post's record. */
export interface Post {
  postId: string;
  accountId: string;
  status: PostStatus;
  content: PostOptions & { thread?: PostOptions[] };
  attempts: number;
  createdAt: string;
  updatedAt: string;
  id?: string;
  permalink?: string;
  instagramStatus?: string;
  scheduledTime?: string;
  error?: import("./errors.js").AnsweredError;
  nextAction?: string;
  nextActionAt?: string;
  /** After the first post of a thread was deleted: the others. */
  replies?: { postId: string; status: PostStatus; id?: string }[];
}

export interface Account {
  accountId: string;
  displayName: string;
  username: string;
  avatarUrl?: string;
  accountType: string;
  status: "active" | "reconnect_required";
  expiresAt: string;
  canPublish: boolean;
  enabled_for_repost: boolean;
  statusReason?: "token_rejected" | "token_expired" | "disconnecting";
  refreshError?: string;
  refusedScopes?: string[];
}

export interface Accounts {
  /** The default account first. */
  accounts: Account[];
  defaultAccountId: string | null;
  connectedCount: number;
}

export interface Profile {
  platformId: string;
  displayName: string;
  username: string;
  avatarUrl?: string;
  accountType: string;
}

/** What a post would be, without publishing it. */
export interface DryRun {
  accountId: string;
  wouldSend: Record<string, unknown>;
  counts: Record<string, { count: number; limit: number; counting?: string }>;
  scopes: string[];
  quota: { used: number; total: number };
  children?: Record<string, unknown>[];
  thread?: Pick<DryRun, "wouldSend" | "counts">[];
}
