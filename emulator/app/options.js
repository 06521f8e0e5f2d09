// The options of the whole post, which most posts do without.

import { changeOptions } from "./draft.js";
import { h } from "./dom.js";
import { state } from "./store.js";

const AUDIENCES = {
  "": "Everyone", accounts_you_follow: "Accounts you follow", mentioned_only: "Only who is mentioned",
  parent_post_author_only: "Only whom you reply to", followers_only: "Your followers",
};

export function options() {
  const { options: chosen, parts } = state.draft;
  const names = Object.keys(chosen).filter((name) => chosen[name] && chosen[name].length !== 0);
  const hasMedia = parts[0].media.length > 0;
  const isPlain = parts.length === 1 && !hasMedia && !parts[0].poll && parts[0].gif === null && parts[0].link === null && !parts[0].long;
  const { ghost } = chosen;
  return h("details", { class: "options" },
    h("summary", null, "Options", names.length > 0 && h("span", { class: "kind" }, String(names.length))),
    h("div", { class: "grid" },
      !ghost && text("topicTag", "Topic", { maxlength: 50, placeholder: "cats" }),
      !ghost && h("label", null, "Who may reply",
        h("select", { value: chosen.replyControl ?? "", onchange: ({ target }) => changeOptions({ replyControl: target.value }) },
          Object.entries(AUDIENCES).map(([value, name]) => h("option", { value }, name)))),
      !ghost && text("quotePostId", "Quote a post", { placeholder: "its id at Threads", inputmode: "numeric" }),
      !ghost && text("replyToId", "Reply to a post", { placeholder: "its id at Threads", inputmode: "numeric" }),
      !ghost && h("label", null, "Only in these countries", h("input", {
        type: "text", value: (chosen.countries ?? []).join(" "), placeholder: "DE FR", onchange: ({ target }) =>
          changeOptions({ countries: target.value.toUpperCase().split(/[\s,]+/).filter(Boolean) }),
      })),
      !ghost && text("locationId", "Location", { placeholder: "its id at Threads", inputmode: "numeric" })),
    h("div", { class: "checks" },
      flag("replyApprovals", "Approve replies first", !ghost && !chosen.replyToId),
      flag("spoilerMedia", "Hide pictures and films until tapped", hasMedia),
      flag("ghost", "Ghost: gone after a day, text only", isPlain && names.length === 0),
      flag("shareToInstagram", "Share to Instagram, too", !ghost)));
}

function text(name, label, props) {
  return h("label", null, label, h("input", {
    type: "text", value: state.draft.options[name], spellcheck: "false", autocomplete: "off", ...props,
    oninput: ({ target }) => changeOptions({ [name]: target.value }),
  }));
}

function flag(name, label, isAllowed) {
  const isOn = Boolean(state.draft.options[name]);
  return h("label", { class: "check" },
    h("input", { type: "checkbox", checked: isOn, disabled: !isAllowed && !isOn, onchange: ({ target }) => changeOptions({ [name]: target.checked }) }),
    h("span", null, label));
}
