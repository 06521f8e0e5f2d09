"""What the launcher shows: one line a request, and nothing that a closed terminal could stop."""

import io
import json
from pathlib import Path

import pytest

from emulator.suite.function_log import FunctionLog
from emulator.suite.terminal import Terminal


def shown(tmp_path: Path, *lines: str) -> list[str]:
    """Return what is shown of the CLI's ``lines``."""
    path = tmp_path / "firebase.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return list(FunctionLog(path, Terminal()).new_lines())


def entry(**fields: object) -> str:
    """Return a line as the CLI prints a function's structured log line."""
    return f">  {json.dumps(fields)}"


def test_a_request_is_one_line(tmp_path: Path) -> None:
    """Of all that the CLI says around a request, the function's own line remains."""
    assert shown(
        tmp_path,
        "i  functions: Loaded environment variables from .env",
        'i  functions: Beginning execution of "us-central1-th_accounts"',
        entry(severity="INFO", message="th_accounts GET 200", milliseconds=12),
        'i  functions: Finished "us-central1-th_accounts" in 14.2ms',
    ) == ["    th_accounts GET 200  12 ms"]


def test_a_failure_says_why(tmp_path: Path) -> None:
    """A refusal with its message; a mistake of ours with where it happened."""
    refused, failed = shown(
        tmp_path,
        entry(severity="WARNING", message="publish_threads POST 400 invalid", errorMessage="Say something."),
        entry(severity="ERROR", message="th_accounts GET 500", exception="KeyError", stack=["app.py:3 f"]),
    )
    assert refused == "    publish_threads POST 400 invalid: Say something."
    assert failed.splitlines() == ["  ✗ th_accounts GET 500", "      KeyError", "        app.py:3 f"]


def test_a_page_that_may_not_call_is_told_how_to_let_it(tmp_path: Path) -> None:
    """With the command for its origin, unless that is something else than an address."""
    refused = {
        "severity": "WARNING",
        "message": "th_accounts OPTIONS 403",
        "error": "origin_refused",
        "errorMessage": "It is not there.",
    }
    page, odd = shown(
        tmp_path,
        entry(**refused, refusedOrigin="http://localhost:5199"),
        entry(**refused, refusedOrigin="http://x;reboot"),
    )
    assert page.endswith("It is not there. If it is yours: make run ORIGINS=http://localhost:5199")
    assert odd.endswith("It is not there.")


def test_the_first_load_is_silent_and_a_reload_is_not(tmp_path: Path) -> None:
    """The terminal shows that a saved source file is in use."""
    loaded = "✔  functions: Loaded functions definitions from source: th_accounts."
    assert shown(tmp_path, loaded) == []
    assert shown(tmp_path, loaded, loaded) == ["  functions reloaded"]


@pytest.mark.parametrize(
    "line",
    [
        "⬢  functions: Failed to load function definition from source: FirebaseError: Unexpected key",
        ">  Traceback (most recent call last):",
    ],
)
def test_functions_that_cannot_run_are_noticed(tmp_path: Path, line: str) -> None:
    """The emulator itself would keep the first request waiting for ever."""
    path = tmp_path / "firebase.log"
    path.write_text(f"{line}\n", encoding="utf-8")
    log = FunctionLog(path, Terminal())
    assert list(log.new_lines())
    assert log.failure


def test_a_half_written_line_is_left_for_the_next_look(tmp_path: Path) -> None:
    """Reading while the CLI writes loses and doubles nothing."""
    path = tmp_path / "firebase.log"
    log = FunctionLog(path, Terminal())
    assert list(log.new_lines()) == []
    path.write_text(">  hello, ", encoding="utf-8")
    assert list(log.new_lines()) == []
    path.write_text(">  hello, world\n", encoding="utf-8")
    assert list(log.new_lines()) == ["  hello, world"]
    assert list(log.new_lines()) == []


class ClosedTerminal(io.StringIO):
    """A stream whose terminal is gone."""

    def write(self, _text: str) -> int:
        """Fail as the system does."""
        raise OSError(5, "Input/output error")


def test_a_closed_terminal_stops_nothing() -> None:
    """The suite is ended in order even if nothing can be written."""
    Terminal(ClosedTerminal()).line("Everything has ended.")


def test_without_a_terminal_there_are_no_colours_and_no_status() -> None:
    """What goes to a file is plain text."""
    stream = io.StringIO()
    terminal = Terminal(stream)
    terminal.status("waiting")
    terminal.line(terminal.good("✓") + " ready")
    assert stream.getvalue() == "✓ ready\n"
