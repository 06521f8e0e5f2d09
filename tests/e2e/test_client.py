"""The client against the functions and the emulators, in Node: what it promises when things go wrong."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from emulator.suite.suite import Suite
from tests.e2e.client import RunClient, build, run, suite_vault
from tests.e2e.conftest import Connect
from tests.e2e.world import TIMEOUT, Author, CloudTasks, Firebase, SignedIn, Threads, account_path
from threads.accounts.vault import Vault


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Build the client."""
    build()


@pytest.fixture(scope="module")
def vault(environment: dict[str, str]) -> Vault:
    """Return what seals tokens as the functions of the suite do."""
    return suite_vault(environment)


@pytest.fixture
def newcomer(suite: Suite, tmp_path: Path, user: SignedIn, threads: Threads) -> RunClient:
    """Run scripts as a signed-in user without accounts."""
    assert threads
    return partial(run, tmp_path, functions=suite.functions_url, idToken=user.id_token)


@pytest.fixture
def client(newcomer: RunClient, author: Author) -> RunClient:
    """Run scripts as a signed-in user with one account."""
    assert author
    return newcomer


# --- connecting -------------------------------------------------------------------------------------------


def begin(
    newcomer: RunClient, suite: Suite, call: str = "startAuth({ returnTo: given.page, open() {} })"
) -> str:
    """Begin a connection, and return the URL of the window."""
    return str(newcomer(f"return threads.{call};", page=f"{suite.page_url}/settings?tab=2"))


def come_back(threads: Threads, auth_url: str, **decision: Any) -> str:
    """Decide in the window, and return the address at which the browser arrives in the end."""
    callback = parse_qs(urlsplit(auth_url).query)["redirect_uri"][0]
    query = threads.decide(auth_url, **decision)
    back = requests.get(callback, params=query, allow_redirects=False, timeout=TIMEOUT)
    assert back.status_code == 303, back.text
    return back.headers["Location"]


def test_an_account_is_connected_and_its_return_can_be_finished_again(
    newcomer: RunClient, suite: Suite, threads: Threads
) -> None:
    """A return tells the account. If its answer is lost, the next one says the same."""
    person = threads.accounts()[0]
    back = come_back(threads, begin(newcomer, suite), account_id=person["id"])
    assert back.startswith(f"{suite.page_url}/settings?tab=2#th_link=")
    first = newcomer(
        """
        const client = createThreadsClient({ ...here, fetch: losing(1) });
        return [await client.finishAuth({ url: given.back }), await client.finishAuth({ url: given.page })];
        """,
        back=back,
        page=suite.page_url,
    )
    outcome = {"status": "connected", "accountId": person["id"], "refusedScopes": []}
    assert first[0].pop("profile")["username"] == person["username"]
    assert first == [outcome, {"status": "none"}]


def test_a_cancelled_connection_is_told(newcomer: RunClient, suite: Suite, threads: Threads) -> None:
    """Whoever leaves the window has connected nothing."""
    back = come_back(threads, begin(newcomer, suite), decision="deny")
    assert newcomer("return threads.finishAuth({ url: given.back });", back=back) == {"status": "cancelled"}


def test_another_account_than_the_one_to_connect_again_is_told(
    client: RunClient, suite: Suite, threads: Threads, author: Author
) -> None:
    """It fails with its code and with words for the user, and the account is still connected."""
    auth_url = client(
        "return threads.startAuth({ returnTo: given.page, accountId: given.account, open() {} });",
        page=suite.page_url,
        account=author.account_id,
    )
    back = come_back(threads, auth_url, account_id=threads.accounts()[1]["id"])
    outcome = client("return threads.finishAuth({ url: given.back });", back=back)
    assert (outcome["status"], outcome["code"]) == ("failed", "wrong_account")
    assert "account" in outcome["message"]
    assert client("return (await threads.accounts.list()).accounts[0].accountId;") == author.account_id


