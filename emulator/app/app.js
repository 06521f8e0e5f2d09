// The console: signs a user in, connects accounts, writes and follows posts, and looks into the suite. It is also an
// example of an app that uses the service: calls.js and session.js are what such an app has.
//
//   state (store.js)  →  the whole page (here)  →  what a person does  →  state

import { accounts } from "./accounts.js";
import { composer, settle } from "./composer.js";
import { openDraft } from "./draft.js";
import { byId, h, render } from "./dom.js";
import { lists } from "./lists.js";
import { lookAt, preview } from "./preview.js";
import { leave, signIn, signInWithThreads, start } from "./session.js";
import { story } from "./story.js";
import { act, onChange, state, update } from "./store.js";
import { trouble } from "./trouble.js";
import { outcome, summary } from "./words.js";

const SECOND = 1000;
const PANELS = { preview: ["Preview", preview], story: ["What happened", story], trouble: ["Trouble", trouble] };

function page() {
  const { user, notice, isCutOff } = state;
  render(byId("user"), user && h("span", { id: "user-name" }, user.name),
    user && h("button", { id: "sign-out", class: "link", onclick: () => act("leave", leave) }, "Sign out"));
  if (notice && byId("notice").textContent !== notice.text) byId("said").textContent = ""; // the notice is newer
  byId("notice").className = `notice ${notice?.kind ?? ""}`;
  render(byId("notice"), notice?.text);
  render(byId("main"), user === undefined ? h("div", { class: "skeleton tall" }) : user ? desk(isCutOff) : welcome());
  if (user) {
    settle();
    lookAt();
  }
  announce();
}

function welcome() {
  const submit = (event) => {
    event.preventDefault();
    act("sign-in", () => signIn(byId("address").value));
  };
  return h("section", { class: "welcome", key: "welcome" },
    h("h1", null, "Your app’s posts, ", h("em", null, "on Threads.")),
    h("p", null, "Sign in, connect an account, publish. Everything you see runs on this machine."),
    h("form", { id: "sign-in", class: "sheet", onsubmit: submit },
      h("label", { for: "address" }, "E-mail"),
      h("div", { class: "row" },
        h("input", { id: "address", type: "email", required: true, autocomplete: "email", spellcheck: "false", initial: "ada@example.com" }),
        h("button", { class: "primary", "aria-busy": state.busy.has("sign-in") && "true" }, "Sign in")),
      h("p", { class: "hint" }, "Any address will do: there is no password, and a new one makes a new user.")),
    state.config.signIn && h("p", { class: "or" }, "or ", h("button", { onclick: () => act("sign-in", signInWithThreads) }, "Sign in with Threads")));
}

function desk(isCutOff) {
  return h("div", { class: "desk", key: "desk" },
    isCutOff && h("p", { class: "banner", role: "alert", key: "cut-off" }, "No connection at the moment. What you see may be old; your draft is safe. Trying again …"),
    h("div", { class: "work", key: "work" }, accounts(), composer()),
    panel(),
    h("div", { class: "rest", key: "rest" }, lists()));
}

// The tabs follow the pattern of the ARIA Authoring Practices: arrows move, and what has the focus is shown.
function panel() {
  const names = Object.keys(PANELS);
  const show = (name) => update({ panel: name });
  const onkeydown = ({ key }) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!by) return;
    const next = names.at((names.indexOf(state.panel) + by) % names.length);
    show(next);
    byId(`tab-${next}`).focus();
  };
  return h("aside", { id: "panel", key: "panel", "aria-label": "Preview, story and trouble" },
    h("div", { role: "tablist", class: "tabs", onkeydown }, names.map((name) => h("button", {
      id: `tab-${name}`, type: "button", role: "tab", "aria-selected": String(state.panel === name), "aria-controls": "tab-content",
      tabindex: state.panel === name ? 0 : -1, onclick: () => show(name),
    }, PANELS[name][0], name === "trouble" && state.trouble.names.length > 0 && h("span", { class: "dot", title: "There is trouble" })))),
    h("div", { id: "tab-content", class: "sheet", role: "tabpanel", tabindex: 0, "aria-labelledby": `tab-${state.panel}` },
      h("div", { key: state.panel }, PANELS[state.panel][1]())));
}

// A change of a post is read out. What was there from the start is not.
let known;

function announce() {
  if (!state.posts) return void (known = undefined);
  const now = new Map(state.posts.map((post) => [post.postId, post.status]));
  const changed = known && state.posts.find(({ postId, status }) => known.has(postId) && known.get(postId) !== status);
  if (changed) byId("said").textContent = `${summary(changed.content)}: ${outcome(changed)}`;
  known = now;
}

update({ config: await (await fetch("/config.json")).json(), draft: openDraft() });
onChange(page);
setInterval(() => update({ now: Date.now() }), SECOND);
await start();
