"""The emulator as a process and inside a process."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from emulator.threads_api import PortTakenError, World, serve
from emulator.threads_api.__main__ import main
from tests.emulator.conftest import APP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.threads_api import Emulator
    from tests.emulator.conftest import Client

PACKAGE = Path(__file__).parents[2] / "emulator"


@contextmanager
def process(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run the emulator's command."""
    command = [sys.executable, "-m", "emulator.threads_api", "--port", "0", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PACKAGE.parent,
        env={**os.environ, **(environment or {})},
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def ready_url(running: subprocess.Popen[str]) -> str:
    """Wait for the one line, and return its URL."""
    assert running.stdout is not None
    line = running.stdout.readline()
    assert line.startswith("Threads emulator ready: http://127.0.0.1:")
    return line.split()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_serves_until_a_signal_and_ends_quietly(number: signal.Signals) -> None:
    """The command prints its URL, serves what it was told, and ends without a word and with 0."""
    with process(
        "--app-id", "7", "--redirect-uri", "https://a.example/", "--set", "image_seconds=0.5"
    ) as running:
        url = ready_url(running)
        app = requests.get(f"{url}/_emulator/apps", timeout=10).json()["apps"][0]
        assert (app["id"], app["redirect_uris"]) == ("7", ["https://a.example/"])
        assert requests.get(f"{url}/_emulator/settings", timeout=10).json()["image_seconds"] == 0.5
        running.send_signal(number)
        assert running.communicate(timeout=10) == ("", "")
        assert running.returncode == 0


def test_command_takes_the_addresses_of_an_app() -> None:
    """What the app is called at stands in the command line, and the verify token in the environment, too."""
    addresses = {name: f"http://127.0.0.1:9/{name}" for name in ("deauthorize", "delete", "webhook")}
    arguments = [word for name, url in addresses.items() for word in (f"--{name}-url", url)]
    with process(*arguments, environment={"WEBHOOK_VERIFY_TOKEN": "secret"}) as running:
        app = requests.get(f"{ready_url(running)}/_emulator/apps", timeout=10).json()["apps"][0]
    assert {name: app[f"{name}_url"] for name in addresses} == addresses
    assert app["webhook_verify_token"] == "secret"


def test_wrong_address_is_said_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """An address that nobody could be called at ends the command with 1."""
    assert main(["--delete-url", "/th_delete_data"]) == 1
    assert capsys.readouterr().err == "--delete-url must be an absolute http or https URL\n"


def test_verbose_logs_requests() -> None:
    """With --verbose every request is a line on stderr."""
    with process("--verbose") as running:
        requests.get(f"{ready_url(running)}/v1.0/me", timeout=10)
        running.terminate()
        assert "GET /v1.0/me" in running.communicate(timeout=10)[1]


def test_taken_port_is_said_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is taken ends the command with 1 and one clear sentence."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert capsys.readouterr().err == f"Cannot listen on 127.0.0.1:{port}: Address already in use.\n"


def test_wrong_setting_is_said_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """A setting that does not exist ends the command with 1, too."""
    assert main(["--set", "text_counts=bits"]) == 1
    assert capsys.readouterr().err.startswith("text_counts must be one of utf8_bytes")


def test_taken_port_raises_inside_a_process() -> None:
    """Inside a process a taken port is an exception."""
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(PortTakenError),
        serve(World([APP]), port=other.getsockname()[1]),
    ):
        pass


def test_connections_are_kept_alive(client: Client) -> None:
    """Many requests, bodies and errors among them, share one connection."""
    connection = http.client.HTTPConnection(urlsplit(client.url).netloc, timeout=10)
    connection.connect()
    own_port = connection.sock.getsockname()
    for method, path, body in (
        ("GET", "/me", None),
        ("POST", "/me/threads", "text=a"),
        ("GET", "/x", None),
    ) * 5:
        connection.request(method, path, body)
        answer = connection.getresponse()
        assert answer.version == 11
        assert answer.read()
        assert connection.sock.getsockname() == own_port
    connection.close()


def test_unread_bodies_do_not_confuse_the_next_request(client: Client) -> None:
    """A body that no route reads, announced or in chunks, is not taken for the next request."""
    with requests.Session() as http_session:
        for body in (b"x" * 100_000, iter([b"one", b"two"])):
            assert http_session.post(f"{client.url}/nonsense", data=body, timeout=10).status_code == 400
            assert http_session.get(f"{client.url}/_emulator/health", timeout=10).status_code == 200


def test_clients_that_die_leave_no_word() -> None:
    """Clients that vanish at any point of a request do not disturb the emulator, nor its stderr."""
    with process() as running:
        url = ready_url(running)
        address = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        for sent in (
            b"",
            b"POST /me HT",
            b"POST /me HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf",
            b"GET / HTTP/1.1\r\n\r\n",
        ):
            for linger in (0, 1):
                with socket.create_connection(address) as dying:
                    dying.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger))
                    dying.sendall(sent)
        chunked = b"POST /me HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n"
        with socket.create_connection(address) as babbling:
            babbling.sendall(chunked)
            assert babbling.recv(1) == b""
        assert requests.get(f"{url}/_emulator/health", timeout=10).ok
        running.terminate()
        assert running.communicate(timeout=10) == ("", "")


def test_stopping_ends_kept_connections() -> None:
    """After the block nobody answers any more, not even on a connection that was kept alive."""
    with requests.Session() as session:
        with serve(World([APP])) as emulator:
            assert session.get(f"{emulator.url}/_emulator/health", timeout=10).ok
        with pytest.raises(requests.ConnectionError):
            session.get(f"{emulator.url}/_emulator/health", timeout=10)


def test_requests_take_effect_one_at_a_time(running: Emulator, client: Client) -> None:
    """While one request has the world, every other one waits."""
    with ThreadPoolExecutor(1) as threads:
        with running.world.lock:
            waiting = threads.submit(client.get, "/_emulator/health")
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.1)
        assert waiting.result(timeout=10).status_code == 200


def test_two_emulators_do_not_share_anything() -> None:
    """Several emulators may run in one process."""
    with serve(World([APP])) as first, serve(World([APP])) as second:
        for emulator in (first, second):
            answer = requests.post(f"{emulator.url}/_emulator/accounts", json={"username": "one"}, timeout=10)
            assert answer.status_code == 201


def test_emulator_imports_nothing_of_what_it_tests() -> None:
    """No module under emulator/threads_api imports from threads/."""
    sources = [path.read_text() for path in (PACKAGE / "threads_api").rglob("*.py")]
    assert len(sources) > 10
    assert not any("from threads" in source or "import threads\n" in source for source in sources)
