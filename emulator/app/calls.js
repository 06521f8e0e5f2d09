// The client of the functions, and a memory of what this page has called, which "What happened" shows.

import { createThreadsClient } from "/client/client.js";
import { state, update } from "./store.js";

const REMEMBERED = 200;

export let threads;

// Makes the client. `user` returns the signed-in user of the moment.
export function connectTo(baseUrl, user) {
  threads = createThreadsClient({ baseUrl, user, fetch: remembering });
}

async function remembering(url, request) {
  const { pathname, searchParams } = new URL(url);
  const sent = JSON.parse(request.body ?? "{}") ?? {};
  const call = { at: Date.now(), method: request.method, name: pathname.split("/").at(-1) };
  const response = await fetch(url, request).catch((error) => error);
  const answer = response instanceof Error ? {} : await response.clone().json().catch(() => ({}));
  const postId = answer.postId ?? sent.postId ?? searchParams.get("postId");
  const entry = { ...call, postId, status: response.status, code: answer.error?.code, ms: Date.now() - call.at };
  if (!sent.dryRun) remember(entry);
  if (response instanceof Error) throw response;
  return response;
}

// The memory lasts as long as the tab.
function remember(entry) {
  const calls = [...state.calls.slice(-REMEMBERED), entry];
  sessionStorage.setItem("calls", JSON.stringify(calls));
  update({ calls });
}

// The page's own server: what the emulators have written down, and trouble.
export async function ask(path, body) {
  const request = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, request);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? "The local suite does not answer.");
  return answer;
}
