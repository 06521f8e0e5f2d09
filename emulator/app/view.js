// What the page shows. Knows nothing about Firebase and the service. Every text from outside becomes textContent, never
// markup.

const MAX_TEXT_BYTES = 500; // Threads' limit, which counts bytes of UTF-8
const NEARLY_FULL = 50;
const MAX_DAYS_AHEAD = 30; // the limit of the service and of Cloud Tasks

export const byId = (id) => document.getElementById(id);

export function onClick(id, action, onError) {
  byId(id).addEventListener("click", () => whileBusy(byId(id), action, onError));
}

export function onSubmit(id, action, onError) {
  const form = byId(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.inert = true; // text that is typed now would be lost
    await whileBusy(form.querySelector("button"), action, onError);
    form.inert = false;
    form.querySelector("textarea, input").focus();
  });
}

// A button in a list acts on its item, which also shows the error. The button's name is that of the action.
export function onItem(listId, actions) {
  byId(listId).addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button || (button.dataset.question && !confirm(button.dataset.question))) return;
    const item = button.closest("[data-id]");
    const complain = (error) => { item.querySelector(".complaint").textContent = error.message; };
    whileBusy(button, () => actions[button.name](item.dataset.id), complain);
  });
}

// While a button is busy it cannot be pressed again. Earlier messages are removed, because they may be outdated.
async function whileBusy(button, action, onError) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  showNotice();
  for (const complaint of document.querySelectorAll(".complaint")) complaint.replaceChildren();
  try {
    await action();
  } catch (error) {
    onError(error);
  } finally {
    button.ariaBusy = null;
  }
}

export function showUser(name) {
  byId("welcome").hidden = Boolean(name);
  byId("desk").hidden = byId("user").hidden = !name;
  byId("user-name").textContent = name ?? "";
  // Remove everything of the last user.
  for (const id of ["writing", "history", "no-accounts"]) byId(id).hidden = true;
  for (const id of ["accounts", "posts"]) byId(id).replaceChildren();
  byId("posts").ariaLive = "off";
}

export function showNotice(kind = "", text = "") {
  byId("notice").className = `notice ${kind}`;
  byId("notice").textContent = text;
}

export function showComplaint(message, details = []) {
  const list = element("ul");
  list.append(...details.map((detail) => element("li", `${detail.field}: ${detail.message}`)));
  byId("complaint").replaceChildren(details.length > 1 ? list : message);
}

// --- Accounts ------------------------------------------------------------------------------------

export function showAccounts(unsorted, preferredId) {
  const accounts = unsorted.toSorted((a, b) => b.isDefault - a.isDefault || a.username.localeCompare(b.username));
  const chosen = document.querySelector("[name=account]:checked")?.value ?? preferredId;
  const start = accounts.find(({ accountId }) => accountId === chosen) ?? accounts[0];
  showItems("accounts", accounts, "accountId", accountCard, showAccount);
  for (const choice of document.querySelectorAll("[name=account]")) choice.checked = choice.value === start.accountId;
  byId("accounts").classList.toggle("several", accounts.length > 1);
  byId("no-accounts").hidden = accounts.length > 0;
  byId("writing").hidden = accounts.length === 0;
  byId("connect").textContent = accounts.length ? "Connect another" : "Connect Threads";
  byId("connect").className = accounts.length ? "" : "primary";
  showAuthor();
}

function showAuthor() {
  const author = document.querySelector(".account:has(:checked) .username")?.textContent;
  byId("author").textContent = author ? `as ${author}` : "";
}

byId("accounts").addEventListener("change", showAuthor);

function accountCard({ accountId, username }) {
  const card = fromTemplate("account");
  card.querySelector("input").value = accountId;
  for (const button of card.querySelectorAll("button")) button.ariaLabel = `${button.textContent}: @${username}`;
  card.querySelector("[name=disconnect]").dataset.question = `Disconnect @${username} from this app?`;
  return card;
}

function showAccount(card, account) {
  const [status, note, refused] = [".status", ".expiry", ".refused"].map((it) => card.querySelector(it));
  const isActive = account.status === "active";
  const { displayName, username, avatarUrl, refusedScopes = [], statusReason = "" } = account;
  const person = [displayName, username, avatarUrl].join();
  if (card.dataset.person !== person) showPerson(card, account);
  card.dataset.person = person;
  card.dataset.status = account.status;
  setText(status, isActive ? "Connected" : "Access has ended");
  setText(note, isActive ? account.expiresAt && expiry(account.expiresAt) : statusReason.replaceAll("_", " "));
  setText(refused, refusedScopes.length ? `Not allowed: ${refusedScopes.join(", ")}` : "");
  card.querySelector(".default").hidden = !account.isDefault;
  card.querySelector("[name=makeDefault]").hidden = account.isDefault;
  card.querySelector("[name=connect]").hidden = isActive && refusedScopes.length === 0;
}

function expiry(date) {
  const hours = (date - Date.now()) / 3_600_000;
  if (hours <= 0) return "expired";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  return `expires ${hours < 48 ? words.format(Math.round(hours), "hour") : words.format(Math.round(hours / 24), "day")}`;
}

// --- The composer --------------------------------------------------------------------------------

