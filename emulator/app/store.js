// What the page knows. Everything that happens changes this state, and then the whole page is made like it again.

import { explain } from "./words.js";

export const state = {
  config: undefined,
  user: undefined, // undefined: not known yet; null: nobody is signed in; { uid, name }
  accounts: undefined, // undefined until Firestore has sent them
  posts: undefined,
  limit: 50, // how many posts are listed
  chosenId: undefined, // the account that writes
  isCutOff: false, // Firestore cannot be reached
  notice: undefined, // { kind: "plain" | "good" | "bad", text }
  complaints: {}, // what went wrong, by the place where it is shown
  busy: new Set(), // what is being done
  draft: undefined,
  wait: undefined, // { until, reason, stop }: a request is sent again, because of a passing error
  picking: undefined, // the part of the draft for which a picture or film is picked
  check: { is: "idle" }, // what a dry run has said about the draft; see preview.js
  panel: "preview",
  storyOf: undefined, // the post whose story is told
  story: undefined,
  trouble: { names: [], aheadSeconds: 0 },
  catalogue: undefined, // the errors that Threads can be made to answer
  calls: JSON.parse(sessionStorage.getItem("calls") ?? "[]"), // what this page has called
  now: Date.now(),
};

let paint = () => {};
let isDue = false;

export function onChange(painter) {
  paint = painter;
}

export function update(changes) {
  Object.assign(state, changes);
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    paint(state);
  });
}

// Does something that a person has asked for. What is being done already is not done a second time, and an error is
// shown at its place: "composer", "top", or an account or post by its id.
export async function act(name, action, place = "top") {
  if (state.busy.has(name)) return;
  update({ busy: new Set([...state.busy, name]), notice: undefined, complaints: {} });
  try {
    await action();
  } catch (error) {
    complain(place, error);
  } finally {
    update({ busy: new Set([...state.busy].filter((it) => it !== name)) });
  }
}

function complain(place, error) {
  const { code, details = [], nextAction, scopes = [], retryable, retryAfter, postId } = error;
  const retryAt = retryAfter && Date.now() + 1000 * retryAfter;
  if (place === "top") notify("bad", explain(error));
  else update({ complaints: { [place]: { message: explain(error), code, details, nextAction, scopes, retryable, retryAt, postId } } });
}

export function notify(kind, text) {
  update({ notice: text && { kind, text } });
}

export const chosenAccount = () => state.accounts?.find(({ accountId }) => accountId === state.chosenId);
