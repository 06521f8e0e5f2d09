// The demo page, and the shortest complete example of how an app uses the service:
//
//   1. sign the user in, with Firebase or with Threads   signIn, signInWithThreads
//   2. send the browser to Threads                       connect       POST th_auth_start
//   3. finish what it comes back with                    finish        POST th_auth_finish
//   4. show accounts and posts, as they change           watch         users/{uid}/integrations/threads, and its posts
//   5. change the default account, disconnect one        makeDefault   PATCH th_accounts
//                                                        disconnect    DELETE th_accounts
//   6. publish, now or later                             publish       POST publish_threads
//   7. cancel what is scheduled                          cancel        DELETE th_posts
//
// Apart from the addresses of the emulators, this is what an app in production does.

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

// In production, leave these two out.
connectAuthEmulator(auth, config.authEmulator, { disableWarnings: true });
connectFirestoreEmulator(firestore, config.firestoreEmulator.host, config.firestoreEmulator.port);

// --- 1. The user ---------------------------------------------------------------------------------

// The Auth emulator believes any Google account, made up as JSON. An app would call signInWithPopup.
function signIn(email) {
  const account = JSON.stringify({ sub: email, email, email_verified: true });
  return signInWithCredential(auth, GoogleAuthProvider.credential(account));
}

// Nobody is signed in yet, so the tab proves later, with the verifier, that it was the one to begin (RFC 7636).
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
  showUser(user && (user.email ?? user.displayName ?? "Signed in")); // Threads tells no address
  clearDraft(); // the last user's
  accounts = posts = undefined;
  stopWatching = user ? watch(user.uid) : () => {};
}

// --- Calling a function --------------------------------------------------------------------------

// Every function takes the user's Firebase ID token, if there is a user yet, and answers {ok: true, …} or {ok: false,
// error: {code, message, retryable, details?}, status?}. The message is written for the user. A status is that of a
// post which has ended: whoever sends it again gets the same answer.
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

// Another account, or one whose access has ended, or that was not allowed everything.
function connect(accountId) {
  return openWindow({ accountId });
}

async function openWindow(wish, verifier) {
  const { authUrl } = await call("POST", "th_auth_start", { returnTo: `${location.origin}/`, ...wish });
  if (verifier) sessionStorage.setItem("verifier", verifier);
  else sessionStorage.removeItem("verifier"); // of a sign-in that was given up
  location.assign(authUrl);
}

// Threads sends the browser to th_auth_callback, and that sends it here: with a handle in the fragment, and nothing
// is connected before the handle is sent back by whom it belongs to; or with the outcome in the query, when there is
// nothing to finish (a "no", an error, or CONNECT_MODE is immediate).
async function readReturn() {
  const handle = location.hash.match(/^#th_link=(.+)/)?.[1];
  const query = new URLSearchParams(location.search);
  history.replaceState(null, "", location.pathname); // a handle is nobody else's business, and works once
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

let accounts, posts; // undefined until Firestore has told them
let connectedId; // the account that the browser has just come back with

// One document holds a card for each account, and each post has a record below it. Only their owner may read
// them, and they change by themselves: an account has to be connected again, a scheduled post is published.
// (Without Firestore: GET th_accounts and GET th_posts.)
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

// A post that a task has published has no public address yet. th_posts asks Threads for it, and keeps it on the
// record, from where it comes here by itself.
const asked = new Set();

function askForPermalink({ postId, status, permalink }) {
  if (status !== "published" || permalink || asked.has(postId)) return;
  asked.add(postId);
  call("GET", `th_posts?postId=${postId}`).catch(() => {});
}

// --- 5. Settings of an account -------------------------------------------------------------------

// What changes stands in the summary, and so on the page.
function makeDefault(accountId) {
  return call("PATCH", "th_accounts", { accountId, default: true });
}

async function disconnect(accountId) {
  await call("DELETE", `th_accounts?accountId=${accountId}`);
  showNotice("plain", "The account is disconnected.");
  byId("connect").focus(); // the button that was pressed is gone
}

// --- 6. Publishing -------------------------------------------------------------------------------

const composer = byId("composer");

// The key names the draft: what is sent again under it is the same post, and is answered, not published twice.
// So it stays while nobody has said how that post ended, and every other draft gets a key of its own.
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
    if (error.status) idempotencyKey = crypto.randomUUID(); // this post has failed: trying again is another one
    throw error;
  }
  clearDraft(); // the post stands in the list by now
}

// --- 7. Cancelling -------------------------------------------------------------------------------

// Either this wins or the delivery that begins at the same moment; the list, or the error, says which.
function cancel(postId) {
  return call("DELETE", `th_posts?postId=${postId}`);
}

// --- What the page's elements do -----------------------------------------------------------------

// Failures are shown where they belong: a draft's beside the draft, an account's and a post's beside these, all
// others at the top.
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
// Only now, so that what was just connected is there from the first snapshot on: the Firestore emulator may lose a
// change that falls into the moment in which a listener is attached.
onAuthStateChanged(auth, userChanged);
