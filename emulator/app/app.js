// The demo page, and a short but complete example of an app that uses the service:
//
//   1. sign the user in, with Firebase or with Threads   signIn, signInWithThreads
//   2. send the browser to Threads                       connect       POST th_auth_start
//   3. finish what it comes back with                    finish        POST th_auth_finish
//   4. show accounts and posts as they change            watch         users/{uid}/integrations/threads, and its posts
//   5. change the default account, disconnect one        makeDefault   PATCH th_accounts
//                                                        disconnect    DELETE th_accounts
//   6. publish, now or later                             publish       POST publish_threads
//   7. cancel what is scheduled                          cancel        DELETE th_posts
//
// An app in production does the same, except for the two lines that connect the emulators.

import { initializeApp } from "firebase/app";
import {
  GoogleAuthProvider, browserLocalPersistence, connectAuthEmulator, initializeAuth, onAuthStateChanged,
  signInWithCredential, signInWithCustomToken, signOut,
} from "firebase/auth";
import {
  collection, connectFirestoreEmulator, doc, getFirestore, limit, onSnapshot, orderBy, query,
} from "firebase/firestore";
import {
  byId, offerTime, onClick, onItem, onSubmit, showAccounts, showComplaint, showDraft, showNotice, showPosts, showUser,
} from "./view.js";

const config = await (await fetch("/config.json")).json();

const app = initializeApp({ projectId: config.projectId, apiKey: "emulator" });
const auth = initializeAuth(app, { persistence: browserLocalPersistence });
const firestore = getFirestore(app);

// Leave these two out in production.
connectAuthEmulator(auth, config.authEmulator, { disableWarnings: true });
connectFirestoreEmulator(firestore, config.firestoreEmulator.host, config.firestoreEmulator.port);

// --- 1. The user ---------------------------------------------------------------------------------

// The Auth emulator accepts any made-up Google account as JSON. An app would call signInWithPopup.
function signIn(email) {
  const account = JSON.stringify({ sub: email, email, email_verified: true });
  return signInWithCredential(auth, GoogleAuthProvider.credential(account));
}

// No user is signed in yet. So this tab keeps a verifier, with which it later proves that it began the sign-in
// (RFC 7636).
async function signInWithThreads() {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  await openWindow({ mode: "signin", challenge }, verifier);
}

function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

let stopWatching = () => {};

function userChanged(user) {
  stopWatching();
  showUser(user && (user.email ?? user.displayName ?? "Signed in")); // Threads gives no e-mail address
  clearDraft(); // of the last user
  accounts = posts = undefined;
  stopWatching = user ? watch(user.uid) : () => {};
}

// --- Calling a function --------------------------------------------------------------------------

// Every function takes the user's Firebase ID token, if there is a user, and answers {ok: true, …} or
// {ok: false, error: {code, message, retryable, details?}, status?}. The message is written for the user. A status
// means that the post has ended: the same request will get the same answer again.
class ServiceError extends Error {
  constructor({ error: { message, details = [] }, status }) {
    super(message);
    Object.assign(this, { details, status });
  }
}

const unreachable = { error: { message: "The service did not answer. Try again." } };

