// The composer: a draft with its posts, when it is published, and the button.

import { threads } from "./calls.js";
import {
  LIMIT, MOST_POSTS, addPart, change, changePart, clear, count, ended, instant, isEmpty, isSplittable, localTime,
  localZone, problem, removePart, sending, stopped, toChange, toRequest,
} from "./draft.js";
import { byId, h } from "./dom.js";
import { attachments, picker, tools } from "./attachments.js";
import { options } from "./options.js";
import { lookAgain } from "./preview.js";
import { moved, selected, wordsIn } from "./ranges.js";
import { connect } from "./session.js";
import { act, chosenAccount, notify, state, update } from "./store.js";
import { accountOf, complaint } from "./parts.js";
import { countdown, explain, moment, permissions } from "./words.js";

const NEARLY_FULL = 50;
const MAX_DAYS_AHEAD = 30; // the limit of the service and of Cloud Tasks
const DAY = 86_400_000;

// --- Sending -------------------------------------------------------------------------------------

async function send() {
  const { draft, chosenId } = state;
  if (draft.editing) done(await threads.posts.change(draft.editing, toChange(draft)));
  else done(await publish({ ...toRequest(draft), accountId: chosenId }, draft.key));
}

// Goes on with what was being sent when the page was loaded again: the same request, from the same account.
async function goOn() {
  const { key } = state.draft;
  const unfinished = await threads.unfinished().catch(() => []);
  const request = unfinished.find((one) => one.key === key)?.draft;
  if (!request) return stopped();
  update({ chosenId: accountOf(request.accountId).accountId ?? state.chosenId });
  done(await publish(request, key));
}

function done({ status, scheduledTime }) {
  if (status === "scheduled" && scheduledTime) notify("good", `Scheduled for ${moment(new Date(scheduledTime))}.`);
  clear(); // the lists show the post now
  lookAgain(); // the quota is another one
  requestAnimationFrame(() => byId("text")?.focus()); // when the composer is made anew
}

// A passing error is waited out. Whoever does not want to wait stops, and may press the button again.
async function publish(request, key) {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error("You stopped. The draft is kept, and may be sent again."));
  const onWait = ({ seconds, error }) => update({ wait: { until: Date.now() + 1000 * seconds, reason: explain(error), stop } });
  sending();
  try {
    return await threads.publishThreads(request, { key, permalink: true, onWait, signal: stopping.signal });
  } catch (error) {
    if (error.postStatus) ended();
    else stopped(error.postId);
    throw error;
  } finally {
    update({ wait: undefined });
  }
}

// Called after each change of the state. A draft whose post was published after all, without this page, is done.
export function settle() {
  const { draft, busy, posts, accounts } = state;
  if (busy.has("publish") || !draft.tried) return;
  if (draft.isSending && accounts?.length) return void act("publish", goOn, "composer");
  const post = posts?.find(({ postId }) => postId === draft.postId);
  if (!post || !["published", "deleted"].includes(post.status)) return;
  clear();
  update({ complaints: {}, notice: { kind: "good", text: "Your post is published now." } });
}

function submit(event) {
  event?.preventDefault();
  if (!obstacle() && !problem(state.draft)) act("publish", send, "composer");
}

export function onKey(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
}

// Why this account cannot publish, before one writes; undefined if it can.
function obstacle() {
  const account = chosenAccount();
  if (!account) return undefined;
  if (account.status !== "active") return `@${account.username} has no access to Threads any more. Connect it again to publish.`;
  if (account.canPublish === false) return `@${account.username} has not allowed the app to publish. Connect it again, and allow it.`;
  return undefined;
}

// --- The form ------------------------------------------------------------------------------------

