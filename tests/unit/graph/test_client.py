"""The Graph client on a real socket: one request out, one reply in, within its time, and nothing leaks."""

import gzip
import logging
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.support import SECRET, TOKEN, Received, Script, always, config, http, loopback
from threads.base.secret import Secret
from threads.graph import client, oauth
from threads.graph.client import MAX_REPLY_BYTES, GraphClient
from threads.graph.error_codes import NO_ANSWER, NOT_SENT, Step
from threads.graph.media import create_container_request, permalink_request
from threads.graph.protocol import GraphReply, GraphRequest

CREATE = create_container_request(Secret(TOKEN), {"media_type": "TEXT", "text": "é & ü=🦊"})
READ = permalink_request(Secret(TOKEN), "12")
OK = http(b'{"id": "1"}', "200 OK", "Content-Type: application/json", "X-Fb-Trace-Id: AbC")


def send(url: str, *requests: GraphRequest) -> list[GraphReply]:
    """Send requests with one client."""
    graph = GraphClient(url, "v1.0", connections=2)
    return [graph.send(request) for request in requests]


def ask(script: Script, request: GraphRequest = CREATE) -> tuple[GraphReply, list[Received]]:
    """Send one request to a server with this script; return the reply and what the server saw."""
    with loopback(script) as server:
        return send(server.url, request)[0], server.received


# --- what goes out ------------------------------------------------------------------------------------------


def test_a_post_is_a_form_with_the_token_in_its_header() -> None:
    """Parameters travel as a form in UTF-8, the token in the Authorization header and nowhere else."""
    reply, (seen,) = ask(always(OK))
    assert (seen.method, seen.target) == ("POST", "/v1.0/me/threads")
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.body == b"media_type=TEXT&text=%C3%A9+%26+%C3%BC%3D%F0%9F%A6%8A"
    assert TOKEN not in seen.target
    assert (reply.status, reply.body, reply.headers["x-fb-trace-id"]) == (200, b'{"id": "1"}', "AbC")


def test_a_get_has_its_query_and_no_body() -> None:
    """A read carries its fields in the query, under the version."""
    _, (seen,) = ask(always(OK), READ)
    assert (seen.method, seen.target, seen.body) == ("GET", "/v1.0/12?fields=permalink", b"")


def test_the_token_endpoints_have_neither_version_nor_bearer() -> None:
    """The exchange of a code goes to the bare path, without an Authorization header."""
    exchange = oauth.code_exchange_request(config(), oauth.AuthorizationCode(Secret("c")))
    _, (seen,) = ask(always(OK), exchange)
    assert seen.target == "/oauth/access_token"
    assert "authorization" not in seen.headers
    assert b"code=c" in seen.body


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy nor a .netrc of the machine gets anything of a call."""
    (netrc := tmp_path / "netrc").write_text("machine 127.0.0.1 login mallory password x\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with loopback(always(OK)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("no_proxy", "")
        exchange = oauth.code_exchange_request(config(), oauth.AuthorizationCode(Secret("c")))
        reply, (seen,) = ask(always(OK), exchange)
    assert (reply.status, proxy.received) == (200, [])
    assert "authorization" not in seen.headers


def test_one_users_cookie_does_not_go_along_with_the_next() -> None:
    """What Threads sets as a cookie for one call is not sent with another's."""
    with loopback(always(http(b"{}", "200 OK", "Set-Cookie: session=of-the-first; Path=/"))) as server:
        send(server.url, CREATE, READ)
    assert [request.headers.get("cookie") for request in server.received] == [None, None]


def test_two_calls_share_a_connection() -> None:
    """A connection is kept open for the next call, also after an answer that is an error."""
    with loopback(always(http(b'{"error": {"code": 100}}', "400 Bad Request"))) as server:
        replies = send(server.url, CREATE, READ, CREATE)
    assert [reply.status for reply in replies] == [400, 400, 400]
    assert [request.connection for request in server.received] == [0, 0, 0]


# --- what is not done ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_no_redirect_is_followed(status: str) -> None:
    """A redirect is a reply like any other: nothing goes to where it leads."""
    with loopback(always(OK)) as elsewhere:
        for request in (CREATE, READ):
            reply, seen = ask(always(http(b"", status, f"Location: {elsewhere.url}/x")), request)
            assert (reply.status, len(seen)) == (int(status[:3]), 1)
    assert elsewhere.received == []


