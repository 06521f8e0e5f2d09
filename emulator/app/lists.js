// The posts: those that need a decision, the queue, what is published, and what was given up.

import { threads } from "./calls.js";
import { open } from "./draft.js";
import { byId, h } from "./dom.js";
import { lookAgain } from "./preview.js";
import { connect, showMore } from "./session.js";
import { tell } from "./story.js";
import { act, notify, state, update } from "./store.js";
import { accountOf, avatar, body, complaint, person } from "./parts.js";
import { countdown, explain, kinds, moment, outcome, permissions, summary } from "./words.js";

const NOW_MS = 2000; // "now" must still be ahead when the service reads it

export function lists() {
  const { accounts, posts } = state;
  if (!accounts) return null;
  if (!posts) return h("section", { "aria-label": "Posts" }, h("div", { class: "skeleton tall" }));
  const all = withReplies(posts);
  const of = (name) => all.filter((post) => sectionOf(post) === name);
  return h("div", { class: "lists" },
    section("needs-you", "Needs you", of("needs-you")),
    section("queue", "Queue", of("queue")),
    section("published", "Published", of("published")),
    section("ended", "Not published", of("ended")),
    posts.length >= state.limit && h("button", { type: "button", onclick: showMore }, "Show older posts"));
}

function section(id, name, posts) {
  return posts.length > 0 && h("section", { key: id, id, "aria-labelledby": `${id}-title` },
    h("div", { class: "title" }, h("h2", { id: `${id}-title` }, name, " ", h("span", null, String(posts.length)))),
    h("ol", { class: "posts sheet" }, posts.map(row)));
}

// --- What belongs together, and where ------------------------------------------------------------

// The replies of a thread have records of their own. They are shown with its first post: each replies to the one before.
function withReplies(posts) {
  const byParent = new Map(posts.map((post) => [post.content.replyToId, post]));
  const inThreads = new Set();
  const whole = posts.map((post) => {
    const { thread = [] } = post.content;
    const replies = [];
    for (let last = post; last?.mediaId && replies.length < thread.length;) {
      last = byParent.get(last.mediaId);
      if (last) replies.push(last);
    }
    for (const reply of replies) inThreads.add(reply.postId);
    return { ...post, replies, total: 1 + thread.length, out: [post, ...replies].filter((it) => it.status === "published").length };
  });
  return whole.filter(({ postId }) => !inThreads.has(postId));
}

function sectionOf(post) {
  const { postId, status, replies, nextAction } = post;
  const hasFailed = [post, ...replies].some((it) => it.status === "failed" || it.status === "unknown");
  if (hasFailed) return putAside().has(postId) ? "ended" : "needs-you";
  if (status === "cancelled") return "ended";
  if (status === "scheduled" || status === "processing") return nextAction && !["wait", "resume"].includes(nextAction) ? "needs-you" : "queue";
  return "published";
}

const asideKey = () => `aside:${state.user?.uid}`;
const putAside = () => new Set(JSON.parse(localStorage.getItem(asideKey()) ?? "[]"));

function putAsideNow(postId) {
  localStorage.setItem(asideKey(), JSON.stringify([...putAside(), postId].slice(-100)));
  update({});
}

// --- One post ------------------------------------------------------------------------------------

function row(post) {
  const { postId, content, status, error, permalink, scheduledTime, updatedAt, nextAction, nextActionAt } = post;
  const account = accountOf(post.accountId);
  const isWaiting = status === "scheduled" || status === "processing";
  const isAtWork = status === "processing" && !error && nextAction !== "resume"; // till when, nobody knows
  const wait = isWaiting && !isAtWork && countdown(nextActionAt ?? post.dueAt, state.now);
  return h("li", { class: "post", key: postId, id: `post-${postId}`, tabindex: -1, "data-status": status },
    avatar(account),
    h("div", null,
      h("p", { class: "who" }, person(account), " ", kinds(content).map((kind) => h("span", { class: "kind" }, kind))),
      body(content),
      content.thread && h("ol", { class: "replies" }, content.thread.map((part, index) => reply(part, post.replies[index]))),
      h("p", { class: "foot" },
        h("span", { class: "status" }, outcome(post), error ? `: ${explain(error)}` : ""), " ",
        wait && h("span", { class: "wait" }, error ? `next try ${wait}` : wait), " ",
        !isWaiting && h("time", { datetime: updatedAt.toISOString() }, moment(updatedAt)), " ",
        isWaiting && !wait && scheduledTime && status === "scheduled" && h("span", { class: "wait" }, "due now"),
        permalink && status === "published" && h("a", { href: permalink, target: "_blank", rel: "noopener" }, "View on Threads")),
      h("p", { class: "foot actions" }, actions(post, account)),
      complaint(postId, (wrong) => wrong.nextAction === "reconnect" && h("button", { type: "button", onclick: () => act("connect", () => connect(post.accountId, wrong.scopes)) },
        wrong.scopes.length ? `Allow the app to ${permissions(wrong.scopes)}` : "Connect again"))));
}

