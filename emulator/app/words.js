// Words for people: of errors, permissions, states and times.

const PERMISSIONS = {
  threads_basic: "see your profile",
  threads_content_publish: "publish posts for you",
  threads_delete: "delete your posts",
  threads_location_tagging: "tag locations",
  threads_manage_replies: "write replies for you",
  threads_read_replies: "read your replies",
  threads_share_to_instagram: "share posts to Instagram",
};

export const permissions = (scopes) => scopes.map((scope) => PERMISSIONS[scope] ?? scope).join(", ");

// Most messages of the service are for people. These are for the developer, or can be said shorter here.
const EXPLANATIONS = {
  no_answer: () => "The service did not answer. Try again: nothing is done twice.",
  unauthenticated: () => "Your session has ended. Sign out, and sign in again.",
  cancelled: () => "This post was cancelled before it was published.",
  idempotency_mismatch: () => "An earlier version of this draft was already sent. Change a word to send it as a new post.",
  missing_scope: ({ scopes = [] }) => `This account has not yet allowed the app to ${permissions(scopes)}.`,
  not_cancellable: () => "It is too late to cancel this post.",
  not_changeable: () => "This post is already being published, so it cannot be changed any more.",
  text_too_long: () => "The text is too long for one post.",
};

const FIELDS = {
  altText: "Description", countries: "Countries", gif: "GIF", imageUrl: "Picture", linkAttachment: "Link card",
  locationId: "Location", media: "Carousel", poll: "Poll", quotePostId: "Quoted post", replyToId: "Reply to",
  scheduledTime: "Time", spoilers: "Hidden words", text: "Text", textAttachment: "Long text", topicTag: "Topic",
  videoUrl: "Film",
};

export function explain({ code, message = "", details = [], scopes = [] }) {
  if (EXPLANATIONS[code]) return EXPLANATIONS[code]({ scopes });
  const told = details.length ? details.map(detail).join(" ") : message;
  return FOR_PEOPLE.reduce((text, [from, to]) => text.replace(from, to), told);
}

const FOR_PEOPLE = [
  ["The same request with the same idempotency key finds out, and does not publish it twice.", "It will be found out, and is not published twice."],
  [/,? with a new idempotency key/, ""],
];

// "media[1]" is the second one, and "thread[0].poll" the poll of the first post.
function detail({ field, message }) {
  const name = field.match(/(\w+)(?:\[\d+\])?$/)?.[1];
  const number = field.match(/\[(\d+)\]/)?.[1];
  const place = number === undefined ? "" : ` (${field.startsWith("thread") ? "post " : ""}${Number(number) + 1})`;
  return `${FIELDS[name] ?? "Post"}${place} ${message}`;
}

// --- Posts -----------------------------------------------------------------------------------------

export function outcome({ status, dueAt, error, nextAction, out, total }) {
  if (status === "published" && out < total) return `${out} of ${total} posts are out`;
  switch (status) {
    case "scheduled": return `${error ? "Delayed until" : "Scheduled for"} ${moment(dueAt)}`;
    case "processing": return error ? "Delayed" : nextAction === "resume" ? "Interrupted" : "On its way";
    case "published": return "Published";
    case "deleted": return "Deleted";
    case "failed": return "Failed";
    case "cancelled": return "Cancelled";
    default: return "It is not known whether it is out";
  }
}

export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

// What a post is, beyond its text.
export function kinds({ imageUrl, videoUrl, media = [], poll, gif, linkAttachment, textAttachment, thread = [], ghost, replyToId, quotePostId }) {
  return [
    thread.length > 0 && `Thread of ${thread.length + 1}`, imageUrl && "Picture", videoUrl && "Film",
    media.length > 0 && `Carousel of ${media.length}`, poll && "Poll", gif && "GIF", linkAttachment && "Link",
    textAttachment && "Long text", ghost && "Ghost", replyToId && "Reply", quotePostId && "Quote",
  ].filter(Boolean);
}

export const summary = ({ text }) => (text ? `“${text.slice(0, 60)}”` : "this post");

// --- Times -----------------------------------------------------------------------------------------

export function moment(date) {
  if (!date) return "";
  const isToday = date.toDateString() === new Date().toDateString();
  const day = isToday ? {} : { weekday: "short", month: "short", day: "numeric" };
  return date.toLocaleString([], { ...day, hour: "numeric", minute: "2-digit" });
}

export function clockTime(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1 });
}

export function countdown(until, now) {
  const seconds = Math.ceil((until - now) / 1000);
  if (!(seconds > 0)) return ""; // also if no time is known
  if (seconds < 90) return `in ${seconds} s`;
  if (seconds < 5400) return `in ${Math.round(seconds / 60)} min`;
  return seconds < 129_600 ? `in ${count(Math.round(seconds / 3600), "hour")}` : `in ${count(Math.round(seconds / 86_400), "day")}`;
}

export function expiry(date) {
  const left = countdown(date, Date.now());
  return left ? `access lasts ${left.slice(3)}` : "access has expired";
}
