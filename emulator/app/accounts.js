// The connected accounts, and the choice of the one that writes.

import { threads } from "./calls.js";
import { byId, h } from "./dom.js";
import { connect } from "./session.js";
import { act, notify, state, update } from "./store.js";
import { avatar, complaint, person } from "./parts.js";
import { expiry, permissions } from "./words.js";

const REASONS = {
  token_rejected: "Threads no longer accepts it", token_expired: "not renewed in time", another_person: "it has another person's token", disconnecting: "disconnecting",
};

export function accounts() {
  const { accounts: all, busy } = state;
  const several = all?.length > 1;
  return h("section", { "aria-labelledby": "accounts-title", class: "accounts-part" },
    h("div", { class: "title" },
      h("h2", { id: "accounts-title" }, "Accounts"),
      h("button", { id: "connect", class: all?.length === 0 && "primary", "aria-busy": busy.has("connect") && "true", onclick: () => act("connect", () => connect()) },
        all?.length ? "Connect another" : "Connect Threads")),
    !all && h("div", { class: "skeleton" }),
    all?.length === 0 && h("p", { class: "sheet empty" }, h("strong", null, "No account yet"),
      "Connect one: Threads asks whether this app may publish for you, and sends you back here."),
    all?.length > 0 && h("div", { class: `accounts ${several ? "several" : ""}`, role: "radiogroup", "aria-labelledby": "accounts-title" }, all.map(card)));
}

function card(account) {
  const { accountId, username, status, refusedScopes = [], canPublish } = account;
  const isActive = status === "active";
  const link = (name, onclick) => h("button", { type: "button", class: "link", "aria-label": `${name}: @${username}`, onclick }, name);
  const does = (action) => () => act(accountId, action, accountId);
  return h("div", { key: accountId, class: "account sheet", "data-status": status },
    h("label", null,
      h("input", { type: "radio", name: "account", class: "unseen", value: accountId, checked: accountId === state.chosenId, onchange: () => update({ chosenId: accountId }) }),
      avatar(account),
      h("span", { class: "who" }, person(account)),
      h("span", { class: "state" },
        h("span", { class: "status" }, isActive ? (canPublish === false ? "May not publish" : "Connected") : "Access has ended"), " ",
        h("span", { class: "expiry" }, isActive ? account.expiresAt && expiry(account.expiresAt) : REASONS[account.statusReason]))),
    refusedScopes.length > 0 && h("p", { class: "refused" }, `Not allowed: ${permissions(refusedScopes)}`),
    account.refreshError && h("p", { class: "refused" }, "Its access could not be renewed lately. Connecting it again helps."),
    h("p", { class: "foot" },
      account.isDefault ? state.accounts.length > 1 && h("span", { class: "default" }, "Default")
        : link("Make default", does(() => threads.accounts.update(accountId, { default: true }))),
      (!isActive || refusedScopes.length > 0 || account.refreshError) && link("Connect again", does(() => connect(accountId))),
      link("Disconnect", () => confirm(`Disconnect @${username} from this app?`) && act(accountId, () => disconnect(accountId), accountId))),
    complaint(accountId));
}

async function disconnect(accountId) {
  await threads.accounts.disconnect(accountId);
  notify("plain", "The account is disconnected.");
  byId("connect").focus(); // because the pressed button is removed
}
