// What the page looks like at any moment. Knows nothing of Firebase or the service; every text from
// outside becomes textContent, never markup.

const MAX_TEXT_BYTES = 500; // Threads' limit; it counts the bytes of UTF-8, not characters
const NEARLY_FULL = 50;

export const byId = (id) => document.getElementById(id);

export function onClick(id, action, onError) {
  byId(id).addEventListener("click", () => whileBusy(byId(id), action, onError));
}

export function onSubmit(id, action, onError) {
  const form = byId(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.inert = true; // what is typed now would be lost
    await whileBusy(form.querySelector("button"), action, onError);
    form.inert = false;
    form.querySelector("textarea, input").focus();
  });
}

// A busy button cannot be pressed again, and what was said before is no longer true.
async function whileBusy(button, action, onError) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  showNotice();
  showComplaint();
  try {
    await action();
  } catch (error) {
    onError(error);
  } finally {
    button.ariaBusy = null;
  }
}

export function showUser(email) {
  byId("welcome").hidden = Boolean(email);
  byId("desk").hidden = byId("user").hidden = !email;
  byId("email").textContent = email ?? "";
  // Nothing of the last user's.
  for (const id of ["writing", "published", "no-accounts"]) byId(id).hidden = true;
  for (const id of ["accounts", "posts"]) byId(id).replaceChildren();
}

export function showNotice(kind = "", text = "") {
  byId("notice").className = `notice ${kind}`;
  byId("notice").textContent = text;
}

export function showComplaint(message = "", details = []) {
  const list = element("ul");
  list.append(...details.map((detail) => element("li", `${detail.field}: ${detail.message}`)));
  byId("complaint").replaceChildren(details.length > 1 ? list : message);
}

// --- Accounts ------------------------------------------------------------------------------------

export function showAccounts(unsorted, preferredId) {
  const accounts = unsorted.toSorted((a, b) => b.isDefault - a.isDefault || a.username.localeCompare(b.username));
  const chosen = document.querySelector("[name=account]:checked")?.value ?? preferredId;
  const start = accounts.find((account) => account.accountId === chosen) ?? accounts[0];
  byId("accounts").replaceChildren(...accounts.map((account) => accountCard(account, account === start)));
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

function accountCard(account, isChosen) {
  const card = fromTemplate("account");
  const choice = card.querySelector("input");
  choice.value = account.accountId;
  choice.checked = isChosen;
  showPerson(card, account);
  const isActive = account.status === "active";
  card.querySelector(".status").textContent = isActive ? "Connected" : "Connect again";
  card.querySelector(".state").classList.add(isActive ? "good" : "bad");
  if (isActive && account.expiresAt) card.querySelector(".expiry").textContent = expiry(account.expiresAt);
  return card;
}

function expiry(date) {
  const hours = (date - Date.now()) / 3_600_000;
  if (hours <= 0) return "expired";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  return `expires ${hours < 48 ? words.format(Math.round(hours), "hour") : words.format(Math.round(hours / 24), "day")}`;
}

// --- The composer and the posts ------------------------------------------------------------------

export function showDraft({ text, imageUrl, videoUrl }) {
  const left = MAX_TEXT_BYTES - new TextEncoder().encode(text).length;
  const isMedia = imageUrl !== undefined || videoUrl !== undefined;
  byId("left").textContent = left;
  byId("left").title = `${left} of ${MAX_TEXT_BYTES} bytes left`;
  byId("ring").style.strokeDashoffset = Math.max(0, (100 * left) / MAX_TEXT_BYTES);
  byId("count").className = `count ${left < 0 ? "over" : left < NEARLY_FULL ? "near" : ""}`;
  byId("media").hidden = !isMedia;
  byId("media-url").placeholder = `https://… the ${imageUrl === undefined ? "video" : "image"}’s public address`;
  byId("publish").disabled = isMedia ? !imageUrl && !videoUrl : !text.trim();
}

export function showPost({ text, imageUrl, videoUrl, status, permalink, account }) {
  const post = fromTemplate("post");
  showPerson(post, account ?? {});
  post.querySelector(".words").textContent = text || (imageUrl ? "Image" : "Video");
  post.querySelector("time").textContent = new Date().toLocaleTimeString([], { timeStyle: "short" });
  const link = post.querySelector("a");
  link.hidden = !permalink;
  if (permalink) link.href = permalink;
  if (status !== "published") post.querySelector(".foot").append(element("span", "Threads is still working on it."));
  if (imageUrl) post.querySelector(".words").after(picture(imageUrl));
  byId("posts").prepend(post);
  byId("published").hidden = false;
}

function showPerson(parent, { displayName = "", username = "", avatarUrl }) {
  parent.querySelector(".name").textContent = displayName;
  parent.querySelector(".username").textContent = `@${username}`;
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