def test_a_return_waits_until_its_user_is_signed_in(
    newcomer: RunClient, suite: Suite, threads: Threads
) -> None:
    """A page that does not know its user yet loses nothing, not even by a reload."""
    back = come_back(threads, begin(newcomer, suite), account_id=threads.accounts()[0]["id"])
    early, stored = newcomer(
        """
        const nobody = createThreadsClient({ baseUrl: given.functions, user: () => null, storage });
        return [await nobody.finishAuth({ url: given.back }), storage.items];
        """,
        back=back,
    )
    assert (early["status"], early["error"]["nextAction"]) == ("failed", "sign_in")
    late, left = newcomer(
        """
        const user = { getIdToken: async () => given.idToken };
        const client = createThreadsClient({ baseUrl: given.functions, user, storage });
        return [await client.finishAuth({ url: given.page }), storage.items];
        """,
        page=suite.page_url,
        stored=stored,
    )
    assert (late["status"], left) == ("connected", {})


def test_a_person_signs_in_with_threads(newcomer: RunClient, suite: Suite, threads: Threads) -> None:
    """The tab that began the sign-in gets a token for Firebase, because it has kept the verifier."""
    person = threads.accounts()[0]
    auth_url, stored = newcomer(
        """
        const client = createThreadsClient({ baseUrl: given.functions, storage });
        return [await client.startSignIn({ returnTo: given.page, open() {} }), storage.items];
        """,
        page=suite.page_url,
    )
    back = come_back(threads, auth_url, account_id=person["id"])
    outcome = newcomer(
        """
        const client = createThreadsClient({ baseUrl: given.functions, storage });
        return client.finishAuth({ url: given.back });
        """,
        back=back,
        stored=stored,
    )
    assert (outcome["status"], outcome["accountId"]) == ("connected", person["id"])
    signed_in = requests.post(
        f"http://{suite.auth_host}/identitytoolkit.googleapis.com/v1/accounts:signInWithCustomToken?key=any",
        json={"token": outcome["customToken"], "returnSecureToken": True},
        timeout=TIMEOUT,
    )
    assert signed_in.status_code == 200


# --- publishing -------------------------------------------------------------------------------------------


def test_a_post_whose_answers_are_lost_is_published_once(client: RunClient, threads: Threads) -> None:
    """Each request has the same key, and the last one tells what the first one did."""
    published, waits, keys = client(
        """
        const keys = new Set(), waits = [], lossy = losing(2);
        const fetch = (address, request) => {
          keys.add(JSON.parse(request.body).idempotencyKey);
          return lossy(address, request);
        };
        const client = createThreadsClient({ ...here, fetch });
        const options = { onWait: ({ error }) => waits.push(error.code), permalink: true };
        return [await client.publishThreads({ text: "Once" }, options), waits, keys.size];
        """
    )
    assert (waits, keys) == (["no_answer", "no_answer"], 1)
    assert published["status"] == "published"
    assert published["permalink"].startswith("http")
    assert [it["id"] for it in threads.posts()] == [published["id"]]


def test_an_outage_is_waited_out_as_the_service_says(client: RunClient, threads: Threads) -> None:
    """A 503 says how long to wait; the same request then publishes the post."""
    threads.answer("/threads", error={"code": 2, "is_transient": True}, status=500)
    published, waits = client(
        """
        const waits = [];
        const onWait = ({ seconds, error, attempts }) => waits.push([seconds, error.status, attempts]);
        return [await threads.publishThreads({ imageUrl: "https://app.example/a.jpg" }, { onWait }), waits];
        """
    )
    assert published["status"] == "published"
    assert len(threads.posts()) == 1
    assert (waits[0][1:], waits[0][0] >= 1) == ([503, 1], True)


