// What happened to a post: one line of time, from the page's calls, the functions' log, Threads' calls, the tasks and
// the webhooks. Most entries name the post. Where one is tied to it only by its words or by a container that looks
// like it, this is said.

import { ask } from "./calls.js";
import { h } from "./dom.js";
import { state, update } from "./store.js";
import { clockTime, kinds, outcome } from "./words.js";

const EVERY_MS = 1500;
const NEAR_MS = 2000; // a call may begin before its record, by the clock of another machine

export async function tell(post) {
  update({ panel: "story", storyOf: post.postId });
  requestAnimationFrame(() => document.getElementById("panel").scrollIntoView({ block: "nearest" }));
  await look();
}

export async function look() {
  if (state.panel !== "story" || !state.storyOf || document.hidden) return;
  const story = await ask("/journals").catch(() => undefined);
  if (story) update({ story });
}

setInterval(look, EVERY_MS);

export function story() {
  const post = state.posts?.find(({ postId }) => postId === state.storyOf);
  if (!post) return h("p", { class: "hint empty" }, "Choose “What happened” at a post.");
  if (!state.story) return h("div", { class: "skeleton tall" });
  const entries = entriesOf(post, state.story, state.calls);
  return h("div", { class: "story" },
    h("p", { class: "hint" }, kinds(post.content)[0] ?? "Text", post.content.text ? ` “${post.content.text.slice(0, 80)}”` : "", `: ${outcome(post)}.`),
    h("ol", null, entries.map((one) => h("li", { key: one.key, class: one.who, "data-fault": one.isFault ? "" : null },
      h("time", null, clockTime(one.at)), h("strong", null, one.name), " ", h("span", { class: "what" }, one.what), " ",
      one.result && h("span", { class: "result" }, one.result), one.guess && h("em", null, one.guess)))),
    entries.some(({ guess }) => guess) && h("p", { class: "hint" }, "Entries in italics are tied to the post by its words or by a container that looks like it. They may belong to another one."));
}

// --- Collecting ----------------------------------------------------------------------------------

export function entriesOf(post, journals, calls) {
  const ids = idsOf(post, journals.containers);
  const { postId } = post;
  const began = post.createdAt.toDate() - NEAR_MS;
  const entries = [
    ...calls.filter((it) => it.postId === postId).map(fromPage),
    ...journals.functions.filter((it) => it.postId === postId).map(fromFunction),
    ...journals.requests.flatMap((it, index) => fromThreads(it, index, post, ids, began)),
    ...journals.dispatches.filter((it) => it.sent?.postId === postId).map(fromTask),
    ...journals.tasks.filter((it) => it.sent?.postId === postId && !it.attempts).map(planned),
    ...journals.deliveries.filter((it) => ids.sure.has(it.sent?.values?.value?.id ?? it.sent?.values?.[0]?.value?.id)).map(fromWebhook),
  ];
  return entries.filter(({ at }) => !Number.isNaN(at.valueOf())).toSorted((a, b) => a.at - b.at);
}

// The ids of the post at Threads. Those of the record are sure; others are found by the post's words.
function idsOf(post, containers) {
  const sure = new Set([post.mediaId, post.containerId, ...(post.children ?? []).map(({ id }) => id)].filter(Boolean));
  const words = post.content.text ?? "";
  const near = containers.filter((it) => it.media_id && sure.has(it.media_id)
    || (words && it.content.text === words && new Date(it.created_at) >= post.createdAt.toDate() - NEAR_MS));
  return { sure, likely: new Set(near.flatMap((it) => [it.id, it.media_id]).filter(Boolean)) };
}

const fromPage = (it, index) => ({
  key: `page ${index} ${it.at}`, who: "page", at: new Date(it.at), name: "Page", what: `${it.method} ${it.name}`,
  result: it.status ? `answered ${it.status}${it.code ? ` ${it.code}` : ""} after ${it.ms} ms` : "no answer", isFault: !it.status || it.status >= 400,
});

const fromFunction = (it, index) => ({
  // The line is written at the end of the call.
  key: `function ${index} ${it.time}`, who: "function", at: new Date(new Date(it.time) - (it.milliseconds ?? 0)), name: it.caller === "task" ? "Function, for a task" : "Function",
  what: it.function ?? it.message, result: [it.status && `answered ${it.status} after ${it.milliseconds} ms`, it.error, it.post && `the post is ${it.post}`].filter(Boolean).join(", "),
  isFault: Boolean(it.error),
});

function fromThreads({ time, method, path, status, dropped, sent }, index, post, { sure, likely }, began) {
  const at = new Date(time);
  if (at < began || path.startsWith("/oauth") || path === "/access_token") return [];
  const named = [path.split("/").at(-1), path.split("/").at(-2), sent.creation_id, ...(sent.children ?? "").split?.(",") ?? []];
  const isSure = named.some((id) => sure.has(id));
  const saysTheSame = method === "POST" && sent.text && sent.text === post.content.text;
  if (!isSure && !saysTheSame && !named.some((id) => likely.has(id))) return [];
  const answer = dropped ? `connection lost ${dropped === "before" ? "before it was carried out" : "after it was carried out"}` : status ? `answered ${status}` : "no answer yet";
  return [{
    key: `threads ${index} ${time}`, who: "threads", at, name: "Threads", what: `${method} ${path.replace(/^\/v[\d.]+/, "")}${sent.media_type ? ` ${sent.media_type}` : ""}`,
    result: answer, isFault: Boolean(dropped) || status >= 400, guess: isSure ? "" : saysTheSame ? "by its words" : "by a container that looks like it",
  }];
}

const fromTask = (it, index) => ({
  key: `task ${index} ${it.time}`, who: "task", at: new Date(it.time), name: "Cloud Tasks", what: it.duplicate ? "delivers the task a second time" : it.retry_count ? `delivers the task, try ${it.retry_count + 1}` : "delivers the task",
  result: it.status ? `answered ${it.status}` : it.error ?? "under way", isFault: it.status >= 400 || Boolean(it.error),
});

const planned = (it) => ({
  key: `plan ${it.name}`, who: "task", at: new Date(it.created_at), name: "Cloud Tasks", what: "holds a task", result: `due ${new Date(it.next_try).toLocaleString()}`,
});

const fromWebhook = (it, index) => ({
  key: `webhook ${index} ${it.time}`, who: "webhook", at: new Date(it.time), name: "Webhook", what: it.kind,
  result: it.status ? `answered ${it.status}` : it.error ?? "under way", isFault: it.status >= 400,
});