export function composer() {
  const { draft, accounts } = state;
  if (!accounts?.length) return null;
  const account = chosenAccount();
  const why = obstacle();
  return h("section", { id: "writing", "aria-labelledby": "post-title", class: "write" },
    h("div", { class: "title" },
      h("h2", { id: "post-title" }, draft.editing ? "Change a scheduled post " : "New post ",
        h("span", { id: "author" }, `as @${account?.username}`)),
      draft.editing ? h("button", { type: "button", onclick: clear }, "Leave it as it was")
        : !isEmpty(draft) && h("button", { type: "button", class: "link", onclick: clear }, "Clear")),
    h("form", { id: "composer", class: "sheet", novalidate: true, onsubmit: submit, onkeydown: onKey },
      why && h("div", { class: "banner bad", role: "alert" }, h("p", null, why),
        h("button", { type: "button", "aria-label": `Connect @${account.username} again`, onclick: () => act("connect", () => connect(account.accountId)) }, "Connect again")),
      draft.parts.map((part, index) => onePart(part, index)),
      splitOffer(),
      options(),
      when(),
      waiting(),
      h("div", { id: "complaint" }, !why && complaint("composer", (error) => forComposer(error, account))),
      bar(why)));
}

function waiting() {
  const { wait, now } = state;
  return wait && h("div", { class: "banner", "aria-live": "polite" },
    h("p", null, wait.reason, h("br"), h("strong", { "aria-hidden": "true" }, `Trying again ${countdown(wait.until, now) || "now"}.`), " It is published once, whatever happens."),
    h("button", { type: "button", onclick: wait.stop }, "Stop"));
}

function forComposer(error, account) {
  return [
    error.retryable && h("p", { key: "again" }, error.postId ? "The service goes on with this post by itself. " : "",
      countdown(error.retryAt, state.now) ? `You can try again ${countdown(error.retryAt, state.now)}.` : "You can try again now."),
    error.nextAction === "reconnect" && h("button", { key: "allow", type: "button", onclick: () => act("connect", () => connect(account.accountId, error.scopes)) },
      error.scopes.length ? `Allow the app to ${permissions(error.scopes)}` : "Connect again"),
  ];
}

function onePart(part, index) {
  const { parts } = state.draft;
  const id = index ? `text-${index}` : "text";
  const name = parts.length > 1 ? `Post ${index + 1}` : "Text";
  const type = ({ target }) => changePart(index, { text: target.value, spoilers: moved(part.spoilers, part.text, target.value) });
  return h("div", { class: `part ${parts.length > 1 ? "of-thread" : ""}`, key: part.id },
    parts.length > 1 && h("p", { class: "part-title" }, h("span", null, `${index + 1} of ${parts.length}`),
      h("button", { type: "button", class: "link", "aria-label": `Remove post ${index + 1}`, onclick: () => removePart(index) }, "Remove")),
    h("label", { for: id, class: "unseen" }, name),
    h("textarea", {
      id, rows: 3, value: part.text, oninput: type, "aria-describedby": index ? null : "count",
      placeholder: index ? "And then …" : "What’s new?", readonly: state.busy.has("publish"),
    }),
    hidden(part, index),
    attachments(part, index),
    tools(part, index, () => hideSelection(part, index)),
    picker(part, index));
}

// --- Hidden words --------------------------------------------------------------------------------

function hideSelection(part, index) {
  const { offset, length } = selected(byId(index ? `text-${index}` : "text"));
  const overlaps = part.spoilers.some((it) => it.offset < offset + length && offset < it.offset + it.length);
  if (!length) return notify("plain", "First select the words to hide.");
  if (overlaps) return notify("plain", "These words are hidden already.");
  changePart(index, { spoilers: [...part.spoilers, { offset, length }].toSorted((a, b) => a.offset - b.offset) });
}

function hidden({ text, spoilers }, index) {
  return spoilers.length > 0 && h("p", { class: "chips" }, "Hidden until tapped: ", spoilers.map((range, at) =>
    h("button", { type: "button", class: "chip", "aria-label": `Show “${wordsIn(text, range)}” again`,
      onclick: () => changePart(index, { spoilers: spoilers.filter((_, other) => other !== at) }) }, wordsIn(text, range), " ×")));
}

// --- Threads and long texts ----------------------------------------------------------------------

function splitOffer() {
  const { draft } = state;
  if (isSplittable(draft)) {
    return h("label", { class: "banner", key: "split" },
      h("input", { type: "checkbox", checked: draft.split, onchange: ({ target }) => change({ split: target.checked }) }),
      h("span", null, h("strong", null, "Split it into a thread? "), "Cut at the ends of sentences; the posts follow each other as replies."));
  }
  const canAdd = draft.parts.length < MOST_POSTS && !draft.options.ghost && !isEmpty(draft);
  return h("p", { class: "add", key: "add" }, canAdd && h("button", { type: "button", class: "link", onclick: addPart }, "Add to thread"));
}

