// Calls the functions. Every function takes the user's Firebase ID token, if there is a user, and answers
// {ok: true, …} or {ok: false, error: {code, message, retryable, details?, …}, status?}. A status says how the post has
// ended: the same request will get the same answer again.

import { state, update } from "./store.js";
import { explain } from "./words.js";

const REMEMBERED = 200;

export class ServiceError extends Error {
  constructor({ error, status, postId }, retryAfter) {
    super(explain(error));
    const { code, details = [], nextAction, scopes = [], retryable } = error;
    Object.assign(this, { code, details, nextAction, scopes, retryable, status, postId });
    if (retryAfter) this.retryAt = Date.now() + 1000 * retryAfter;
  }
}

const SILENCE = { error: { code: "no_answer", retryable: true } };

let getToken = async () => undefined;

// Tells how to get the ID token of the signed-in user.
export function callAs(tokenOf) {
  getToken = tokenOf;
}

export async function call(method, path, body, headers = {}) {
  const entry = { at: Date.now(), method, name: path.split("?")[0], key: body?.idempotencyKey, dry: body?.dryRun };
  const token = await getToken();
  const authorization = token && { Authorization: `Bearer ${token}` };
  const response = await fetch(`${state.config.functionsUrl}/${path}`, {
    method,
    headers: { ...authorization, "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  }).catch(() => undefined);
  const answer = await response?.json().catch(() => undefined) ?? SILENCE;
  const postId = answer.postId ?? answer.error?.postId ?? body?.postId ?? new URLSearchParams(path.split("?")[1]).get("postId");
  remember({ ...entry, postId, status: response?.status, code: answer.error?.code, ms: Date.now() - entry.at });
  if (!answer.ok) throw new ServiceError({ ...answer, postId }, Number(response?.headers.get("Retry-After")));
  return answer;
}

function remember(entry) {
  if (!entry.dry) update({ calls: [...state.calls.slice(-REMEMBERED), entry] });
}

// The page's own server: what the emulators have written down, and trouble.
export async function ask(path, body) {
  const request = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, request);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? "The local suite does not answer.");
  return answer;
}