function reply(part, record) {
  return h("li", null, body(part), h("p", { class: "foot", "data-status": record?.status },
    h("span", { class: "status" }, record ? outcome(record) : "Still to come", record?.error ? `: ${explain(record.error)}` : "")));
}

// --- What can be done ----------------------------------------------------------------------------

function actions(post, account) {
  const { postId, status, attempts, nextAction, nextActionAt, error, content } = post;
  const isWaiting = status === "scheduled" || status === "processing";
  const isUntouched = status === "scheduled" && !attempts;
  const isTooEarly = nextActionAt > state.now;
  const does = (name, action) => [name, () => act(`${name} ${postId}`, action, postId)];
  const offered = [
    nextAction === "reconnect" && ["Connect again", () => act("connect", () => connect(post.accountId, error?.scopes))],
    isWaiting && nextAction === "resume" && [...does("Try now", () => threads.posts.resume(postId)), isTooEarly],
    isUntouched && does("Publish now", () => publishNow(postId)),
    isUntouched && ["Edit", () => edit(post, "text")],
    isUntouched && ["Reschedule", () => edit(post, "time")],
    isWaiting && does("Cancel", () => withdraw(postId, threads.posts.cancel)),
    status === "published" && does("Repost", () => repost(postId)),
    status === "published" && does("Delete", () => confirm(`Delete ${summary(content)} from Threads?`) && withdraw(postId, threads.posts.delete)),
    ["failed", "cancelled", "unknown"].includes(status) && ["Write it again", () => edit(post)],
    status === "unknown" && account.username && ["Look at the account", () => window.open(`${state.config.threadsUrl}/@${account.username}`)],
    sectionOf(post) === "needs-you" && !isWaiting && ["Put away", () => putAsideNow(postId)],
    ["What happened", () => tell(post)],
    ["Copy as curl", () => copy(post)],
  ];
  return offered.filter(Boolean).map(([name, onclick, isOff]) =>
    h("button", { key: name, type: "button", class: "link", disabled: isOff, "aria-label": `${name}: ${summary(content)}`, "aria-busy": state.busy.has(`${name} ${postId}`) && "true", onclick }, name));
}

const publishNow = (postId) => threads.posts.change(postId, { scheduledTime: new Date(Date.now() + NOW_MS) });

async function withdraw(postId, way) {
  await way(postId);
  byId(`post-${postId}`)?.focus(); // the pressed button is gone
}

async function repost(postId) {
  await threads.posts.repost({ postId });
  notify("good", "Reposted.");
  lookAgain();
}

function edit(post, focusOn) {
  open(post, Boolean(focusOn));
  update({ chosenId: accountOf(post.accountId).accountId ?? state.chosenId, panel: "preview" });
  requestAnimationFrame(() => byId(focusOn ?? "text")?.focus());
}

// The request that would publish the same again. The token is not in it.
async function copy({ accountId, content }) {
  const request = JSON.stringify({ ...content, accountId, idempotencyKey: crypto.randomUUID() }, null, 2).replaceAll("'", "'\\''");
  await navigator.clipboard.writeText([
    `curl ${state.config.functionsUrl}/publish_threads`, '-H "Authorization: Bearer $TOKEN"',
    "-H 'Content-Type: application/json'", `-d '${request}'`,
  ].join(" \\\n  "));
  notify("plain", "Copied. The page docs/api.md says how to get a TOKEN.");
}