// --- When ----------------------------------------------------------------------------------------

function when() {
  const { isLater, time, zone, editing } = state.draft;
  const choice = (name, later) => h("label", null,
    h("input", { type: "radio", name: "when", checked: isLater === later, onchange: () => choose(later) }), h("span", null, name));
  return h("fieldset", { class: "when" },
    h("legend", { class: "unseen" }, "When"),
    h("div", { class: "switch" }, editing ? null : choice("Now", false), choice("Later", true)),
    isLater && h("div", { class: "later" },
      h("div", { class: "quick" }, quickTimes().map(([name, date]) =>
        h("button", { type: "button", class: "chip", onclick: () => change({ time: localTime(date, zone) }) }, name))),
      h("label", null, "Publish at", h("input", {
        id: "time", type: "datetime-local", step: "any", value: time, min: localTime(new Date(), zone),
        max: localTime(new Date(Date.now() + MAX_DAYS_AHEAD * DAY), zone), oninput: ({ target }) => change({ time: target.value }),
      })),
      h("label", null, "Time zone", h("select", { value: zone, onchange: ({ target }) => change({ zone: target.value }) },
        zones().map((name) => h("option", { value: name }, name.replaceAll("_", " "))))),
      time && h("p", { class: "hint" }, said(instant(time, zone), zone))));
}

// Of a time that has passed, the last row says so.
function said(date, zone) {
  const left = countdown(date, state.now);
  const here = zone === localZone() ? "" : `, ${moment(date)} here`;
  return left && `That is ${left}${here}.`;
}

let allZones;
const zones = () => (allZones ??= [...new Set([localZone(), "UTC", ...Intl.supportedValuesOf("timeZone")])]);

function choose(isLater) {
  const soon = new Date(Date.now() + 3_600_000);
  soon.setMinutes(60, 0, 0);
  change({ isLater, time: state.draft.time || localTime(soon, state.draft.zone) });
}

// Clock times are those of the chosen zone.
function quickTimes() {
  const { zone } = state.draft;
  const day = (days) => localTime(new Date(Date.now() + days * DAY), zone).slice(0, 10);
  const toMonday = (8 - new Date(`${day(0)}T12:00Z`).getUTCDay()) % 7 || 7;
  return [
    ["In an hour", new Date(Date.now() + 3_600_000)],
    ["This evening", instant(`${day(0)}T18:00`, zone)],
    ["Tomorrow morning", instant(`${day(1)}T09:00`, zone)],
    ["Monday morning", instant(`${day(toMonday)}T09:00`, zone)],
  ].filter(([, date]) => date > Date.now());
}

// --- The last row --------------------------------------------------------------------------------

function bar(why) {
  const { draft, busy } = state;
  const name = draft.editing ? "Save" : draft.isLater ? "Schedule" : "Publish";
  const reason = problem(draft);
  return h("div", { class: "bar" },
    ring(),
    h("p", { class: "hint grow" },
      busy.has("publish") ? "On its way …" : draft.wasTried && !reason ? "An earlier version was sent, and may still be published." : !isEmpty(draft) && reason),
    h("button", { id: "publish", class: "primary", disabled: Boolean(reason || why), "aria-busy": busy.has("publish") && "true", title: "Ctrl or Cmd + Enter" }, name));
}

function ring() {
  const left = LIMIT - Math.max(...state.draft.parts.map(({ text }) => count(text)));
  const level = left < 0 ? "over" : left < NEARLY_FULL ? "near" : "";
  return h("span", { id: "count", class: `count ${level}` },
    h("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" },
      h("circle", { cx: 10, cy: 10, r: 8 }),
      h("circle", { class: "ring", cx: 10, cy: 10, r: 8, pathLength: 100, "stroke-dashoffset": Math.max(0, (100 * left) / LIMIT) })),
    h("span", { id: "left" }, String(left)), h("span", { class: "unseen" }, " left"));
}