export function showDraft({ text, imageUrl, videoUrl, scheduledTime }) {
  const left = MAX_TEXT_BYTES - new TextEncoder().encode(text).length;
  const isMedia = imageUrl !== undefined || videoUrl !== undefined;
  const isLater = scheduledTime !== undefined;
  byId("left").textContent = left;
  byId("left").title = `${left} of ${MAX_TEXT_BYTES} bytes left`;
  byId("ring").style.strokeDashoffset = Math.max(0, (100 * left) / MAX_TEXT_BYTES);
  byId("count").className = `count ${left < 0 ? "over" : left < NEARLY_FULL ? "near" : ""}`;
  byId("media").hidden = !isMedia;
  byId("media-url").placeholder = `https://… the ${imageUrl === undefined ? "video" : "image"}’s public address`;
  byId("later").hidden = byId("time").disabled = !isLater;
  byId("publish").textContent = isLater ? "Schedule" : "Publish";
  byId("publish").disabled = (isMedia ? !imageUrl && !videoUrl : !text.trim()) || (isLater && !scheduledTime);
}

// Offers a full hour, one to two hours from now.
export function offerTime() {
  const [now, start, end] = [new Date(), new Date(), new Date()];
  start.setHours(now.getHours() + 2, 0);
  end.setDate(now.getDate() + MAX_DAYS_AHEAD);
  const time = byId("time");
  [time.min, time.max] = [localMinute(now), localMinute(end)];
  time.value ||= localMinute(start);
}

// Local time without a zone, as a datetime-local input writes it.
function localMinute(date) {
  return new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

// --- The posts -----------------------------------------------------------------------------------

export function showPosts(posts, accounts) {
  const list = byId("posts");
  showItems("posts", posts, "postId", (post) => postItem(post, accounts), showOutcome);
  byId("history").hidden = posts.length === 0;
  requestAnimationFrame(() => { list.ariaLive = "polite"; }); // only later changes are read out
}

// What never changes in a post.
function postItem({ accountId, content: { text, imageUrl, videoUrl } }, accounts) {
  const item = fromTemplate("post");
  const account = accounts.find((it) => it.accountId === accountId);
  showPerson(item, account ?? { displayName: "An account that is not connected" });
  const words = item.querySelector(".words");
  words.textContent = text ?? "";
  if (imageUrl) words.after(picture(imageUrl));
  if (imageUrl || videoUrl) item.querySelector(".kind").textContent = imageUrl ? "Image" : "Video";
  item.querySelector("button").ariaLabel = `Cancel “${text?.slice(0, 60) ?? "this post"}”`;
  return item;
}

// What changes in a post.
function showOutcome(item, { status, dueAt, updatedAt, error, permalink }) {
  const [link, button, time, outcome] = ["a", "button", "time", ".status"].map((it) => item.querySelector(it));
  const isWaiting = status === "scheduled";
  if (!isWaiting && button === document.activeElement) item.focus(); // the button will be hidden
  if (item.dataset.status !== status) item.querySelector(".complaint").textContent = "";
  item.dataset.status = status;
  setText(outcome, outcomeWords(status, dueAt, error));
  setText(time, isWaiting ? "" : shortTime(updatedAt));
  link.hidden = !permalink;
  if (permalink) link.href = permalink;
  button.hidden = !isWaiting;
}

function outcomeWords(status, dueAt, error) {
  const reason = error ? `: ${error.message}` : "";
  switch (status) {
    case "scheduled": return `${error ? "Delayed until" : "Scheduled for"} ${shortTime(dueAt)}${reason}`;
    case "processing": return error ? `Delayed${reason}` : "On its way";
    case "published": return "Published";
    case "failed": return `Failed${reason}`;
    case "cancelled": return "Cancelled";
    default: return `Please look at the account${reason}`;
  }
}

function shortTime(date) {
  const isToday = date.toDateString() === new Date().toDateString();
  const day = isToday ? {} : { month: "short", day: "numeric" };
  return date.toLocaleString([], { ...day, hour: "numeric", minute: "2-digit" });
}

// --- Small things --------------------------------------------------------------------------------

// An item keeps its element as long as it is listed, so that it does not flicker or lose the focus.
function showItems(listId, items, idName, make, update) {
  const list = byId(listId);
  const shown = new Map([...list.children].map((element) => [element.dataset.id, element]));
  items.forEach((item, place) => {
    const element = shown.get(item[idName]) ?? make(item);
    element.dataset.id = item[idName];
    if (element !== list.children[place]) list.insertBefore(element, list.children[place] ?? null);
    update(element, item);
  });
  while (list.children.length > items.length) list.lastElementChild.remove();
}

// Text that has not changed is not set again: screen readers would read it out.
function setText(node, text = "") {
  if (node.textContent !== text) node.textContent = text;
}

function showPerson(parent, { displayName = "", username = "", avatarUrl }) {
  parent.querySelector(".name").textContent = displayName;
  parent.querySelector(".username").textContent = username && `@${username}`;
  const avatar = parent.querySelector(".avatar");
  avatar.textContent = (displayName || username).slice(0, 1).toUpperCase();
  if (avatarUrl) avatar.append(picture(avatarUrl));
}

function picture(url) {
  const image = element("img");
  image.alt = "";
  image.referrerPolicy = "no-referrer";
  image.addEventListener("error", () => image.remove());
  image.src = url;
  return image;
}

function element(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function fromTemplate(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}