def drop(_request: Received, connection: socket.socket) -> bool:
    """Close the connection without a word."""
    connection.shutdown(socket.SHUT_RDWR)
    return False


def reset(_request: Received, connection: socket.socket) -> bool:
    """Begin an answer and reset the connection in the middle of it."""
    connection.sendall(http(b"x" * 100)[:-50])
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


def cut_short(*responses: bytes) -> Script:
    """Return a script that sends these bytes and closes."""

    def answer(_request: Received, connection: socket.socket) -> bool:
        for response in responses:
            connection.sendall(response)
        return False

    return answer


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GZIPPED = gzip.compress(b'{"id": "1", "filler": "' + b"x" * 500 + b'"}')
UNUSABLE: dict[str, Script] = {
    "dropped": drop,
    "reset in the body": reset,
    "closed in the body": cut_short(http(b'{"id": "1"}')[:-4]),
    "closed between chunks": cut_short(CHUNKED, b'4\r\n{"id\r\n'),
    "closed in a chunk": cut_short(CHUNKED, b'40\r\n{"id": "1"}'),
    "no HTTP": cut_short(b"220 smtp.example ESMTP\r\n\r\n"),
    "no chunk size": cut_short(CHUNKED, b"zz\r\n"),
    "broken gzip": cut_short(http(b"no gzip at all", "200 OK", "Content-Encoding: gzip")),
    "too long": cut_short(http(b"x" * (MAX_REPLY_BYTES + 100_000))),
    "too long, unannounced": cut_short(b"HTTP/1.0 200 OK\r\n\r\n", b"x" * (MAX_REPLY_BYTES + 100_000)),
    "too long, compressed": cut_short(
        http(gzip.compress(b"x" * (MAX_REPLY_BYTES * 20)), "200 OK", "Content-Encoding: gzip")
    ),
}


@pytest.mark.parametrize("script", UNUSABLE.values(), ids=UNUSABLE)
@pytest.mark.parametrize("request_", [CREATE, READ], ids=["post", "get"])
def test_an_answer_that_does_not_come_is_asked_for_once(script: Script, request_: GraphRequest) -> None:
    """A request that fails on the way is sent once; the reply has status 0 and a word for the failure."""
    reply, seen = ask(script, request_)
    assert reply.status == NO_ANSWER
    assert reply.failure.isidentifier()
    assert (reply.body, reply.headers, len(seen)) == (b"", {}, 1)


@pytest.mark.parametrize("status", ["500 Oops", "502 Bad Gateway", "503 Busy", "504 Late", "429 Slow down"])
def test_errors_are_not_repeated(status: str) -> None:
    """The client sends a request once, whatever the answer; retrying is decided elsewhere."""
    reply, seen = ask(always(http(b"<html>", status, "Retry-After: 0")))
    assert (reply.status, reply.body, len(seen)) == (int(status[:3]), b"<html>", 1)


def test_a_kept_connection_that_died_is_not_asked_twice() -> None:
    """When an idle connection closes under a request, the request is not sent again behind our back."""

    def answer_once(request: Received, connection: socket.socket) -> bool:
        if len(server.received) == 1:
            connection.sendall(OK)
            return True
        return drop(request, connection)

    with loopback(answer_once) as server:
        replies = send(server.url, CREATE, CREATE)
    assert [reply.status for reply in replies] == [200, NO_ANSWER]
    assert len(server.received) == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}", "http://[::1]:{}", "http://nobody.invalid:{}"])
