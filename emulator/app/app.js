// The demo page, and the shortest complete example of how an app uses the service:
//
//   1. sign the user in with Firebase           signIn
//   2. send the browser to Threads              connect      POST th_auth_start
//   3. see how that ended                       readReturn   the query of returnTo
//   4. show the accounts, as they change        onSnapshot   users/{uid}/integrations/threads
//   5. publish                                  publish      POST publish_threads
//
// Apart from the addresses of the emulators, this is what an app in production does.

import { initializeApp } from "firebase/app";
import {
  GoogleAuthProvider, browserLocalPersistence, connectAuthEmulator, initializeAuth, onAuthStateChanged,
  signInWithCredential, signOut,
} from "firebase/auth";
import { connectFirestoreEmulator, doc, getFirestore, onSnapshot } from "firebase/firestore";
import { byId, onClick, onSubmit, showAccounts, showComplaint, showDraft, showNotice, showPost, showUser } from "./view.js";

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
  stopWatching = user ? watchAccounts(user.uid) : () => {};
});

// --- Calling a function --------------------------------------------------------------------------

// Every function takes JSON and the user's Firebase ID token, and answers {ok: true, …} or
// {ok: false, error: {code, message, retryable, details?}}. The message is written for the user.
class ServiceError extends Error {
  constructor({ code, message, retryable, details = [] }) {
    super(message);
    Object.assign(this, { code, retryable, details });
  }
}

async function call(name, body, headers = {}) {
  const idToken = await auth.currentUser.getIdToken();
  const request = {
    method: "POST",
    headers: { Authorization: `Bearer ${idToken}`, "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`${config.functionsUrl}/${name}`, request)
    .then((response) => response.json())
    .catch(() => ({ error: { code: "unreachable", message: "The service did not answer. Try again.", retryable: true } }));
  if (!answer.ok) throw new ServiceError(answer.error);
  return answer;
}

// --- 2. and 3. Connecting an account -------------------------------------------------------------

async function connect() {
  const { authUrl } = await call("th_auth_start", { returnTo: `${location.origin}/` });
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

// --- 4. The accounts -----------------------------------------------------------------------------

let accounts = [];
let connectedId; // the account that the browser has just come back with

// One document holds a card for each account. Only its owner may read it, and it changes by itself when
// an account is connected, or has to be connected again. (Without Firestore: GET th_accounts.)
function watchAccounts(uid) {
  return onSnapshot(doc(firestore, "users", uid, "integrations", "threads"), (summary) => {
    const { accounts: cards = {}, defaultAccountId } = summary.data() ?? {};
    accounts = Object.entries(cards).map(([accountId, card]) => ({
      ...card, accountId, isDefault: accountId === defaultAccountId, expiresAt: card.expiresAt?.toDate(),
    }));
    showAccounts(accounts, connectedId);
  }, toNotice);
}

// --- 5. Publishing -------------------------------------------------------------------------------

const composer = byId("composer");

// The key names the draft: whatever is sent under it, after a double click or a lost answer, is the same post.
// Other words are another draft, and get another key.
let idempotencyKey = crypto.randomUUID();

function draft() {
  const { text, media, mediaUrl } = composer.elements;
  return { text: text.value, ...(media.value && { [media.value]: mediaUrl.value.trim() }) }; // imageUrl or videoUrl
}

function draftChanged() {
  idempotencyKey = crypto.randomUUID();
  showDraft(draft());
}

async function publish() {
  const content = draft();
  const accountId = document.querySelector("[name=account]:checked")?.value;
  const wantsPermalink = { Prefer: "return=representation" };
  const post = await call("publish_threads", { ...content, accountId, idempotencyKey }, wantsPermalink);
  showPost({ ...content, ...post, account: accounts.find((account) => account.accountId === post.accountId) });
  clearDraft();
}

function clearDraft() {
  composer.reset();
  draftChanged();
}

// --- What the page's elements do -----------------------------------------------------------------

// Failures are shown where they belong: a draft's beside the draft, all others at the top.
const toNotice = (error) => showNotice("bad", error.message);
const toComposer = (error) => showComplaint(error.message, error.details);

onSubmit("sign-in", () => signIn(byId("address").value), toNotice);
onSubmit("composer", publish, toComposer);
onClick("connect", connect, toNotice);
onClick("sign-out", () => signOut(auth), toNotice);
composer.addEventListener("input", draftChanged);

draftChanged();
readReturn();
