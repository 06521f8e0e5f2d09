// The user, the accounts and the posts: Firebase Authentication, and two listeners in Firestore.
// An app in production does the same, without the two lines that connect the emulators.

import { initializeApp } from "firebase/app";
import {
  GoogleAuthProvider, browserLocalPersistence, connectAuthEmulator, initializeAuth, onAuthStateChanged,
  signInWithCredential, signInWithCustomToken, signOut,
} from "firebase/auth";
import {
  collection, connectFirestoreEmulator, disableNetwork, doc, enableNetwork, getFirestore, limit, onSnapshot, orderBy,
  query,
} from "firebase/firestore";
import { connectTo, threads } from "./calls.js";
import { openDraft } from "./draft.js";
import { notify, state, update } from "./store.js";
import { permissions } from "./words.js";

const PROBE_MS = 2000; // how often it is looked whether Firestore is there
const ASK_AGAIN_MS = 15_000;
const MOST_TIMES = 3;

let auth, firestore;

export async function start() {
  const { config } = state;
  const app = initializeApp({ projectId: config.projectId, apiKey: "emulator" });
  auth = initializeAuth(app, { persistence: browserLocalPersistence });
  firestore = getFirestore(app);
  connectAuthEmulator(auth, config.authEmulator, { disableWarnings: true }); // not in production
  connectFirestoreEmulator(firestore, config.firestoreEmulator.host, config.firestoreEmulator.port); // not in production
  connectTo(config.functionsUrl, () => auth.currentUser);
  await auth.authStateReady();
  await readReturn().catch((error) => notify("bad", error.message));
  // This is last, so that the first snapshot already has the new account. The Firestore emulator may lose a change that
  // happens just when a listener is attached.
  onAuthStateChanged(auth, userChanged);
  setInterval(recover, PROBE_MS);
}

// --- The user ------------------------------------------------------------------------------------

// The Auth emulator accepts any made-up Google account as JSON. An app would call signInWithPopup.
export function signIn(email) {
  const account = JSON.stringify({ sub: email, email, email_verified: true });
  return signInWithCredential(auth, GoogleAuthProvider.credential(account));
}

export function leave() {
  update({ accounts: undefined }); // so that nothing is asked for them any more, without a user
  return signOut(auth);
}

function userChanged(user) {
  stop();
  const name = user && (user.email ?? user.displayName ?? "Signed in"); // Threads gives no e-mail address
  update({
    user: user && { uid: user.uid, name }, accounts: undefined, posts: undefined, complaints: {}, storyOf: undefined,
    draft: openDraft(user?.uid), check: { is: "idle" },
  });
  if (user) watch(user.uid);
}

// --- Connecting an account -----------------------------------------------------------------------

// Beside what every app needs: to publish threads, and to delete posts.
const USEFUL = ["threads_manage_replies", "threads_delete"];

const returnTo = `${location.origin}/`;

// Connects another account. With an accountId it connects that one again: its access has ended, or a permission is
// missing.
export const connect = (accountId, scopes = []) =>
  threads.startAuth({ accountId, scopes: [...new Set([...USEFUL, ...scopes])], returnTo });

export const signInWithThreads = () => threads.startSignIn({ scopes: USEFUL, returnTo });

// Finishes what Threads has sent the browser back with, if it has.
async function readReturn() {
  if (location.hash.startsWith("#th_link=")) notify("plain", "One moment …");
  const { status, accountId, customToken, refusedScopes, message } = await threads.finishAuth();
  if (customToken) await signInWithCustomToken(auth, customToken);
  if (status === "connected") connected(accountId, refusedScopes);
  else if (status === "cancelled") notify("plain", "You cancelled. Nothing was connected.");
  else if (status === "failed") notify("bad", message);
}

function connected(accountId, refused) {
  update({ chosenId: accountId });
  if (!refused.length) notify("good", "Your Threads account is connected.");
  else notify("plain", `Your Threads account is connected, but you did not allow the app to ${permissions(refused)}.`);
}

// --- Accounts and posts --------------------------------------------------------------------------

let stop = () => {};

// One document has a card for each account, and below it each post has a record. Only their user can read them. They
// change without this page: an account loses its access, or a scheduled post is published.
// (An app without Firestore calls GET th_accounts and GET th_posts.)
function watch(uid) {
  const summary = doc(firestore, "users", uid, "integrations", "threads");
  const latest = query(collection(summary, "posts"), orderBy("createdAt", "desc"), limit(state.limit));
  const stops = [
    onSnapshot(summary, { includeMetadataChanges: true }, accountsChanged, () => watchAgain(uid)),
    onSnapshot(latest, postsChanged, () => watchAgain(uid)),
  ];
  stop = () => stops.forEach((one) => one());
}

export function showMore() {
  update({ limit: state.limit + 50 });
  stop();
  watch(state.user.uid);
}

// A listener that has failed is dead. It is replaced, as long as the same user is there.
function watchAgain(uid) {
  stop();
  update({ isCutOff: true });
  setTimeout(() => state.user?.uid === uid && watch(uid), PROBE_MS);
}

function accountsChanged(summary) {
  const isCutOff = summary.metadata.fromCache;
  if (isCutOff && !summary.exists() && !state.accounts) return update({ isCutOff }); // nothing is known yet
  const { accounts: cards = {}, defaultAccountId } = summary.data() ?? {};
  const accounts = Object.entries(cards)
    .map(([accountId, card]) => ({
      ...card, accountId, isDefault: accountId === defaultAccountId, expiresAt: card.expiresAt?.toDate(),
    }))
    .toSorted((a, b) => b.isDefault - a.isDefault || a.username.localeCompare(b.username));
  const chosen = accounts.find(({ accountId }) => accountId === state.chosenId) ?? accounts[0];
  update({ accounts, chosenId: chosen?.accountId, isCutOff });
}

function postsChanged(latest) {
  const posts = latest.docs.map((record) => {
    const post = record.data();
    const [dueAt, updatedAt, nextActionAt, scheduledTime, deletedAt] =
      ["dueAt", "updatedAt", "nextActionAt", "scheduledTime", "deletedAt"].map((name) => post[name]?.toDate());
    return { ...post, postId: record.id, dueAt, updatedAt, nextActionAt, scheduledTime, deletedAt };
  });
  update({ posts });
  posts.forEach(askForPermalink);
}

// A post that a task has published has no permalink yet. th_posts asks Threads for it and stores it in the record,
// which Firestore then sends here.
const asked = new Map();

function askForPermalink({ postId, status, permalink }) {
  const { times, at } = asked.get(postId) ?? { times: 0, at: 0 };
  if (status !== "published" || permalink || times === MOST_TIMES || Date.now() - at < ASK_AGAIN_MS) return;
  asked.set(postId, { times: times + 1, at: Date.now() });
  threads.posts.get(postId).catch(() => {});
}

// The SDK notices an outage only after half a minute, and then waits up to a minute before it tries again. So the page
// looks for itself, and tells the SDK as soon as Firestore answers.
async function recover() {
  if (!state.user || document.hidden) return;
  const { host, port } = state.config.firestoreEmulator;
  const answers = await fetch(`http://${host}:${port}/`, { mode: "no-cors" }).catch(() => undefined);
  if (!answers) return update({ isCutOff: true });
  if (!state.isCutOff) return state.posts?.forEach(askForPermalink);
  await disableNetwork(firestore);
  await enableNetwork(firestore);
}
