// React hooks, and a picker of accounts. React is the app's own (18 or newer).
//
// A client that is made for a user restarts every hook when the user changes:
//   const client = useMemo(() => createThreadsClient({ baseUrl, user }), [user]);

import { useCallback, useEffect, useId, useRef, useState, type ReactNode } from "react";
import {
  canPublish, ThreadsError,
  type Account, type AccountChange, type Accounts, type AuthOutcome, type Draft, type Post, type Published,
  type PublishOptions, type StartAuthOptions, type ThreadsClient, type Unfinished, type Wait,
} from "./client.js";

// --- Connecting ----------------------------------------------------------------------------------

export interface ConnectIntegration {
  /** What has become of the connection with which this page was opened. Undefined while it is being finished. */
  outcome: AuthOutcome | undefined;
  /** Whether Threads' window is about to open, or a connection is being finished. */
  isBusy: boolean;
  /** Why no connection could be begun. */
  error: ThreadsError | undefined;
  /** Connects an account: this page becomes Threads' window. With an `accountId`, connects that one again. */
  startAuth: (options?: StartAuthOptions) => Promise<void>;
  /** Signs in with Threads, in the same way. */
  startSignIn: (options?: Omit<StartAuthOptions, "accountId">) => Promise<void>;
}

export interface ConnectOptions {
  /** Whether the user is known: a connection is finished once this is true. By default at once. */
  isReady?: boolean;
  /** Is called once with an outcome. After a sign-in, pass its `customToken` to `signInWithCustomToken`. */
  onOutcome?: (outcome: AuthOutcome) => void;
}

/** Begin connections, and finish the one with which this page was opened. */
export function useConnectIntegration(client: ThreadsClient, options: ConnectOptions = {}): ConnectIntegration {
  const { isReady = true, onOutcome } = options;
  const [outcome, setOutcome] = useState<AuthOutcome>();
  const { isBusy, error, run } = useAction();
  const tell = useLatest(onOutcome);
  useEffect(() => {
    if (!isReady) return;
    return whileMounted(async (isMounted) => {
      const finished = await client.finishAuth();
      if (!isMounted()) return;
      setOutcome((known) => (finished.status === "none" ? (known ?? finished) : finished));
      if (finished.status !== "none") tell.current?.(finished);
    });
  }, [client, isReady, tell]);
  return {
    outcome,
    isBusy: isBusy || !outcome,
    error,
    startAuth: (auth) => run(() => client.startAuth(auth)),
    startSignIn: (auth) => run(() => client.startSignIn(auth)),
  };
}

// --- Publishing ----------------------------------------------------------------------------------

export interface PublishThreads {
  /** Publishes a draft, now or later. The same draft is the same post until it was answered, and 10 seconds more. */
  publish: (draft: Draft, options?: Omit<PublishOptions, "onWait" | "signal">) => Promise<Published | undefined>;
  isBusy: boolean;
  /** While the service asks to wait. */
  wait: Wait | undefined;
  /** What the last draft has become. */
  published: Published | undefined;
  error: ThreadsError | undefined;
  /** Posts that were sent before this page was opened, and whose end is not known: offer to go on with them. */
  unfinished: readonly Unfinished[];
  /** Goes on with one of them, with its own key. */
  goOn: (unfinished: Unfinished) => Promise<Published | undefined>;
  /** Takes one of them off the list. */
  discard: (unfinished: Unfinished) => Promise<void>;
}

/** Publish posts. Leaving the page stops waiting; the post stays in `unfinished`. */
export function usePublishThreads(client: ThreadsClient): PublishThreads {
  const [published, setPublished] = useState<Published>();
  const [wait, setWait] = useState<Wait>();
  const [unfinished, setUnfinished] = useState<readonly Unfinished[]>([]);
  const { isBusy, error, run } = useAction();
  const unmounting = useRef(new AbortController());

  const look = useCallback(async () => setUnfinished(await client.unfinished()), [client]);
  useEffect(() => {
    const leaving = (unmounting.current = new AbortController());
    void look();
    return () => leaving.abort();
  }, [look]);

  const publish: PublishThreads["publish"] = async (draft, options) => {
    let answer: Published | undefined;
    setPublished(undefined);
    await run(async () => {
      try {
        const { signal } = unmounting.current;
        answer = await client.publishThreads(draft, { ...options, signal, onWait: setWait });
        setPublished(answer);
      } finally {
        setWait(undefined);
        await look();
      }
    });
    return answer;
  };
  return {
    publish,
    isBusy,
    wait,
    published,
    error,
    unfinished: isBusy ? [] : unfinished,
    goOn: ({ draft, key }) => publish(draft, { key }),
    discard: async ({ key }) => {
      await client.discard(key);
      await look();
    },
  };
}

// --- Accounts ------------------------------------------------------------------------------------

export interface ThreadsAccounts {
  /** The connected accounts, the default one first. Undefined until they are known. */
  accounts: readonly Account[] | undefined;
  defaultAccountId: string | null;
  error: ThreadsError | undefined;
  update: (accountId: string, change: AccountChange) => Promise<void>;
  disconnect: (accountId: string) => Promise<void>;
}

/** Show the accounts of the user, and change them. They are read again after each change, and every minute. */
export function useThreadsAccounts(client: ThreadsClient): ThreadsAccounts {
  const { value, error } = useWatched<Accounts>(client, client.accounts.watch);
  const { error: refusal, run } = useAction();
  return {
    accounts: value?.accounts,
    defaultAccountId: value?.defaultAccountId ?? null,
    error: refusal ?? error,
    update: (accountId, change) => run(() => client.accounts.update(accountId, change)),
    disconnect: (accountId) => run(() => client.accounts.disconnect(accountId)),
  };
}

