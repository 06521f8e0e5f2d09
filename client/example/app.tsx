// An app of one page: sign in, connect, choose an account, publish, schedule, and follow what becomes of it.
// `make run` serves it at /client/example/.

import { initializeApp } from "firebase/app";
import {
  browserLocalPersistence, connectAuthEmulator, GoogleAuthProvider, initializeAuth, onAuthStateChanged,
  signInWithCredential, signInWithCustomToken, signOut, type User,
} from "firebase/auth";
import { useEffect, useId, useMemo, useState, type FormEvent, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import {
  canPublish, createThreadsClient, type AuthOutcome, type Post, type ThreadsClient, type ThreadsError,
} from "threads-on-firebase";
import {
  AccountPicker, useConnectIntegration, usePosts, usePublishThreads, useThreadsAccounts, type ConnectIntegration,
} from "threads-on-firebase/react";

interface Config {
  projectId: string;
  authEmulator: string;
  functionsUrl: string;
}

const config = (await (await fetch("/config.json")).json()) as Config;
const auth = initializeAuth(initializeApp({ projectId: config.projectId, apiKey: "emulator" }), {
  persistence: browserLocalPersistence,
});
connectAuthEmulator(auth, config.authEmulator, { disableWarnings: true }); // not in production

function App(): ReactNode {
  const user = useUser();
  const client = useMemo(() => createThreadsClient({ baseUrl: config.functionsUrl, user: () => user }), [user]);
  const connection = useConnectIntegration(client, {
    isReady: user !== undefined,
    onOutcome: finishSignIn,
  });
  return (
    <>
      <h1>An app that publishes to Threads</h1>
      <Outcome connection={connection} />
      {user === null && <SignIn connection={connection} />}
      {user && <Home key={user.uid} client={client} connection={connection} user={user} />}
    </>
  );
}

function finishSignIn(outcome: AuthOutcome): void {
  const customToken = outcome.status === "connected" && outcome.customToken;
  if (customToken) void signInWithCustomToken(auth, customToken);
}

/** The user, null if nobody is signed in, and undefined until that is known. */
function useUser(): User | null | undefined {
  const [user, setUser] = useState<User | null>();
  useEffect(() => onAuthStateChanged(auth, setUser), []);
  return user;
}

function Outcome({ connection: { outcome, error } }: { connection: ConnectIntegration }): ReactNode {
  return (
    <div role="status">
      {outcome?.status === "connected" && <p>Your Threads account is connected.</p>}
      {outcome?.status === "connected" && outcome.refusedScopes.length > 0 && (
        <p>You did not allow: {outcome.refusedScopes.join(", ")}.</p>
      )}
      {outcome?.status === "cancelled" && <p>You cancelled. Nothing was connected.</p>}
      {outcome?.status === "failed" && <p className="bad">{outcome.message}</p>}
      {error && <p className="bad">{error.message}</p>}
    </div>
  );
}

function SignIn({ connection }: { connection: ConnectIntegration }): ReactNode {
  const [email, setEmail] = useState("ada@example.com");
  const id = useId();
  // The Auth emulator takes any made-up Google account. An app in production calls signInWithPopup.
  const signIn = (event: FormEvent) => {
    event.preventDefault();
    const account = JSON.stringify({ sub: email, email, email_verified: true });
    void signInWithCredential(auth, GoogleAuthProvider.credential(account));
  };
  return (
    <form onSubmit={signIn}>
      <label htmlFor={id}>E-mail</label>
      <input id={id} type="email" required value={email} onChange={(event) => setEmail(event.target.value)} />
      <div className="row">
        <button>Sign in</button>
        <button type="button" onClick={() => void connection.startSignIn()}>Sign in with Threads</button>
      </div>
    </form>
  );
}

function Home(props: { client: ThreadsClient; connection: ConnectIntegration; user: User }): ReactNode {
  const { client, connection, user } = props;
  const { accounts, error } = useThreadsAccounts(client);
  const [chosen, setChosen] = useState<string>();
  const usable = accounts?.filter(canPublish) ?? [];
  const accountId = usable.find((account) => account.accountId === chosen)?.accountId ?? usable[0]?.accountId;
  const list = usePosts(client);
  return (
    <>
      <div className="row">
        <span className="quiet">{user.email ?? user.displayName}</span>
        <button onClick={() => void signOut(auth)}>Sign out</button>
      </div>
      <section>
        {accounts && accounts.length > 0 && (
          <AccountPicker
            accounts={accounts} value={accountId} onChange={setChosen}
            onReconnect={(again) => void connection.startAuth({ accountId: again })}
          />
        )}
        {accounts?.length === 0 && <p className="quiet">No account yet.</p>}
        {error && <p className="bad" role="alert">{error.message}</p>}
        <div className="row">
          <button disabled={connection.isBusy} onClick={() => void connection.startAuth()}>
            {accounts?.length ? "Connect another account" : "Connect Threads"}
          </button>
        </div>
      </section>
      {accountId && <Composer client={client} accountId={accountId} />}
      <section aria-label="Posts">
        <h2>Posts</h2>
        {list.posts?.length === 0 && <p className="quiet">Nothing yet.</p>}
        {list.error && <Problem error={list.error} />}
        <ol>
          {list.posts?.map((post) => {
            const cancel = () => client.posts.cancel(post.postId);
            return <Row key={post.postId} post={post} onCancel={() => void list.act(cancel)} />;
          })}
        </ol>
        {list.hasMore && <button onClick={list.loadMore}>Older posts</button>}
      </section>
    </>
  );
}

function Composer({ client, accountId }: { client: ThreadsClient; accountId: string }): ReactNode {
  const { publish, goOn, discard, isBusy, wait, error, unfinished } = usePublishThreads(client);
  const [text, setText] = useState("");
  const [time, setTime] = useState("");
  const id = useId();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const published = await publish(
      { text, accountId, ...(time && { scheduledTime: new Date(time) }) },
      { permalink: true },
    );
    if (!published) return;
    setText("");
    setTime("");
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      {unfinished.map((one) => (
        <fieldset key={one.key}>
          <legend>Not finished</legend>
          <p>{one.draft.text}</p>
          <div className="row">
            <button type="button" onClick={() => void goOn(one)}>Go on</button>
            <button type="button" onClick={() => void discard(one)}>Discard</button>
          </div>
        </fieldset>
      ))}
      <label htmlFor={`${id}-text`}>Text</label>
      <textarea id={`${id}-text`} rows={4} required value={text} onChange={(event) => setText(event.target.value)} />
      <label htmlFor={`${id}-time`}>Publish at (now, if empty)</label>
      <input id={`${id}-time`} type="datetime-local" value={time} onChange={(event) => setTime(event.target.value)} />
      {wait && <p role="status">{wait.error.message} Trying again in {Math.ceil(wait.seconds)} s.</p>}
      {error && <Problem error={error} />}
      <div className="row">
        <button disabled={isBusy}>{time ? "Schedule" : "Publish"}</button>
      </div>
    </form>
  );
}

function Problem({ error: { message, details, helpUrl } }: { error: ThreadsError }): ReactNode {
  return (
    <p className="bad" role="alert">
      {message} {details.length > 1 && details.map(({ field, message: rule }) => `${field} ${rule}`).join(" ")}{" "}
      {helpUrl && <a href={helpUrl}>What to do</a>}
    </p>
  );
}

function Row({ post, onCancel }: { post: Post; onCancel: () => void }): ReactNode {
  const { status, content, permalink, scheduledTime, error } = post;
  const isOpen = status === "scheduled" || status === "processing";
  const when = status === "scheduled" && scheduledTime && new Date(scheduledTime).toLocaleString();
  return (
    <li>
      <p>{content.text}</p>
      <div className="row">
        <span className="quiet">
          {when ? `Scheduled for ${when}` : status}
          {error && `: ${error.message}`}
        </span>
        {permalink && <a href={permalink}>See it on Threads</a>}
        {isOpen && <button onClick={onCancel}>Cancel</button>}
      </div>
    </li>
  );
}

const root = document.getElementById("app");
if (root) createRoot(root).render(<App />);