async function call(method, path, body, headers = {}) {
  await auth.authStateReady();
  const idToken = await auth.currentUser?.getIdToken();
  const authorization = idToken && { Authorization: `Bearer ${idToken}` };
  const request = {
    method,
    headers: { ...authorization, "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  };
  const answer = await fetch(`${config.functionsUrl}/${path}`, request)
    .then((response) => response.json())
    .catch(() => unreachable);
  if (!answer.ok) throw new ServiceError(answer);
  return answer;
}

// --- 2. and 3. Connecting an account -------------------------------------------------------------

// Connects another account. With an accountId it connects that one again, because its access has ended, or because
// the user refused a permission.
function connect(accountId) {
  return openWindow({ accountId });
}

async function openWindow(wish, verifier) {
  const { authUrl } = await call("POST", "th_auth_start", { returnTo: `${location.origin}/`, ...wish });
  if (verifier) sessionStorage.setItem("verifier", verifier);
  else sessionStorage.removeItem("verifier"); // of a sign-in that was not finished
  location.assign(authUrl);
}

// Threads sends the browser to th_auth_callback, which sends it here. Usually the fragment has a handle: the account is
// connected only when the same user sends the handle back. If there is nothing to finish (the user refused, an error
// happened, or CONNECT_MODE is immediate), the query has the outcome.
async function readReturn() {
  const handle = location.hash.match(/^#th_link=(.+)/)?.[1];
  const query = new URLSearchParams(location.search);
  history.replaceState(null, "", location.pathname); // a handle is secret
  if (handle) await finish(handle);
  else if (query.get("threads") === "connected") connected(query.get("accountId"), query.get("refused")?.split(","));
  else if (query.get("threads") === "cancelled") showNotice("plain", "You cancelled. Nothing was connected.");
  else if (query.has("threads")) throw new Error(failure(query.get("error")));
}

async function finish(handle) {
  const verifier = sessionStorage.getItem("verifier") ?? undefined;
  sessionStorage.removeItem("verifier");
  showNotice("plain", "One moment …");
  const { accountId, customToken, refusedScopes } = await call("POST", "th_auth_finish", { handle, verifier });
  if (customToken) await signInWithCustomToken(auth, customToken);
  connected(accountId, refusedScopes);
}

function connected(accountId, refusedScopes = []) {
  connectedId = accountId;
  if (!refusedScopes.length) showNotice("good", "Your Threads account is connected.");
  else showNotice("plain", `Your Threads account is connected, but you did not allow ${refusedScopes.join(", ")}.`);
}

function failure(code) {
  if (code === "wrong_account") return "That was another account than the one to connect again. Nothing was changed.";
  return `The account could not be connected (${code ?? "unknown"}). Please try again.`;
}

// --- 4. Accounts and posts -----------------------------------------------------------------------

let accounts, posts; // undefined until Firestore has sent them
let connectedId; // the account that was just connected

// One document has a card for each account, and below it each post has a record. Only their user can read them.
// They change without this page: an account loses its access, or a scheduled post is published.
// (An app without Firestore calls GET th_accounts and GET th_posts.)
function watch(uid) {
  const summary = doc(firestore, "users", uid, "integrations", "threads");
  const latest = query(collection(summary, "posts"), orderBy("createdAt", "desc"), limit(20));
  const stops = [onSnapshot(summary, accountsChanged, toNotice), onSnapshot(latest, postsChanged, toNotice)];
  return () => stops.forEach((stop) => stop());
}

function accountsChanged(summary) {
  const { accounts: cards = {}, defaultAccountId } = summary.data() ?? {};
  accounts = Object.entries(cards).map(([accountId, card]) => ({
    ...card, accountId, isDefault: accountId === defaultAccountId, expiresAt: card.expiresAt?.toDate(),
  }));
  showAccounts(accounts, connectedId);
  if (posts) showPosts(posts, accounts);
}

function postsChanged(latest) {
  posts = latest.docs.map((record) => {
    const post = record.data();
    return { ...post, postId: record.id, dueAt: post.dueAt?.toDate(), updatedAt: post.updatedAt.toDate() };
  });
  if (accounts) showPosts(posts, accounts);
  posts.forEach(askForPermalink);
}

// A post that a task has published has no permalink yet. th_posts asks Threads for it and stores it in the record,
// which Firestore then sends here.
const asked = new Set();

function askForPermalink({ postId, status, permalink }) {
  if (status !== "published" || permalink || asked.has(postId)) return;
  asked.add(postId);
  call("GET", `th_posts?postId=${postId}`).catch(() => {});
}

// --- 5. Settings of an account -------------------------------------------------------------------

// Firestore sends the change, so the page need not show it here.
function makeDefault(accountId) {
  return call("PATCH", "th_accounts", { accountId, default: true });
}

async function disconnect(accountId) {
  await call("DELETE", `th_accounts?accountId=${accountId}`);
  showNotice("plain", "The account is disconnected.");
  byId("connect").focus(); // because the pressed button was removed
}

// --- 6. Publishing -------------------------------------------------------------------------------

const composer = byId("composer");

// The key identifies the draft: a second request with the same key is answered, but not published again. The key stays
// until the service has said how the post ended. Every other draft gets a key of its own.
let idempotencyKey;

function draft() {
  const { text, media, mediaUrl, when, time } = composer.elements;
  return {
    text: text.value,
    ...(media.value && { [media.value]: mediaUrl.value.trim() }), // imageUrl or videoUrl
    ...(when.value === "later" && { scheduledTime: time.value && new Date(time.value).toISOString() }),
  };
}

function draftChanged() {
  idempotencyKey = crypto.randomUUID();
  showDraft(draft());
}

function clearDraft() {
  composer.reset();
  draftChanged();
}

async function publish() {
  const { time } = composer.elements;
  if (!time.checkValidity()) throw new Error(time.validationMessage);
  const accountId = document.querySelector("[name=account]:checked")?.value;
  const wantsPermalink = { Prefer: "return=representation" };
  try {
    await call("POST", "publish_threads", { ...draft(), accountId, idempotencyKey }, wantsPermalink);
  } catch (error) {
    if (error.status) idempotencyKey = crypto.randomUUID(); // this post has failed, so the next try is a new post
    throw error;
  }
  clearDraft(); // the list shows the post now
}

// --- 7. Cancelling -------------------------------------------------------------------------------

// If the delivery of the post begins at the same moment, one of the two wins. The list, or the error, shows which.
function cancel(postId) {
  return call("DELETE", `th_posts?postId=${postId}`);
}

// --- What the page's elements do -----------------------------------------------------------------

// An error is shown beside the draft, the account or the post that it concerns, and all others at the top.
const toNotice = (error) => showNotice("bad", error.message);
const toComposer = (error) => showComplaint(error.message, error.details);

onSubmit("sign-in", () => signIn(byId("address").value), toNotice);
onSubmit("composer", publish, toComposer);
onClick("sign-in-with-threads", signInWithThreads, toNotice);
onClick("connect", () => connect(), toNotice);
onClick("sign-out", () => signOut(auth), toNotice);
onItem("accounts", { connect, makeDefault, disconnect });
onItem("posts", { cancel });
composer.addEventListener("input", ({ target }) => {
  if (target.name === "when") offerTime();
  draftChanged();
});

byId("with-threads").hidden = !config.signIn;
draftChanged();
await readReturn().catch(toNotice);
// This is last, so that the first snapshot already has the new account. The Firestore emulator may lose a change that
// happens just when a listener is attached.
onAuthStateChanged(auth, userChanged);
