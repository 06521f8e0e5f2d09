// What a post can have beside its text: pictures and films from samples or by address, a poll, a GIF, a link, a long
// text.

import { MOST_MEDIA, SAMPLES, allowed, changePart } from "./draft.js";
import { byId, h } from "./dom.js";
import { STYLE_TAGS, picture } from "./parts.js";
import { STYLES, hasStyle, moved, selected, toggled } from "./ranges.js";
import { notify, state, update } from "./store.js";

// The Threads emulator has these files, and shows them on its own pages, too.
const FILES = [
  ["sunrise.jpg", "The sun rises over hills"], ["shore.jpg", "Waves on a beach"], ["forest.jpg", "A forest in fog"],
  ["tiles.png", "Coloured tiles"], ["morning.mp4", "The sun rises"],
];
const MOST_CHOICES = 4;
const STYLE_KEYS = { b: "bold", i: "italic", u: "underline" }; // with Ctrl or Cmd, as everywhere

const button = (name, props) => h("button", { type: "button", class: "link", ...props }, name);

// --- The row of tools ----------------------------------------------------------------------------

export function tools(part, index, hide) {
  const may = allowed(part, state.draft.options.ghost);
  const isOpen = state.picking === index;
  const tool = (name, isAllowed, onclick, more) => h("button", { type: "button", class: "chip", disabled: !isAllowed, onclick, ...more }, name);
  return h("div", { class: "tools", role: "group", "aria-label": "Add to the post" },
    tool("Picture or film", may.media, () => update({ picking: isOpen ? undefined : index }), { "aria-expanded": String(isOpen) }),
    tool("Poll", may.poll, () => changePart(index, { poll: ["", ""] })),
    tool("GIF", may.gif, () => changePart(index, { gif: "" })),
    tool("Link", may.link, () => changePart(index, { link: "" })),
    tool("Long text", may.long, () => changePart(index, { long: { plaintext: "" } })),
    tool("Hide words", Boolean(part.text), hide));
}

// --- Pictures and films --------------------------------------------------------------------------

export function picker(part, index) {
  if (state.picking !== index || !allowed(part, state.draft.options.ghost).media) return null;
  const add = (url, isVideo, alt) => changePart(index, { media: [...part.media, { url, isVideo, alt }] });
  return h("div", { class: "picker", role: "group", "aria-label": "Pictures and films" },
    FILES.map(([file, alt]) => h("button", { type: "button", class: "sample", "aria-label": `Add: ${alt}`, onclick: () => add(SAMPLES + file, file.endsWith("mp4"), alt) },
      picture({ url: SAMPLES + file, isVideo: file.endsWith("mp4") }))),
    h("p", { class: "hint" }, "Samples of this suite. Or give an ",
      button("address of a picture", { onclick: () => add("", false, "") }), " or of a ", button("film", { onclick: () => add("", true, "") }), "."));
}

function media(part, index) {
  const { media: all } = part;
  const put = (changed) => changePart(index, { media: changed });
  const edit = (at, changes) => put(all.map((it, other) => (other === at ? { ...it, ...changes } : it)));
  const move = (at, by) => put(all.with(at, all[at + by]).with(at + by, all[at]));
  return h("ol", { class: "media", "aria-label": "Pictures and films of this post" }, all.map((it, at) => {
    const name = all.length > 1 ? ` ${at + 1}` : "";
    return h("li", null,
      picture(it),
      h("div", { class: "fields" },
        !it.url.startsWith(SAMPLES) && h("label", null, `Address of the ${it.isVideo ? "film" : "picture"}${name}`,
          h("input", { type: "url", value: it.url, placeholder: "https://…", spellcheck: "false", oninput: ({ target }) => edit(at, { url: target.value }) })),
        h("label", null, `Description${name}`,
          h("input", { type: "text", value: it.alt, maxlength: 1000, placeholder: "For people who cannot see it", oninput: ({ target }) => edit(at, { alt: target.value }) })),
        h("p", { class: "foot" },
          all.length > 1 && button("Earlier", { disabled: at === 0, "aria-label": `Move${name} earlier`, onclick: () => move(at, -1) }),
          all.length > 1 && button("Later", { disabled: at === all.length - 1, "aria-label": `Move${name} later`, onclick: () => move(at, 1) }),
          button("Remove", { "aria-label": `Remove picture or film${name}`, onclick: () => put(all.toSpliced(at, 1)) }))));
  }), all.length === MOST_MEDIA && h("li", { class: "hint" }, `A post has at most ${MOST_MEDIA}.`));
}