def test_what_takes_too_long_is_told_at_once(client: RunClient, threads: Threads) -> None:
    """If the service says to come back after the time that there is, nobody waits for it; the key is kept."""
    threads.answer("/threads", error={"code": 2, "is_transient": True}, status=500)
    error, unfinished = client(
        """
        const soon = { key: "k1", retryFor: 1 };
        const error = await threads.publishThreads({ text: "Now or never" }, soon).catch(told);
        return [error, await threads.unfinished()];
        """
    )
    assert (error["code"], error["retryable"]) == ("threads_unavailable", True)
    assert error["retryAfter"] > 1
    assert [(it["key"], it["draft"]) for it in unfinished] == [("k1", {"text": "Now or never"})]


def test_two_tabs_with_one_key_publish_one_post(client: RunClient, threads: Threads) -> None:
    """The second one is told to wait, and gets the first one's answer."""
    threads.answer("/threads", delay_seconds=1)
    answers = client(
        """
        const tab = () => createThreadsClient(here).publishThreads({ text: "Two tabs" }, { key: "draft-7" });
        return Promise.all([tab(), tab()]);
        """
    )
    assert answers[0] == answers[1]
    assert len(threads.posts()) == 1


def test_a_second_click_after_the_answer_is_the_same_post(client: RunClient, threads: Threads) -> None:
    """Now or later. Ten seconds after the answer, or after the user has cancelled it, it is a new one."""
    ids = client(
        """
        const send = async (draft) => (await threads.publishThreads(draft)).postId;
        const now = { text: "Twice clicked" };
        const later = { text: "Twice clicked", scheduledTime: new Date(Date.now() + 86_400_000) };
        const ids = [await send(now), await send(now), await send(later), await send(later)];
        await threads.posts.cancel(ids[3]);
        ids.push(await send(later));
        const clock = Date.now;
        Date.now = () => clock() + 11_000;
        return [...ids, await send(now), await send(later)];
        """
    )
    first, again, planned, planned_again, after_cancelling, *late = ids
    assert (first, planned) == (again, planned_again)
    assert len({first, planned, after_cancelling, *late}) == 5
    assert len(threads.posts()) == 2


def test_who_has_no_account_has_nothing_to_go_on_with(newcomer: RunClient) -> None:
    """Connecting an account publishes nothing that was refused before."""
    error, unfinished = newcomer(
        "return [await threads.publishThreads({ text: 'Early' }).catch(told), await threads.unfinished()];"
    )
    assert (error["nextAction"], unfinished) == ("connect_account", [])


def test_after_a_reload_the_same_post_goes_on(
    client: RunClient, threads: Threads, firebase: Firebase
) -> None:
    """What had no answer is found in the browser's storage with its key, by its author alone."""
    stored = client(
        """
        const client = createThreadsClient({ ...here, storage, fetch: losing(1) });
        await client.publishThreads({ text: "Before the reload" }, { retryFor: 0 }).catch(told);
        return storage.items;
        """
    )
    ask = "return createThreadsClient({ ...here, storage }).unfinished();"
    assert client(ask, stored=stored, idToken=firebase.sign_in().id_token) == []
    published, left = client(
        """
        const client = createThreadsClient({ ...here, storage });
        const [{ draft, key }] = await client.unfinished();
        return [await client.publishThreads(draft, { key }), storage.items];
        """,
        stored=stored,
    )
    assert (published["status"], left) == ("published", {})
    assert len(threads.posts()) == 1


def test_a_post_of_a_dead_account_goes_on_when_it_is_connected_again(
    client: RunClient, author: Author, firebase: Firebase, connect: Connect
) -> None:
    """The error says what to offer, the draft outlives the way to Threads, and one post comes out."""
    firebase.client.document(account_path(author.uid, author.account_id)).update(
        {"status": "reconnect_required"}
    )
    error, stored = client(
        """
        const client = createThreadsClient({ ...here, storage });
        return [await client.publishThreads({ text: "Again" }).catch(told), storage.items];
        """
    )
    assert (error["code"], error["nextAction"]) == ("reconnect_required", "reconnect")
    connect(author)
    published = client(
        """
        const client = createThreadsClient({ ...here, storage });
        const [{ draft, key }] = await client.unfinished();
        return client.publishThreads(draft, { key });
        """,
        stored=stored,
    )
    assert published["status"] == "published"


