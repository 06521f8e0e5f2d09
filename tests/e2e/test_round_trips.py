"""Round trips, counted: what a connection and a post cost in calls to Firestore and to Threads.

The functions run in this process, on the real emulators; Firestore's calls are counted where they leave, on
the gRPC channel, Threads' where they arrive.
"""

import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
import pytest
from functions_framework import create_app
from google.cloud.firestore import Client

from tests.e2e.conftest import APP_ORIGIN
from tests.e2e.functions import ROOT
from tests.e2e.world import Author, Firebase, SignedIn, Threads

Call = Callable[..., Any]

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The example of RFC 7636, appendix B."""


class Counter(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Notes the name of each call on a channel."""

    def __init__(self) -> None:
        """Begin with none."""
        self.calls: list[str] = []

    def intercept_unary_unary(self, continuation: Call, details: Any, request: Any) -> Any:
        """Note a call with one answer (Commit)."""
        return self._note(continuation, details, request)

    def intercept_unary_stream(self, continuation: Call, details: Any, request: Any) -> Any:
        """Note a call with a stream of answers (BatchGetDocuments, RunQuery)."""
        return self._note(continuation, details, request)

    def _note(self, continuation: Call, details: Any, request: Any) -> Any:
        self.calls.append(details.method.rpartition("/")[2])
        return continuation(details, request)


@pytest.fixture(scope="module")
def firestore_calls(environment: dict[str, str]) -> Iterator[Counter]:
    """Count what the functions in this process say to Firestore."""
    counter = Counter()
    channel = Client._emulator_channel

    def counted(client: Client, transport: Any) -> Any:
        return grpc.intercept_channel(channel(client, transport), counter)  # type: ignore[no-untyped-call]

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setitem(os.environ, name, value)
        patch.setattr(Client, "_emulator_channel", counted)
        # Here one process is all functions, so it has what any of them needs. Elsewhere, each is one.
        patch.delitem(os.environ, "FUNCTION_TARGET", raising=False)
        importlib.import_module("threads.app")
        yield counter


def send(target: str, method: str, **options: Any) -> Any:
    """Send a function in this process a request."""
    app = create_app(target, str(ROOT / "main.py"))  # type: ignore[no-untyped-call]
    return app.test_client().open("/", method=method, **options)


