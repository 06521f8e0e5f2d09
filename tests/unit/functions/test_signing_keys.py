"""The keys that verify tokens: fetched rarely, and still there while their server is not."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.functions.tokens import JWK_SET, KEY, OTHER, bearing, jwk, pem, token, verifier
from tests.unit.support import Received, always, http, loopback, serve_json
from threads.base.errors import ServiceError, ServiceUnavailable, Unauthenticated
from threads.functions.callers import Task
from threads.functions.signing_keys import KEYS_KEPT, KEYS_LAST, KEYS_PAUSE, SigningKeys, UnknownKey


class Later:
    """Lets time pass for whatever measures it with the monotonic clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the clock's place."""
        self._seconds = 0.0
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + self._seconds)

    def __call__(self, span: timedelta) -> None:
        """Let a while pass, and a second."""
        self._seconds += span.total_seconds() + 1


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Return what lets time pass."""
    return Later(monkeypatch)


def serving_in_turn(*answers: bytes) -> Callable[[Received, Any], bool | None]:
    """Return a script that gives each answer once, and then the last one each time."""
    left = [*answers]

    def answer(request: Received, connection: Any) -> bool | None:
        return always(left.pop(0) if len(left) > 1 else left[0])(request, connection)

    return answer


def key_set(*keys: dict[str, Any]) -> bytes:
    """Return an answer with these keys."""
    return http(json.dumps({"keys": keys}).encode())


DOWN = http(b"", "500 Oops")


def test_keys_are_fetched_once() -> None:
    """However many tasks come, and however many at once, the keys are fetched one time."""
    with loopback(serve_json(JWK_SET)) as server:
        callers = verifier(server)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(callers.user_or_task, [bearing(token())] * 32)) == {Task()}
    assert len(server.received) == 1


def test_unknown_key_ids_do_not_make_it_fetch() -> None:
    """A caller that makes up key ids causes no fetch beyond the first."""
    with loopback(serve_json(JWK_SET)) as server:
        callers = verifier(server)
        for kid in range(20):
            with pytest.raises(Unauthenticated):
                callers.user_or_task(bearing(token(header={"kid": str(kid)})))
        assert callers.user_or_task(bearing(token())) == Task()
    assert len(server.received) == 1


def test_a_new_key_is_found(later: Later) -> None:
    """After the pause, a key that was added is found, and one that was removed is refused."""
    with loopback(serving_in_turn(key_set(jwk(KEY)), key_set(jwk(OTHER, "k2")))) as server:
        keys = SigningKeys(server.url)
        assert keys.find("k1") == KEY.public_key()
        with pytest.raises(UnknownKey):
            keys.find("k2")
        later(KEYS_PAUSE)
        assert keys.find("k2") == OTHER.public_key()
        with pytest.raises(UnknownKey):
            keys.find("k1")
    assert len(server.received) == 2


def test_keys_are_fetched_again_after_their_time(later: Later) -> None:
    """A withdrawn key is refused within the hour, although nothing asks for another."""
    with loopback(serving_in_turn(key_set(jwk(KEY)), key_set(jwk(OTHER, "k2")))) as server:
        keys = SigningKeys(server.url)
        assert keys.find("k1") == keys.find("k1")
        later(KEYS_KEPT)
        with pytest.raises(UnknownKey):
            keys.find("k1")
    assert len(server.received) == 2


USELESS = {
    "an error": http(b"", "500 Oops"),
    "not there": http(b"{}", "404 Not Found"),
    "a redirect": http(b"{}", "302 Found", "Location: http://127.0.0.1:1/"),
    "HTML": http(b"<html>"),
    "nothing": http(b""),
    "a list": http(b"[]"),
    "a number": http(b"5"),
    "null": http(b"null"),
    "no keys": http(b'{"keys": []}'),
    "keys of another kind": http(b'{"keys": 5}'),
    "broken keys": http(b'{"keys": [{"kty": "RSA", "kid": "k1", "n": "", "e": ""}]}'),
    "certificates": http(json.dumps({"k1": pem(KEY)}).encode()),
    "nested": http(b'{"keys":' + b"[" * 100_000),
}


@pytest.mark.parametrize("response", USELESS.values(), ids=USELESS)
def test_without_keys_tasks_come_again(response: bytes) -> None:
    """While there are no keys, a task is neither accepted nor refused: it is answered 503 and comes again."""
    with loopback(always(response)) as server, pytest.raises(ServiceUnavailable) as failure:
        verifier(server).user_or_task(bearing(token()))
    assert (failure.value.status, failure.value.retryable) == (503, True)


def test_a_closed_port_is_no_answer() -> None:
    """A server of keys that is down is 503, too."""
    with loopback(serve_json(JWK_SET)) as server:
        pass
    with pytest.raises(ServiceUnavailable):
        verifier(server).user_or_task(bearing(token()))


def test_a_server_without_keys_is_not_asked_again_at_once(later: Later) -> None:
    """While no keys can be fetched, they are asked for once a pause, however many tasks come."""
    with loopback(serving_in_turn(DOWN, key_set(jwk(KEY)))) as server:
        keys = SigningKeys(server.url)
        for _ in range(5):
            with pytest.raises(ServiceUnavailable):
                keys.find("k1")
        assert len(server.received) == 1
        later(KEYS_PAUSE)
        assert keys.find("k1") == KEY.public_key()


def test_forgers_cannot_make_it_hammer_a_server_in_trouble(later: Later) -> None:
    """While the server is down, unknown key ids cause no more fetches than while it is up."""
    with loopback(serving_in_turn(key_set(jwk(KEY)), DOWN)) as server:
        keys = SigningKeys(server.url)
        assert keys.find("k1") == KEY.public_key()
        later(KEYS_PAUSE)
        for kid in range(10):
            with suppress(ServiceError):
                keys.find(f"made-up-{kid}")
        assert keys.find("k1") == KEY.public_key()
    assert len(server.received) == 2


def test_an_unknown_key_is_not_refused_during_an_outage(later: Later) -> None:
    """The key may be a new one: its tasks come again until the keys can be fetched."""
    with loopback(serving_in_turn(key_set(jwk(KEY)), DOWN, key_set(jwk(KEY), jwk(OTHER, "k2")))) as server:
        keys = SigningKeys(server.url)
        keys.find("k1")
        later(KEYS_PAUSE)
        for _ in range(2):
            with pytest.raises(ServiceUnavailable):
                keys.find("k2")
        later(KEYS_PAUSE)
        assert keys.find("k2") == OTHER.public_key()


def test_known_keys_outlive_an_outage_of_their_server_for_a_day(later: Later) -> None:
    """Old keys serve while newer ones cannot be fetched, but not for ever."""
    with loopback(serving_in_turn(key_set(jwk(KEY)), DOWN)) as server:
        keys = SigningKeys(server.url)
        keys.find("k1")
        later(KEYS_LAST - timedelta(minutes=2))
        assert keys.find("k1") == KEY.public_key()
        later(KEYS_PAUSE)
        assert keys.find("k1") == KEY.public_key()
        later(KEYS_PAUSE)
        with pytest.raises(ServiceUnavailable):
            keys.find("k1")


def test_keys_are_fetched_as_soon_as_an_outage_is_over(later: Later) -> None:
    """Keys from before an outage do not count as new: the next pause ends with another fetch."""
    with loopback(serving_in_turn(key_set(jwk(KEY)), DOWN, key_set(jwk(OTHER, "k2")))) as server:
        keys = SigningKeys(server.url)
        keys.find("k1")
        later(KEYS_KEPT)
        assert keys.find("k1") == KEY.public_key()
        later(KEYS_PAUSE)
        with pytest.raises(UnknownKey):
            keys.find("k1")
    assert len(server.received) == 3
