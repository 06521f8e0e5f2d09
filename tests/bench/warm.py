"""Requests to a running function, one after the other, beside the calls to Threads that they need."""

import time
from collections.abc import Iterator
from uuid import uuid4

from tests.bench.figures import Figure, Timed, pairs, ratio, tail_ratio
from tests.bench.stage import LATENCY, SAME_CALLS, Client, Stage, plain_account, text
from tests.e2e.functions import Function
from tests.e2e.world import Author

TEXTS = 200
SAME = 60
IMAGES = 20
CALLBACKS = 40
REFUSALS = 200

AT = f"at {LATENCY * 1000:.0f} ms a call"


def figures(stage: Stage) -> Iterator[Figure]:
    """Measure the requests that people wait for."""
    author = stage.author()
    with Function("publish_threads", stage.environment) as publish:
        with stage.latency():
            yield from _texts(stage, author, publish)
            yield from _images(stage, author, publish)
        yield from _refusals(stage, author, publish)
    with (
        Function("th_auth_start", stage.environment) as start,
        Function("th_auth_callback", stage.environment) as callback,
        stage.latency(),
    ):
        yield from _callbacks(stage, author, start, callback)


def _one_call(stage: Stage, author: Author) -> Timed:
    """Return what publishes a text by a single call to Threads, with nothing around it."""
    token = stage.token_of(author)

    def call() -> float:
        began = time.perf_counter()
        stage.call_threads(
            token, "POST", "/me/threads", media_type="TEXT", text=text(), auto_publish_text="true"
        )
        return time.perf_counter() - began

    return call


def _texts(stage: Stage, author: Author, publish: Function) -> Iterator[Figure]:
    client = Client(publish, author.headers)

    def post() -> float:
        return client.timed("POST", 200, json={"text": text(), "idempotencyKey": uuid4().hex})

    measured = pairs(post, _one_call(stage, author), TEXTS)
    yield ratio(f"a text, {AT}", "its one call to Threads", measured, wanted=1.12)
    yield tail_ratio("the same, 99th percentile", "the same", measured, wanted=1.3)
    with Function("same_calls", stage.compared()) as function:
        other = Client(function, author.headers)
        place = {"account": plain_account(author)}

        def same_calls() -> float:
            return other.timed("POST", 200, json={"text": text()}, params=place)

        measured = pairs(post, same_calls, SAME)
        least = pairs(same_calls, _one_call(stage, author), TEXTS)
    yield ratio(f"a text, {AT}", SAME_CALLS, measured)
    yield ratio(f"{SAME_CALLS}, {AT}", "one call to Threads", least)
    yield tail_ratio("the same, 99th percentile", "the same", least)


def _images(stage: Stage, author: Author, publish: Function) -> Iterator[Figure]:
    client, token = Client(publish, author.headers), stage.token_of(author)
    url = "https://example.com/a.jpg"

    def post() -> float:
        return client.timed("POST", 200, json={"imageUrl": url, "text": text()})

    def three_calls() -> float:
        began = time.perf_counter()
        made = stage.call_threads(
            token, "POST", "/me/threads", media_type="IMAGE", image_url=url, text=text()
        )["id"]
        stage.call_threads(token, "GET", f"/{made}?fields=status")
        stage.call_threads(token, "POST", "/me/threads_publish", creation_id=made)
        return time.perf_counter() - began

    measured = pairs(post, three_calls, IMAGES)
    yield ratio(f"an image that Threads has at once, {AT}", "its three calls to Threads", measured)


def _refusals(stage: Stage, author: Author, publish: Function) -> Iterator[Figure]:
    good, stranger = Client(publish, author.headers), Client(publish, {"Authorization": "Bearer none"})
    with Function("empty", stage.compared()) as nothing:
        empty = Client(nothing, {})

        def hello() -> float:
            return empty.timed("POST", 200, json={})

        unauthorized = pairs(lambda: stranger.timed("POST", 401, json={"text": "x"}), hello, REFUSALS)
        yield ratio("401, a bad ID token", "an empty function", unauthorized)
        invalid = pairs(lambda: good.timed("POST", 400, json={"text": "x" * 501}), hello, REFUSALS)
        yield ratio("400, a text that is too long", "an empty function", invalid)


def _callbacks(stage: Stage, author: Author, start: Function, callback: Function) -> Iterator[Figure]:
    # Each connection is a new user's: the usual case.
    browser = Client(callback, {"Accept": "application/json"})

    def connect() -> float:
        user = stage.firebase.sign_in()
        query = stage.callback_query(start, user)
        return browser.timed("GET", 200, params=query)

    measured = pairs(connect, _one_call(stage, author), CALLBACKS)
    yield ratio(f"the callback, {AT}, with its four calls", "one call to Threads", measured, wanted=3.3)