def counted(counter: Counter, act: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Return what an act answers, and what it said to Firestore."""
    counter.calls.clear()
    answer = act()
    return answer, list(counter.calls)


def test_a_connection_costs_four_calls_to_firestore_and_four_to_threads(
    firestore_calls: Counter, threads: Threads, user: SignedIn
) -> None:
    """One state write; then one read, one use-up and one commit around the four calls; a reload two."""
    started, calls = counted(
        firestore_calls, lambda: send("th_auth_start", "POST", headers=user.headers, json={})
    )
    assert calls == ["Commit"]
    back = threads.decide(started.json["authUrl"], account_id=threads.accounts()[0]["id"])

    def callback() -> Any:
        return send("th_auth_callback", "GET", query_string=back, headers={"Accept": "application/json"})

    finished, calls = counted(firestore_calls, callback)
    assert finished.json["ok"]
    assert calls == ["BatchGetDocuments", "Commit", "Commit"]
    assert len(threads.calls()) == 4
    _, calls = counted(firestore_calls, callback)
    assert calls == ["BatchGetDocuments", "BatchGetDocuments"], "the state, and whether it is still true"
    assert len(threads.calls()) == 4


def test_a_further_account_costs_two_reads_and_one_commit_more(
    firestore_calls: Counter, threads: Threads, user: SignedIn
) -> None:
    """Only where a summary is there already does saving look at it, and for another account of the person."""

    def connect(person: str) -> Any:
        started = send("th_auth_start", "POST", headers=user.headers, json={})
        back = threads.decide(started.json["authUrl"], account_id=person)
        firestore_calls.calls.clear()
        return send("th_auth_callback", "GET", query_string=back)

    first, second = (person["id"] for person in threads.accounts()[:2])
    connect(first)
    connect(second)
    saving = ["Commit", "BatchGetDocuments", "RunQuery", "Commit"]
    assert firestore_calls.calls == ["BatchGetDocuments", "Commit", *saving]


def test_connecting_a_certain_account_again_costs_one_read_more(
    firestore_calls: Counter, threads: Threads, author: Author
) -> None:
    """Whether it is the user's is looked at before the window opens."""
    body = {"accountId": author.account_id}
    started, calls = counted(
        firestore_calls, lambda: send("th_auth_start", "POST", headers=author.headers, json=body)
    )
    assert started.json["ok"]
    assert calls == ["BatchGetDocuments", "Commit"]
    assert threads.calls() == []


def test_confirming_costs_one_read_and_one_commit_more(firestore_calls: Counter, threads: Threads) -> None:
    """The callback reads, and writes state and pending connection at once; th_auth_finish does the rest."""
    body = {"mode": "signin", "challenge": CHALLENGE, "returnTo": f"{APP_ORIGIN}/"}
    started, calls = counted(firestore_calls, lambda: send("th_auth_start", "POST", json=body))
    assert calls == ["Commit"]
    back = threads.decide(started.json["authUrl"], account_id=threads.accounts()[0]["id"])
    for expected in (["BatchGetDocuments", "Commit"], ["BatchGetDocuments"]):
        there, calls = counted(firestore_calls, lambda: send("th_auth_callback", "GET", query_string=back))
        assert (there.status_code, calls, threads.calls()) == (303, expected, [])
    proof = {"handle": there.headers["Location"].partition("#th_link=")[2], "verifier": VERIFIER}
    finished, calls = counted(firestore_calls, lambda: send("th_auth_finish", "POST", json=proof))
    assert finished.json["ok"]
    assert calls == ["BatchGetDocuments", "Commit", "Commit"]
    assert len(threads.calls()) == 4


@pytest.mark.parametrize(("named", "call"), [(False, "RunQuery"), (True, "BatchGetDocuments")])
def test_a_text_costs_one_read_two_commits_and_one_call(
    firestore_calls: Counter, threads: Threads, author: Author, *, named: bool, call: str
) -> None:
    """Whether the account is named or the only one: read it, claim the post, publish, note the media id."""
    body = {"text": "Hello"} | ({"accountId": author.account_id} if named else {})
    answer, calls = counted(
        firestore_calls, lambda: send("publish_threads", "POST", headers=author.headers, json=body)
    )
    assert answer.json["ok"]
    assert calls == [call, "Commit", "Commit"]
    assert threads.calls() == ["POST /v1.0/me/threads"]


def test_an_image_that_is_ready_costs_one_read_four_commits_and_three_calls(
    firestore_calls: Counter, threads: Threads, author: Author
) -> None:
    """Claim, create, save the container, look, write ahead, publish, note the media id."""
    threads.control("POST", "media", processing_seconds=0)
    body = {"imageUrl": "https://media.example/cat.jpg"}
    answer, calls = counted(
        firestore_calls, lambda: send("publish_threads", "POST", headers=author.headers, json=body)
    )
    assert answer.json["ok"]
    assert calls == ["RunQuery", "Commit", "Commit", "Commit", "Commit"]
    assert len(threads.calls()) == 3


def test_a_repeated_request_costs_no_call_to_threads(
    firestore_calls: Counter, threads: Threads, author: Author
) -> None:
    """Read the account, fail to claim, read the record: the answer is there."""
    body = {"text": "Once", "idempotencyKey": "k"}

    def publish() -> Any:
        return send("publish_threads", "POST", headers=author.headers, json=body)

    first = publish()
    again, calls = counted(firestore_calls, publish)
    assert again.json == first.json
    assert calls == ["RunQuery", "Commit", "BatchGetDocuments"]
    assert len(threads.calls()) == 1


def test_refusals_cost_nothing(firestore_calls: Counter, firebase: Firebase, user: SignedIn) -> None:
    """A request that cannot be served is answered without a call to anybody."""
    assert firebase
    for send_it in (
        lambda: send("th_auth_start", "POST", json={}),
        lambda: send(
            "th_auth_start", "POST", headers=user.headers, json={"returnTo": "https://evil.example"}
        ),
        lambda: send("th_auth_callback", "GET", query_string={"state": "a/b"}),
        lambda: send("th_auth_finish", "POST", json={"handle": "a/b", "verifier": VERIFIER}),
        lambda: send("th_auth_finish", "POST", json={"handle": "x"}),
        lambda: send("publish_threads", "POST", headers=user.headers, json={"text": ""}),
        lambda: send("publish_threads", "GET"),
    ):
        answer, calls = counted(firestore_calls, send_it)
        assert answer.status_code in {400, 401, 405}
        assert calls == []


def test_the_state_is_random_and_long(user: SignedIn, firestore_calls: Counter) -> None:
    """Each state has 256 bits: 43 characters of base64url, never the same twice."""
    assert firestore_calls
    states = set()
    for _ in range(20):
        url = send("th_auth_start", "POST", headers=user.headers, json={}).json["authUrl"]
        states |= set(parse_qs(urlsplit(url).query)["state"])
    assert len(states) == 20
    assert {len(state) for state in states} == {43}