// --- Everything that was added -------------------------------------------------------------------

export function attachments(part, index) {
  const set = (changes) => changePart(index, changes);
  return h("div", { class: "attachments" },
    part.media.length > 0 && media(part, index),
    part.poll && poll(part.poll, (choices) => set({ poll: choices })),
    part.gif !== null && box("GIF", () => set({ gif: null }),
      h("label", null, "Id or address at GIPHY",
        h("input", { type: "text", value: part.gif, spellcheck: "false", placeholder: "l0HlBO7eyXzSZkJri", oninput: ({ target }) => set({ gif: target.value }) }))),
    part.link !== null && box("Link", () => set({ link: null }),
      h("label", null, "Address, shown as a card",
        h("input", { type: "url", value: part.link, spellcheck: "false", placeholder: "https://…", oninput: ({ target }) => set({ link: target.value }) }))),
    part.long && longText(part, (changes) => set({ long: changes && { ...part.long, ...changes } })));
}

function longText({ id, long, link }, put) {
  const { plaintext, styling = [] } = long;
  const field = `long-${id}`;
  const words = byId(field) ? selected(byId(field)) : { length: 0 };
  const write = ({ target }) => put({ plaintext: target.value, styling: moved(styling, plaintext, target.value) });
  const press = (style) => (words.length ? put({ styling: toggled(styling, words, style) }) : notify("plain", "First select the words to style."));
  const onkeydown = (event) => {
    if (!(event.ctrlKey || event.metaKey) || !STYLE_KEYS[event.key]) return;
    event.preventDefault();
    press(STYLE_KEYS[event.key]);
  };
  return box("Long text", () => put(null),
    h("label", null, "The text, up to 10,000 characters",
      h("textarea", { id: field, rows: 4, value: plaintext, maxlength: 10_000, oninput: write, onkeydown, onselectionchange: () => update({}) })),
    styles((style) => hasStyle(styling, words, style), press),
    link === null && h("label", null, "Link below it (optional)",
      h("input", { type: "url", value: long.link, placeholder: "https://…", spellcheck: "false", oninput: ({ target }) => put({ link: target.value }) })));
}

// A button that is pressed with the mouse leaves the focus, and so the selection, in the text.
function styles(isOn, press) {
  return h("div", { class: "tools", role: "group", "aria-label": "Style of the selected words" }, STYLES.map((style) =>
    h("button", { type: "button", class: "chip", "aria-pressed": String(isOn(style)), onmousedown: (event) => event.preventDefault(), onclick: () => press(style) },
      h(STYLE_TAGS[style], null, style[0].toUpperCase() + style.slice(1)))));
}

function poll(choices, put) {
  return box("Poll", () => put(null),
    choices.map((choice, at) => h("label", null, `Choice ${at + 1}`,
      h("input", { type: "text", value: choice, maxlength: 25, oninput: ({ target }) => put(choices.with(at, target.value)) }))),
    h("p", { class: "foot" },
      choices.length < MOST_CHOICES && button("Add a choice", { onclick: () => put([...choices, ""]) }),
      choices.length > 2 && button("Remove the last", { onclick: () => put(choices.slice(0, -1)) })));
}

function box(name, remove, ...content) {
  return h("div", { class: "box", key: name, role: "group", "aria-label": name },
    h("p", { class: "part-title" }, h("strong", null, name), button("Remove", { "aria-label": `Remove the ${name}`, onclick: remove })),
    ...content);
}