def test_an_address_without_a_server_is_a_reply_too(url: str) -> None:
    """A closed port, or a name that does not exist, is status 0, and known not to have been sent."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    reply = send(url.format(port), CREATE)[0]
    assert (reply.status, reply.is_unsent) == (NO_ANSWER, True)
    assert reply.failure.isidentifier()


# --- time ---------------------------------------------------------------------------------------------------

DEADLINE = timedelta(seconds=0.3)


def dribble(*, before: bytes, drop_of: bytes) -> Script:
    """Return a script that goes on sending a little for a long time."""

    def answer(_request: Received, connection: socket.socket) -> bool:
        connection.sendall(before)
        for _ in range(30):
            connection.sendall(drop_of)
            time.sleep(0.05)
        return False

    return answer


SLOW: dict[str, Script] = {
    "silent": lambda _request, _connection: time.sleep(3),
    "dribbling body": dribble(before=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", drop_of=b"x"),
    "dribbling chunks": dribble(before=CHUNKED, drop_of=b"1\r\nx\r\n"),
    "dribbling size of a chunk": dribble(before=CHUNKED, drop_of=b"0"),
    "dribbling, and to be closed": dribble(
        before=CHUNKED.replace(b"OK", b"OK\r\nConnection: close"), drop_of=b"0"
    ),
    "dribbling gzip": dribble(
        before=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n" + GZIPPED[:10],
        drop_of=b"",
    ),
    "dribbling head": dribble(before=b"HTTP/1.1 200 OK\r\n", drop_of=b"X-Filler: x\r\n"),
    "dribbling status": dribble(before=b"HTTP/1.1 200 ", drop_of=b"O"),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_a_call_ends_at_its_deadline(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline holds for the call as a whole, however the server spreads out what it sends."""
    monkeypatch.setattr(client, "CALL_DEADLINE", DEADLINE)
    started = time.monotonic()
    reply, seen = ask(script)
    assert (reply.status, reply.is_unsent, len(seen)) == (NO_ANSWER, False, 1)
    assert time.monotonic() - started < 4 * DEADLINE.total_seconds()


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_a_late_answer_keeps_nothing_busy(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that ended at its deadline leaves no thread behind: the next one begins at once."""
    monkeypatch.setattr(client, "CALL_DEADLINE", DEADLINE)
    with loopback(
        lambda request, line: (script if request.method == "POST" else always(OK))(request, line)
    ) as server:
        graph = GraphClient(server.url, "v1.0", connections=1)
        assert graph.send(CREATE).status == NO_ANSWER
        assert graph.send(READ).status == 200


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_a_late_answer_over_tls_keeps_nothing_busy_either(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The line is cut below TLS, in the middle of a head, and the next call begins at once."""
    monkeypatch.setattr(client, "CALL_DEADLINE", 3 * DEADLINE)  # a handshake takes a while
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path / "both.pem"))

    def serve(listener: socket.socket) -> None:
        with context.wrap_socket(listener.accept()[0], server_side=True) as line, suppress(OSError):
            line.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(200):
                line.sendall(b"X-Filler: x\r\n")
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        graph = GraphClient(f"https://127.0.0.1:{listener.getsockname()[1]}", "v1.0", connections=1)
        graph._session.verify = False
        reply, started = graph.send(CREATE), time.monotonic()
        graph._threads.shutdown(wait=True)
    assert (reply.status, reply.failure) == (NO_ANSWER, "TimeoutError")
    assert time.monotonic() - started < 3 * DEADLINE.total_seconds()


def _self_signed(path: Path) -> Path:
    """Write a key and its certificate, which only a client that checks nothing accepts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(pem))
    return path


def _slow_names(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    def resolve(*arguments: Any) -> Any:
        time.sleep(seconds)
        return real(*arguments)

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_what_was_not_sent_by_the_deadline_never_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose name takes too long to find: the caller learns that nothing was sent, and nothing is."""
    monkeypatch.setattr(client, "CALL_DEADLINE", DEADLINE)
    with loopback(always(OK)) as server:
        _slow_names(monkeypatch, 2 * DEADLINE.total_seconds())
        graph = GraphClient(server.url, "v1.0", connections=1)
        reply = graph.send(CREATE)
        graph._threads.shutdown(wait=True)  # the name is found, and the connection made
    assert (reply.status, reply.is_unsent, server.received) == (NO_ANSWER, True, [])


