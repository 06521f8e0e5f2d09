// What several parts of the page show: a person, a complaint, a picture, and the content of a post.

import { SAMPLES } from "./draft.js";
import { h } from "./dom.js";
import { pieces } from "./ranges.js";
import { state } from "./store.js";

export function complaint(place, more) {
  const error = state.complaints[place];
  return error && h("div", { class: "complaint", role: "alert" }, h("p", null, error.message), more?.(error));
}

export function avatar({ displayName = "", username = "", avatarUrl }) {
  const hide = ({ target }) => { target.hidden = true; };
  return h("span", { class: "avatar", "aria-hidden": "true" }, (displayName || username).slice(0, 1).toUpperCase(),
    avatarUrl && h("img", { src: avatarUrl, alt: "", referrerpolicy: "no-referrer", onerror: hide }));
}

export function person({ displayName, username }) {
  return [h("strong", { class: "name" }, displayName || username), " ", h("span", { class: "username" }, username && `@${username}`)];
}

export const accountOf = (accountId) =>
  state.accounts?.find((it) => it.accountId === accountId) ?? { displayName: "An account that is not connected" };

// Only samples are loaded: this page asks no other server for anything.
export function picture({ url, isVideo, alt = "", controls }) {
  if (!url.startsWith(SAMPLES)) {
    return h("span", { class: "elsewhere", title: url }, isVideo ? "Film" : "Picture", h("small", null, hostOf(url)));
  }
  const src = `${state.config.threadsUrl}/samples/${url.slice(SAMPLES.length)}`;
  if (isVideo) return h("video", { src: `${src}#t=0.1`, controls, muted: true, loop: true, playsinline: true, preload: "metadata", "aria-label": alt || "Film" });
  return h("img", { src, alt });
}

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return "no address yet";
  }
}

// --- The content of a post -----------------------------------------------------------------------

// Hidden words stay readable for their author, and are marked.
export function body(content) {
  const { text = "", spoilers = [], imageUrl, videoUrl, altText, media = [], spoilerMedia } = content;
  const single = imageUrl || videoUrl ? [{ imageUrl, videoUrl, altText }] : [];
  const shown = [...media, ...single];
  return [
    content.topicTag && h("p", { class: "topic" }, content.topicTag),
    text && h("p", { class: "words" }, pieces(text, spoilers, (words) => h("mark", { title: "Hidden until tapped" }, words))),
    shown.length > 0 && h("ol", { class: `pictures ${shown.length > 1 ? "carousel" : ""} ${spoilerMedia ? "veiled" : ""}`, tabindex: shown.length > 1 ? 0 : null, "aria-label": shown.length > 1 ? "Carousel" : "Media" },
      shown.map((it) => h("li", null, picture({ url: it.imageUrl ?? it.videoUrl, isVideo: Boolean(it.videoUrl), alt: it.altText, controls: true })))),
    content.poll && h("ul", { class: "poll", "aria-label": "Poll" }, content.poll.map((choice) => h("li", null, choice))),
    content.gif && h("p", { class: "card" }, h("strong", null, "GIF"), h("span", null, content.gif.id ?? content.gif)),
    content.linkAttachment && h("p", { class: "card" }, h("strong", null, hostOf(content.linkAttachment)), h("span", null, content.linkAttachment)),
    content.textAttachment && h("div", { class: "card long" }, h("div", null, styled(content.textAttachment)),
      content.textAttachment.link && h("span", null, content.textAttachment.link)),
    content.replyToId && h("p", { class: "hint" }, `Reply to the post ${content.replyToId}`),
    content.quotePostId && h("p", { class: "card" }, h("strong", null, "Quoted post"), h("span", null, content.quotePostId)),
  ];
}

// Each style is an element around the words.
export const STYLE_TAGS = { bold: "b", italic: "i", highlight: "mark", underline: "u", strikethrough: "s" };

const styled = ({ plaintext, styling = [] }) =>
  pieces(plaintext, styling, (words, { styles }) => styles.reduce((inner, style) => h(STYLE_TAGS[style], null, inner), words));