def test_an_id_token_that_has_expired_is_renewed_once(client: RunClient) -> None:
    """The user is asked for another one; if that is no better, the app is told to sign in."""
    published, asked, error = client(
        """
        const asked = [];
        const user = {
          getIdToken: async (force) => {
            asked.push(force);
            return force ? given.idToken : "expired";
          },
        };
        const client = createThreadsClient({ baseUrl: given.functions, user });
        const published = await client.publishThreads({ text: "Fresh" });
        const never = createThreadsClient({ ...here, getIdToken: async () => "expired" });
        return [published, asked.filter(Boolean).length, await never.accounts.list().catch(told)];
        """
    )
    assert (published["status"], asked) == ("published", 1)
    assert (error["code"], error["nextAction"], error["status"]) == ("unauthenticated", "sign_in", 401)


def test_a_mistake_is_told_with_every_broken_rule(client: RunClient) -> None:
    """The error names each field, and nothing is left to go on with."""
    error, unfinished = client(
        """
        const draft = { text: "x".repeat(600), topicTag: "a.b" };
        return [await threads.publishThreads(draft).catch(told), await threads.unfinished()];
        """
    )
    assert {it["field"]: it["code"] for it in error["details"]} == {
        "text": "text_too_long",
        "topicTag": "invalid_topic_tag",
    }
    assert (error["status"], error["retryable"], unfinished) == (400, False, [])


def test_an_address_that_is_not_the_services_is_told(client: RunClient, suite: Suite) -> None:
    """Whoever has mistyped the address is told so, and does not wait for it."""
    error = client(
        "return createThreadsClient({ ...here, baseUrl: given.page }).accounts.list().catch(told);",
        page=suite.page_url,
    )
    assert (error["code"], error["retryable"], error["status"]) == ("unexpected_answer", False, 404)


def test_whoever_gives_up_waiting_is_not_kept(client: RunClient, threads: Threads) -> None:
    """An aborted signal ends the wait with its own reason."""
    threads.answer("/threads", error={"code": 2, "is_transient": True}, status=500)
    assert (
        client(
            """
        const giveUp = new AbortController();
        const options = { signal: giveUp.signal, onWait: () => giveUp.abort(new Error("Enough")) };
        const draft = { imageUrl: "https://app.example/a.jpg" };
        return threads.publishThreads(draft, options).catch((error) => error.message);
        """
        )
        == "Enough"
    )


# --- posts and accounts -----------------------------------------------------------------------------------


def test_a_scheduled_post_is_changed_and_followed_until_it_is_out(
    client: RunClient, threads: Threads, cloud_tasks: CloudTasks
) -> None:
    """The record is asked for when the service goes on with it, and the watch ends with the post."""
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    scheduled = client(
        """
        const { postId } = await threads.publishThreads({ text: "Later", scheduledTime: new Date(given.at) });
        return threads.posts.change(postId, { text: "Later, and better" });
        """,
        at=soon,
    )
    assert (scheduled["status"], scheduled["content"]["text"]) == ("scheduled", "Later, and better")
    cloud_tasks.pass_time(3700)
    seen = client(
        """
        const seen = [];
        for await (const post of threads.posts.watch(given.postId)) seen.push(post.status);
        return seen;
        """,
        postId=scheduled["postId"],
    )
    assert seen == ["published"]
    assert [it["content"]["text"] for it in threads.posts()] == ["Later, and better"]


