// The preview: what a dry run says would be sent. It is asked for a moment after the draft has changed.

import { threads } from "./calls.js";
import { isEmpty, problem, toRequest } from "./draft.js";
import { h } from "./dom.js";
import { connect } from "./session.js";
import { act, chosenAccount, state, update } from "./store.js";
import { accountOf, avatar, body, person } from "./parts.js";
import { explain, permissions } from "./words.js";

const PAUSE_MS = 400;

let asked; // what the last answer, or the one that is waited for, is about
let timer;

// Called after each change of the state.
export function lookAt() {
  const account = chosenAccount();
  const isReady = account?.status === "active" && account.canPublish !== false && !problem(state.draft);
  const request = isReady ? JSON.stringify({ ...toRequest(state.draft), accountId: state.chosenId }) : undefined;
  if (request === asked) return;
  asked = request;
  clearTimeout(timer);
  update({ check: request ? { ...state.check, is: "asking" } : { ...state.check, is: "idle", error: undefined } });
  if (request) timer = setTimeout(ask, PAUSE_MS, request);
}

async function ask(request) {
  const outcome = await threads.dryRun(JSON.parse(request)).then(
    (answer) => ({ is: "said", answer }), (error) => ({ ...state.check, is: "failed", error }));
  if (request === asked) update({ check: outcome });
}

// After an outage, and after a post, which used some of the quota.
export function lookAgain() {
  asked = null;
}

export function preview() {
  const { check, draft } = state;
  const { answer, error } = check;
  if (isEmpty(draft) || !state.accounts?.length) return h("p", { class: "hint empty" }, "What you write is shown here as Threads would get it.");
  if (check.is === "failed") return failed(error);
  if (check.is === "idle") return h("p", { class: "hint empty" }, problem(draft) ?? "Connect the account again to see what would be sent.");
  if (!answer) return h("p", { class: "hint empty" }, "Checking what Threads would get …");
  return h("div", { class: "preview", "aria-busy": check.is === "asking" && "true" },
    [answer, ...(answer.thread ?? [])].map((one, index) => card(one, index, answer.accountId)),
    answer.quota && h("p", { class: "hint" }, `${answer.quota.used} of ${answer.quota.total} posts used in the last 24 hours.`),
    h("details", { class: "sent" }, h("summary", null, "What Threads would get"),
      h("pre", { tabindex: 0 }, JSON.stringify([answer, ...(answer.thread ?? [])].map(({ wouldSend, children }) => ({ ...wouldSend, ...(children && { children }) })), null, 2))));
}

function failed(error) {
  return h("div", { class: "banner" },
    h("p", null, h("strong", null, "Not checked. "), explain(error)),
    error.nextAction === "reconnect" && h("button", { type: "button", onclick: () => act("connect", () => connect(state.chosenId, error.scopes)) },
      error.scopes.length ? `Allow the app to ${permissions(error.scopes)}` : "Connect again"),
    error.retryable && h("button", { type: "button", onclick: () => { lookAgain(); update({}); } }, "Check again"));
}

function card({ wouldSend, children, counts }, index, accountId) {
  const account = accountOf(accountId);
  const { text, links } = counts;
  return h("article", { class: "shown", "aria-label": index ? `Post ${index + 1}` : "Preview" },
    avatar(account),
    h("div", null,
      h("p", { class: "who" }, person(account)),
      body(asContent(wouldSend, children)),
      h("p", { class: "hint" }, `${text.count} of ${text.limit}${links.count ? `, ${links.count} of ${links.limit} links` : ""}${audience(wouldSend)}`)));
}

const AUDIENCES = {
  accounts_you_follow: "accounts you follow may reply", mentioned_only: "only who is mentioned may reply",
  parent_post_author_only: "only whom you reply to may reply", followers_only: "your followers may reply",
};

const audience = ({ reply_control: who, is_ghost_post: ghost }) =>
  [AUDIENCES[who], ghost && "gone after a day"].filter(Boolean).map((it) => `, ${it}`).join("");

// Threads' parameters, named as the options of a post.
function asContent(sent, children = []) {
  const read = (name) => (sent[name] ? JSON.parse(sent[name]) : undefined);
  const media = (it) => ({ imageUrl: it.image_url, videoUrl: it.video_url, altText: it.alt_text });
  const poll = read("poll_attachment");
  return {
    ...media(sent), text: sent.text, media: children.map(media), topicTag: sent.topic_tag, spoilers: read("text_entities"),
    poll: poll && Object.values(poll), gif: read("gif_attachment")?.gif_id, linkAttachment: sent.link_attachment,
    textAttachment: attached(read("text_attachment")), spoilerMedia: Boolean(sent.is_spoiler_media),
    replyToId: sent.reply_to_id?.match(/^\d+$/)?.[0], quotePostId: sent.quote_post_id,
  };
}

const attached = (it) => it && {
  plaintext: it.plaintext, link: it.link_attachment_url,
  styling: it.text_with_styling_info?.map(({ offset, length, styling_info: styles }) => ({ offset, length, styles })),
};
