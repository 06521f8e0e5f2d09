"""The emulator's command: what it serves, how it ends, and what it refuses."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from emulator.threads_api.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


@contextmanager
def process(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run the emulator's command."""
    command = [sys.executable, "-m", "emulator.threads_api", "--port", "0", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
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
    """The command prints its URL, uses its options, and ends silently with status 0."""
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
    """Options give the addresses of the app. The verify token can come from the environment."""
    addresses = {name: f"http://127.0.0.1:9/{name}" for name in ("deauthorize", "delete", "webhook")}
    arguments = [word for name, url in addresses.items() for word in (f"--{name}-url", url)]
    with process(*arguments, environment={"WEBHOOK_VERIFY_TOKEN": "secret"}) as running:
        app = requests.get(f"{ready_url(running)}/_emulator/apps", timeout=10).json()["apps"][0]
    assert {name: app[f"{name}_url"] for name in addresses} == addresses
    assert app["webhook_verify_token"] == "secret"


def test_wrong_address_is_said_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong address ends the command with status 1."""
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
    """A wrong setting ends the command with status 1."""
    assert main(["--set", "text_counts=bits"]) == 1
    assert capsys.readouterr().err.startswith("text_counts must be one of utf8_bytes")


def test_command_runs_a_proxy_and_says_where(tmp_path: Path) -> None:
    """The second line has the proxy's address and the certificate that its clients need."""
    with process("--proxy", "0", "--proxy-ca", str(tmp_path)) as running:
        ready_url(running)
        assert running.stdout is not None
        line = running.stdout.readline()
        assert line.startswith("Proxy ready: http://127.0.0.1:")
        assert line.endswith(f"(its certificate authority: {tmp_path}/ca.pem)\n")
        proxies = {"https": line.split()[2]}
        answer = requests.get(
            "https://graph.threads.net/me", proxies=proxies, verify=str(tmp_path / "ca.pem"), timeout=10
        )
        assert answer.json()["error"]["code"] == 190
