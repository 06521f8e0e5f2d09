"""The emulator as a process and inside a test: its command line, its ports, its end, and its flags."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import pytest
import requests
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from emulator.cloud_tasks import PortTakenError, Settings, World, queue, read_flags, serve
from emulator.jsonbody import Malformed
from tests.emulator.cloud_tasks import QUEUE, cloud_tasks, target_server

ROOT = Path(__file__).parents[2]


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    """Return a file of flags."""
    file = tmp_path / "flags.yaml"
    file.write_text("--max-attempts: 7\n--min-backoff: 2.5s\n--max-doublings: 0\n--location: anywhere\n")
    return file


def test_it_runs_as_a_process_until_sigterm(flags: Path) -> None:
    """One line says where it is; queue, flags and settings are the command line's; then it ends with 0."""
    command = [
        *(sys.executable, "-m", "emulator.cloud_tasks", "--port", "0", "--http-port", "0"),
        *("--queue", QUEUE, "--queue-flags", str(flags), "--set", "throttling=false", "--set", "issuer=me"),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            words = process.stdout.readline().split()
            assert words[:4] == ["Cloud", "Tasks", "emulator", "ready:"]
            host, url = words[5].rstrip(","), words[7]
            [shown] = requests.get(f"{url}/_emulator/queues", timeout=10).json()["queues"]
            assert (shown["name"], shown["max_attempts"], shown["max_doublings"]) == (QUEUE, 7, 0)
            settings = requests.get(f"{url}/_emulator/settings", timeout=10).json()
            assert (settings["throttling"], settings["issuer"]) == (False, "me")
            with grpc.insecure_channel(host) as channel:
                client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
                assert client.get_queue(name=QUEUE).retry_config.min_backoff.total_seconds() == 2.5
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--queue", "x"], "does not have the form"),
        (["--set", "nonsense=1"], "there is no setting nonsense"),
        (["--queue-flags", "/nonexistent"], "cannot be read"),
    ],
)
def test_a_wrong_command_line_is_named(arguments: list[str], complaint: str) -> None:
    """Exit code 1 and a sentence, without a traceback."""
    command = [sys.executable, "-m", "emulator.cloud_tasks", "--port", "0", "--http-port", "0", *arguments]
    ended = subprocess.run(  # noqa: S603
        command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, complaint in ended.stderr) == (1, True)
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_an_error() -> None:
    """Either port: nobody talks to another emulator than the one that was started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for ports in ({"port": port}, {"http_port": port}):
            with pytest.raises(PortTakenError, match=f"127.0.0.1:{port}"), serve(World(), **ports):
                pass
    with serve(World()) as first:
        port = int(first.host.rpartition(":")[2])
        with pytest.raises(PortTakenError), serve(World(), port=port):
            pass


def test_the_end_does_not_wait_for_a_slow_target() -> None:
    """What is under way is broken off, and the ports are free again."""
    with target_server() as target:
        with serve(World([queue(QUEUE)])) as emulator, cloud_tasks(emulator) as tasks:
            target.gate.clear()
            tasks.create(target)
            arrived = threading.Event()
            while not target.received:
                arrived.wait(0.005)
            start = time.monotonic()
        assert time.monotonic() - start < 2
        with serve(World(), port=int(emulator.host.rpartition(":")[2])):
            pass


def test_settings_can_be_given_to_a_world() -> None:
    """And a reset comes back to them."""
    with (
        serve(World([queue(QUEUE)], Settings(rate_limits=False))) as emulator,
        cloud_tasks(emulator) as tasks,
    ):
        tasks.control("settings", rate_limits=True)
        tasks.control("reset")
        assert tasks.see("settings", "rate_limits") is False


def test_connections_to_a_target_are_kept() -> None:
    """One after the other, tasks use one connection."""
    with (
        target_server() as target,
        serve(World([queue(QUEUE)])) as emulator,
        cloud_tasks(emulator) as tasks,
    ):
        for _ in range(5):
            tasks.create(target)
            tasks.settle()
        assert len(target.received) == 5
        assert len({received.port for received in target.received}) == 1


def test_a_target_that_was_started_again_misses_nothing() -> None:
    """A connection that the old one has closed is not used again: the first attempt arrives."""
    with serve(World([queue(QUEUE)])) as emulator, cloud_tasks(emulator) as tasks:
        port = 0
        for _ in range(3):
            with target_server(port) as target:
                port = int(target.url.rpartition(":")[2])
                tasks.create(target)
                tasks.settle()
        assert [entry["status"] for entry in tasks.see("dispatches")] == [200, 200, 200]


def test_the_flags_are_gclouds() -> None:
    """Each flag sets its field, "unlimited" included."""
    given = {
        "max-attempts": "unlimited",
        "max-retry-duration": "3600s",
        "min-backoff": "1s",
        "max-backoff": "10s",
        "max-doublings": 0,
        "max-dispatches-per-second": 2.5,
        "max-concurrent-dispatches": 3,
    }
    made = queue(QUEUE, given)
    retry, limits = made.retry_config, made.rate_limits
    assert (retry.max_attempts, retry.max_doublings, retry.max_retry_duration.seconds) == (-1, 0, 3600)
    assert (retry.min_backoff.seconds, retry.max_backoff.seconds) == (1, 10)
    assert (limits.max_dispatches_per_second, limits.max_concurrent_dispatches) == (2.5, 3)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"max-tries": 3}, "--max-tries is not a flag"),
        ({"min-backoff": 5}, "--min-backoff cannot be 5"),
        ({"min-backoff": "5m"}, "--min-backoff cannot be '5m'"),
        ({"max-attempts": "many"}, "--max-attempts cannot be 'many'"),
        ({"max-attempts": -2}, "max_attempts must be"),
        ({"max-dispatches-per-second": 501}, "max_dispatches_per_second must be"),
    ],
)
def test_a_wrong_flag_is_named(given: dict[str, object], complaint: str) -> None:
    """Whether the flag or its value is wrong."""
    with pytest.raises(Malformed, match=complaint):
        queue(QUEUE, given)


@pytest.mark.parametrize("text", ["max-attempts: 3", "- 3", "text", "{", ""])
def test_a_file_that_has_no_flags_is_refused(tmp_path: Path, text: str) -> None:
    """Flags are written with their dashes, as gcloud wants them."""
    file = tmp_path / "flags.yaml"
    file.write_text(text)
    with pytest.raises(Malformed):
        read_flags(file)