def test_a_watch_sees_what_changes_and_can_be_left(client: RunClient, cloud_tasks: CloudTasks) -> None:
    """It yields only what has changed, and an aborted signal ends it without an error."""
    assert cloud_tasks
    seen, asked, stopped = client(
        """
        const { postId } = await threads.publishThreads({ text: "Not yet", scheduledTime: given.at });
        let asked = 0;
        const counting = (...request) => (asked++, fetch(...request));
        const client = createThreadsClient({ ...here, fetch: counting });
        const seen = [];
        time.second = 5; // nothing is due for a day, so it is asked for every five minutes
        for await (const { status, content } of client.posts.watch(postId)) {
          seen.push([status, content.text]);
          if (seen.length === 1) threads.posts.change(postId, { text: "Changed" });
          if (seen.length === 2) await threads.posts.cancel(postId);
        }
        const stop = new AbortController();
        const stopped = [];
        for await (const { accounts } of threads.accounts.watch({ signal: stop.signal })) {
          stopped.push(accounts.length);
          stop.abort();
        }
        return [seen, asked, stopped];
        """,
        at=(datetime.now(UTC) + timedelta(days=1)).isoformat(),
    )
    assert seen == [["scheduled", "Not yet"], ["scheduled", "Changed"], ["cancelled", "Changed"]]
    assert asked == 3
    assert stopped == [1]


def test_posts_are_listed_page_by_page_and_a_published_one_is_not_cancelled(client: RunClient) -> None:
    """All of them come, the latest first; one that is out is deleted only by who says so."""
    texts, refusal, deleted, reposted = client(
        """
        const { postId } = await threads.publishThreads({ text: "1" });
        const { id } = await threads.publishThreads({ text: "2" });
        await threads.publishThreads({ text: "3" });
        const texts = [];
        for await (const { content } of threads.posts.all(2)) texts.push(content.text);
        const refusal = await threads.posts.cancel(postId).catch(told);
        const reposted = await threads.posts.repost({ mediaId: id });
        return [texts, refusal.code, (await threads.posts.delete(postId)).status, reposted.mediaId === id];
        """
    )
    assert (texts, refusal, deleted, reposted) == (["3", "2", "1"], "not_cancellable", "deleted", True)


def test_a_post_that_goes_out_before_it_is_cancelled_stays_out(
    client: RunClient, suite: Suite, threads: Threads, cloud_tasks: CloudTasks
) -> None:
    """It was scheduled when the user pressed, and is out when the request is sent: nothing is deleted."""
    assert cloud_tasks
    refusal, status = client(
        """
        const clock = { method: "POST", body: JSON.stringify({ advance_seconds: 7200 }) };
        const late = async (address, request) => {
          if (request.method === "DELETE") {
            await fetch(`${given.tasks}/_emulator/clock`, clock);
            await fetch(`${given.tasks}/_emulator/idle?seconds=30`);
          }
          return fetch(address, request);
        };
        const { postId } = await threads.publishThreads({ text: "Too late", scheduledTime: given.at });
        const refusal = await createThreadsClient({ ...here, fetch: late }).posts.cancel(postId).catch(told);
        return [refusal.code, (await threads.posts.get(postId)).status];
        """,
        tasks=suite.tasks_url,
        at=(datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    )
    assert (refusal, status) == ("not_cancellable", "published")
    assert [it["content"]["text"] for it in threads.posts()] == ["Too late"]


def test_accounts_are_listed_changed_and_disconnected(
    client: RunClient, author: Author, connect: Connect
) -> None:
    """The default account comes first, and a disconnected one is gone."""
    second = connect(author, person=1)
    before, after, left = client(
        """
        const ids = ({ accounts }) => accounts.map(({ accountId }) => accountId);
        const before = await threads.accounts.list();
        const after = await threads.accounts.update(given.second, { default: true });
        return [before, after, await threads.accounts.disconnect(given.second)].map(ids);
        """,
        second=second,
    )
    assert set(before) == {author.account_id, second}
    assert (after[0], left) == (second, [author.account_id])
