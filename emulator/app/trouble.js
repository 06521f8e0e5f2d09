// Trouble: lets things go wrong, so that one can watch a post survive it.

import { ask } from "./calls.js";
import { h } from "./dom.js";
import { lookAgain } from "./preview.js";
import { act, chosenAccount, notify, state, update } from "./store.js";

const EVERY_MS = 3000;

const GROUPS = [
  ["The next call that publishes", {
    "fails": "fails", "lost": "is lost on its way", "slow": "takes 8 seconds", "done-and-lost": "is carried out, and its answer is lost",
    "refused": "is refused for good", "rate-limit": "is told to slow down",
  }],
  ["Threads", {
    "down": "is down until you end it", "quota-gone": "says that the day’s posts are used up", "lists-lag": "lists new posts two minutes late",
    "picture-fails": "cannot process the next picture or film",
  }],
  ["The account’s access", { "token-dead": "ends, and Threads says so", "token-dead-silently": "ends, and Threads does not say so" }],
  ["Time", { "hour": "An hour passes", "day": "A day passes", "sixty-days": "Sixty days pass", "upkeep": "Run the upkeep now" }],
];
const NEEDS_ACCOUNT = new Set(["token-dead", "token-dead-silently"]);
const WORDS = Object.assign({ other: "was told by somebody else what to answer" }, ...GROUPS.map(([, actions]) => actions));

async function make(name) {
  const trouble = await ask("/trouble", { name, accountId: state.chosenId });
  update({ trouble });
  lookAgain();
  if (name === "upkeep") notify("plain", "The upkeep has run.");
  else if (name === "end") notify("plain", "Threads works again.");
  else if (name === "picture-fails") notify("plain", "The next picture or film cannot be processed.");
  else if (NEEDS_ACCOUNT.has(name)) notify("plain", `The access of @${chosenAccount().username} has ended.`);
}

async function readCatalogue() {
  update({ catalogue: [] }); // asked for once
  update({ catalogue: await ask("/trouble/errors").catch(() => undefined) });
}

async function look() {
  if (state.panel !== "trouble" || document.hidden) return;
  if (!state.catalogue) readCatalogue();
  const trouble = await ask("/trouble").catch(() => undefined);
  if (trouble) update({ trouble });
}

setInterval(look, EVERY_MS);

export function trouble() {
  const { names, aheadSeconds } = state.trouble;
  return h("div", { class: "trouble" },
    h("p", { class: "hint" }, "Let something go wrong, publish, and watch what becomes of the post. Nothing here exists in production."),
    names.length > 0 && h("div", { class: "banner" },
      h("ul", null, names.map((name) => h("li", null, sentence(name)))),
      h("button", { type: "button", onclick: () => act("trouble end", () => make("end")) }, "End the trouble")),
    GROUPS.map(([title, actions]) => h("div", { class: "group", role: "group", "aria-label": title },
      h("h3", null, title), h("p", { class: "buttons" }, Object.entries(actions).map(([name, words]) => h("button", {
        type: "button", class: "chip", "aria-pressed": name in { down: 1, "quota-gone": 1, "lists-lag": 1 } ? String(names.includes(name)) : null,
        disabled: NEEDS_ACCOUNT.has(name) && !state.chosenId, "aria-busy": state.busy.has(`trouble ${name}`) && "true", onclick: () => act(`trouble ${name}`, () => make(name)),
      }, words))))),
    catalogue(),
    aheadSeconds > 0 && h("p", { class: "hint" }, `${days(aheadSeconds)} have passed for Threads, the queue and every stored time. A post that is scheduled within that time is published at once.`));
}

const plain = (name) => name.replace("error:", "").replaceAll("_", " ");

// Every error that Threads is known to answer.
function catalogue() {
  const { catalogue: all = [], wanted } = state;
  const chosen = all.find(({ name }) => name === wanted);
  return all.length > 0 && h("div", { class: "group" },
    h("label", null, h("h3", null, "Any other error of Threads, by name"),
      h("select", { value: wanted ?? "", onchange: ({ target }) => update({ wanted: target.value }) },
        h("option", { value: "" }, "Choose …"), all.map(({ name }) => h("option", { value: name }, plain(name))))),
    chosen && h("p", { class: "hint" }, `A good app: ${chosen.advice}`),
    chosen && h("button", { type: "button", class: "chip", onclick: () => act(`trouble ${wanted}`, () => make(wanted)) }, "Let it happen next"));
}

function sentence(name) {
  if (name.startsWith("error:")) return `Threads answers next: ${plain(name)}.`;
  const group = GROUPS.find(([, actions]) => name in actions)?.[0] ?? "Threads";
  return `${group} ${WORDS[name] ?? name}.`;
}

const days = (seconds) => (seconds < 172_800 ? `${Math.round(seconds / 3600)} hours` : `${Math.round(seconds / 86_400)} days`);