// --- Posts ---------------------------------------------------------------------------------------

export interface Posts {
  /** The latest posts, the newest first. Undefined until they are known. */
  posts: readonly Post[] | undefined;
  /** Whether there are older ones. */
  hasMore: boolean;
  error: ThreadsError | undefined;
  /** Shows more posts. */
  loadMore: () => void;
  /** Does something with a post, such as `act(() => client.posts.cancel(postId))`, and keeps the error. */
  act: (action: () => Promise<unknown>) => Promise<void>;
}

/** Follow the latest posts. They are asked for after each change and when something is due. */
export function usePosts(client: ThreadsClient, { pageSize = 20 } = {}): Posts {
  const [limit, setLimit] = useState(pageSize);
  const watch = useCallback(
    (options: { signal: AbortSignal }) => client.posts.watchLatest({ limit, ...options }),
    [client, limit],
  );
  const { value, error } = useWatched(client, watch);
  const { error: refusal, run } = useAction();
  return {
    posts: value?.posts,
    hasMore: value?.before !== undefined && limit < MOST_POSTS,
    error: refusal ?? error,
    loadMore: () => setLimit((shown) => Math.min(shown + pageSize, MOST_POSTS)),
    act: run,
  };
}

/** The most posts that one request lists. For older ones, use `client.posts.all()`. */
const MOST_POSTS = 100;

// --- The picker ----------------------------------------------------------------------------------

export interface AccountPickerProps {
  accounts: readonly Account[];
  /** The id of the chosen account. */
  value: string | undefined;
  onChange: (accountId: string) => void;
  /** Is called if an account must be connected again before it can publish. */
  onReconnect?: (accountId: string) => void;
  legend?: ReactNode;
}

/**
 * Radio buttons for accounts, or nothing if there are none. It brings no style: its classes begin with
 * `threads-account`.
 */
export function AccountPicker(props: AccountPickerProps): ReactNode {
  const { accounts, value, onChange, onReconnect, legend = "Publish as" } = props;
  const name = useId();
  const only = accounts.length === 1 ? accounts[0]?.accountId : undefined; // a post without an account is its
  if (!accounts.length) return null;
  return (
    <fieldset className="threads-account-picker">
      <legend>{legend}</legend>
      {accounts.map((account) => {
        const { accountId, displayName, username, avatarUrl } = account;
        const id = `${name}-${accountId}`;
        const isUsable = canPublish(account);
        return (
          <div className="threads-account" key={accountId}>
            <input
              type="radio" id={id} name={name} value={accountId} disabled={!isUsable}
              checked={accountId === (value ?? only)}
              aria-describedby={isUsable ? undefined : `${id}-problem`} onChange={() => onChange(accountId)}
            />
            <label htmlFor={id}>
              {avatarUrl && <img src={avatarUrl} alt="" width={32} height={32} referrerPolicy="no-referrer" />}
              <span className="threads-account-name">{displayName}</span>
              <span className="threads-account-username">@{username}</span>
            </label>
            {!isUsable && <span id={`${id}-problem`} className="threads-account-problem">{problemOf(account)}</span>}
            {!isUsable && onReconnect && (
              <button type="button" aria-label={`Connect @${username} again`} onClick={() => onReconnect(accountId)}>
                Connect again
              </button>
            )}
          </div>
        );
      })}
    </fieldset>
  );
}

function problemOf({ status, statusReason }: Account): string {
  if (statusReason === "disconnecting") return "Is being disconnected";
  return status === "active" ? "May not publish for you" : "Its access has ended";
}

// --- What the hooks share ------------------------------------------------------------------------

/** Run one action, and keep what went wrong until the next one. */
function useAction() {
  const [running, setRunning] = useState(0);
  const [error, setError] = useState<ThreadsError>();
  const run = useCallback(async (action: () => Promise<unknown>): Promise<void> => {
    setRunning((count) => count + 1);
    setError(undefined);
    try {
      await action();
    } catch (reason) {
      if (reason instanceof ThreadsError) setError(reason);
      else if (!isAbort(reason)) throw reason;
    } finally {
      setRunning((count) => count - 1);
    }
  }, []);
  return { isBusy: running > 0, error, run };
}

type Watch<Value> = (options: { signal: AbortSignal }) => AsyncIterable<Value>;

/** Show what a watch yields, until the component is gone. What another client has shown is another user's. */
function useWatched<Value>(client: ThreadsClient, watch: Watch<Value>) {
  const [value, setValue] = useState<Value>();
  const [error, setError] = useState<ThreadsError>();
  useEffect(() => () => setValue(undefined), [client]);
  useEffect(() => {
    const leaving = new AbortController();
    const follow = async () => {
      setError(undefined);
      try {
        for await (const current of watch({ signal: leaving.signal })) if (!leaving.signal.aborted) setValue(current);
      } catch (reason) {
        if (!leaving.signal.aborted && reason instanceof ThreadsError) setError(reason);
      }
    };
    void follow();
    return () => leaving.abort();
  }, [watch]);
  return { value, error };
}

/** Keep the newest value where an effect can read it without beginning again. */
function useLatest<Value>(value: Value) {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}

/** Run something in an effect that may outlive the component, and return the effect's end. */
function whileMounted(run: (isMounted: () => boolean) => Promise<void>): () => void {
  let isMounted = true;
  void run(() => isMounted);
  return () => {
    isMounted = false;
  };
}

function isAbort(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "AbortError";
}
