// The demo page, and the shortest complete example of how an app uses the service:
//
//   1. sign the user in with Firebase           signIn
//   2. send the browser to Threads              connect      POST th_auth_start
//   3. see how that ended                       readReturn   the query of returnTo
//   4. show accounts and posts, as they change  watch        users/{uid}/integrations/threads, and its posts
//   5. publish, now or later                    publish      POST publish_threads
//   6. cancel what is scheduled                 cancel       DELETE th_posts
//
// Apart from the addresses of the emulators, this is what an app in production does.

import { initializeApp } from "firebase/app";
import {
  GoogleAuthProvider, browserLocalPersistence, connectAuthEmulator, initializeAuth, onAuthStateChanged,
  signInWithCredential, signOut,
} from "firebase/auth";
import {
  collection, connectFirestoreEmulator, doc, getFirestore, limit, onSnapshot, orderBy, query,
} from "firebase/firestore";
import {
  byId, offerTime, onCancel, onClick, onSubmit, showAccounts, showComplaint, showDraft, showNotice, showPosts, showUser,
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

let stopWatching = () => {};

onAuthStateChanged(auth, (user) => {
  stopWatching();
  showUser(user?.email);
  clearDraft(); // the last user's
  accounts = posts = undefined;
  stopWatching = user ? watch(user.uid) : () => {};
});

// --- Calling a function --------------------------------------------------------------------------

// Every function takes the user's Firebase ID token, and answers {ok: true, …} or {ok: false, error: {code,
// message, retryable, details?}, status?}. The message is written for the user. A status is that of a post which
// has ended: whoever sends it again gets the same answer.
class ServiceError extends Error {
  constructor({ error: { message, details = [] }, status }) {
    super(message);
    Object.assign(this, { details, status });
  }
}

const unreachable = { error: { message: "The service did not answer. Try again." } };

async function call(method, path, body, headers = {}) {
  const idToken = await auth.currentUser.getIdToken();
  const request = {
    method,
    headers: { Authorization: `Bearer ${idToken}`, "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  };
  const answer = await fetch(`${config.functionsUrl}/${path}`, request)
    .then((response) => response.json())
    .catch(() => unreachable);
  if (!answer.ok) throw new ServiceError(answer);
  return answer;
}

// --- 2. and 3. Connecting an account -------------------------------------------------------------

async function connect() {
  const { authUrl } = await call("POST", "th_auth_start", { returnTo: `${location.origin}/` });
  location.assign(authUrl);
}

// Threads sends the browser to th_auth_callback, and that sends it here, with the outcome in the query.
function readReturn() {
  const query = new URLSearchParams(location.search);
  const outcome = query.get("threads");
  if (outcome === null) return;
  history.replaceState(null, "", location.pathname); // a reload must not say it again
  if (outcome === "connected") {
    connectedId = query.get("accountId");
    showNotice("good", "Your Threads account is connected.");
  } else if (outcome === "cancelled") showNotice("plain", "You cancelled. Nothing was connected.");
  else showNotice("bad", `The account could not be connected (${query.get("error") ?? "unknown"}). Please try again.`);
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

// --- 5. Publishing -------------------------------------------------------------------------------

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

// --- 6. Cancelling -------------------------------------------------------------------------------

// Either this wins or the delivery that begins at the same moment; the list, or the error, says which.
function cancel(postId) {
  return call("DELETE", `th_posts?postId=${postId}`);
}

// --- What the page's elements do -----------------------------------------------------------------

// Failures are shown where they belong: a draft's beside the draft, a post's beside the post, all others at the top.
const toNotice = (error) => showNotice("bad", error.message);
const toComposer = (error) => showComplaint(error.message, error.details);

onSubmit("sign-in", () => signIn(byId("address").value), toNotice);
onSubmit("composer", publish, toComposer);
onClick("connect", connect, toNotice);
onClick("sign-out", () => signOut(auth), toNotice);
onCancel(cancel);
composer.addEventListener("input", ({ target }) => {
  if (target.name === "when") offerTime();
  draftChanged();
});

draftChanged();
readReturn();
