"""The emulator's command: its output, its options, its end, and what it refuses."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.emulator.cloud_tasks.client import QUEUE

ROOT = Path(__file__).parents[3]


def test_it_runs_as_a_process_until_sigterm(tmp_path: Path) -> None:
    """One line says where it listens. Queue, flags and settings are those of the command line."""
    flags = tmp_path / "flags.yaml"
    flags.write_text("--max-attempts: 7\n--min-backoff: 2.5s\n--max-doublings: 0\n--location: anywhere\n")
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
            health = requests.get(f"{url}/_emulator/health", timeout=10).json()
            assert (health["url"], health["host"]) == (url, host)
            [shown] = requests.get(f"{url}/_emulator/queues", timeout=10).json()["queues"]
            assert (shown["name"], shown["max_attempts"], shown["max_doublings"]) == (QUEUE, 7, 0)
            assert shown["min_backoff_seconds"] == 2.5
            settings = requests.get(f"{url}/_emulator/settings", timeout=10).json()
            assert (settings["throttling"], settings["issuer"]) == (False, "me")
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
def test_a_wrong_command_line_is_refused(arguments: list[str], complaint: str) -> None:
    """Exit status 1 and a sentence, without a traceback."""
    command = [sys.executable, "-m", "emulator.cloud_tasks", "--port", "0", "--http-port", "0", *arguments]
    ended = subprocess.run(  # noqa: S603
        command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, complaint in ended.stderr) == (1, True)
    assert "Traceback" not in ended.stderr