@pytest.mark.parametrize("part", [0, 1], ids=["head", "body"])
def test_the_clock_is_looked_at_right_before_anything_leaves(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that freezes before it writes does not write any more, even if nobody gave the call up."""
    moments = iter([0.0, 0.0, *[0.0] * part, 1000.0])  # the call begins, the thread begins, each part
    monkeypatch.setattr(client, "_clock", lambda: next(moments))
    reply, seen = ask(always(OK))
    assert (reply.status, reply.is_unsent) == (NO_ANSWER, part == 0)
    assert not any(request.body for request in seen)


def test_a_call_is_given_up_without_harm_to_the_next_on_its_connection() -> None:
    """Whoever gives a call up too late, when its connection serves another one, does not end that one."""
    with loopback(always(OK)) as server:
        graph = GraphClient(server.url, "v1.0", connections=1)
        calls: list[client.Call] = []
        for request in (CREATE, CREATE):
            calls.append(client.Call())
            assert graph._call(request, calls[-1]).status == 200
        calls[0].give_up()
        assert graph.send(CREATE).status == 200
    assert {request.connection for request in server.received} == {0}


def test_a_failure_before_anything_left_is_known_as_such() -> None:
    """A server without TLS has seen nothing of the call, and the failure still has its name."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].sendall(OK), daemon=True).start()
        reply = send(f"https://127.0.0.1:{listener.getsockname()[1]}", CREATE)[0]
    assert (reply.status, reply.failure) == (NO_ANSWER, f"{NOT_SENT}SSLError")


def test_a_late_answer_is_not_taken_for_the_next_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives after a deadline stays with the connection that was given up."""

    def answer(request: Received, connection: socket.socket) -> bool:
        if request.method == "POST":
            server.stopping.wait(0.5)
        connection.sendall(http(request.method.encode()))
        return True

    monkeypatch.setattr(client, "CALL_DEADLINE", DEADLINE)
    with loopback(answer) as server:
        replies = send(server.url, CREATE, READ)
    assert [(reply.status, reply.body) for reply in replies] == [(NO_ANSWER, b""), (200, b"GET")]


# --- bodies -------------------------------------------------------------------------------------------------

BODIES = {
    "gzip": (http(GZIPPED, "200 OK", "Content-Encoding: gzip"), gzip.decompress(GZIPPED)),
    "chunked": (CHUNKED + b'4\r\n{"id\r\n7\r\n": "1"}\r\n0\r\n\r\n', b'{"id": "1"}'),
    "empty": (http(b""), b""),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "no JSON": (http(b"<html>\xff</html>"), b"<html>\xff</html>"),
    "as long as allowed": (http(b"x" * MAX_REPLY_BYTES), b"x" * MAX_REPLY_BYTES),
}


@pytest.mark.parametrize(("response", "body"), BODIES.values(), ids=BODIES)
def test_a_complete_answer_is_returned_whole(response: bytes, body: bytes) -> None:
    """A complete body arrives unpacked, whether it was compressed, chunked, empty or no JSON."""
    reply, _ = ask(always(response), READ)
    assert reply.body == body
    assert reply.status in {200, 204}


def test_half_a_head_is_no_answer_to_go_by() -> None:
    """An answer that ends in its headers has no body that could be taken for one."""
    reply, seen = ask(cut_short(b'HTTP/1.1 200 OK\r\nX: {"id": "1"}'))
    assert (reply.body, len(seen)) == (b"", 1)


def test_header_names_are_in_lower_case() -> None:
    """Headers are found however the server writes them."""
    reply, _ = ask(always(http(b"", "429 Slow", "RETRY-AFTER: 7", "X-App-Usage: {}")))
    assert (reply.headers["retry-after"], reply.headers["x-app-usage"]) == ("7", "{}")


# --- what does not get out ----------------------------------------------------------------------------------

EXCHANGE = oauth.token_exchange_request(config(), oauth.ShortLivedToken(Secret(TOKEN), "1"))
"""The call with both secrets in its URL."""

ODD_HEAD = b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    "script", [drop, reset, always(OK), cut_short(ODD_HEAD)], ids=["drop", "reset", "ok", "odd head"]
)
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING], ids=logging.getLevelName)
def test_no_secret_is_logged(script: Script, level: int, caplog: pytest.LogCaptureFixture) -> None:
    """At no level does a library of ours write a call's URL, and so a token or the secret, into a log."""
    caplog.set_level(level)
    for request in (EXCHANGE, CREATE):
        reply, _ = ask(script, request)
        for shown in (caplog.text, repr(reply), reply.failure):
            assert TOKEN not in shown
            assert SECRET not in shown


@pytest.mark.parametrize(
    "token", ["a\r\nX-Injected: 1", "a\n", "token\u0142", " leading", "a\x00b"], ids=ascii
)
def test_a_token_that_is_no_token_breaks_nothing(token: str) -> None:
    """A token that cannot stand in a header is never sent as two headers, nor raised in an exception."""
    reply, seen = ask(always(OK), permalink_request(Secret(token), "12"))
    assert reply.status in {NO_ANSWER, 200}
    assert not [request for request in seen if "x-injected" in request.headers]


def test_the_path_stays_below_the_host() -> None:
    """A request has a path only: the host is the client's own."""
    with loopback(always(OK)) as server:
        send(server.url, GraphRequest(Step.READ_MEDIA, "GET", "//evil.example/x"))
    assert server.received[0].headers["host"] in server.url
