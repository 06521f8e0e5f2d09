"""What ``python -m emulator`` does: it runs the local suite until Ctrl-C, or until a service ends."""

import os
import signal
from types import FrameType

from emulator.suite.addresses import Addresses
from emulator.suite.commands import functions_environment
from emulator.suite.paths import ROOT
from emulator.suite.ports import HOST, PortError, Ports, free
from emulator.suite.suite import Suite, SuiteError
from emulator.suite.terminal import Terminal

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_BY_SIGNAL = 128
"""A shell's exit status for a process that a signal has ended is this plus the number of the signal."""


class _Stopped(BaseException):
    """A signal ends the suite. Not an Exception, so that no handler on the way catches it."""

    def __init__(self, signal_number: int) -> None:
        self.exit_status = 0 if signal_number == signal.SIGINT else _BY_SIGNAL + signal_number


def main() -> int:
    """Run the suite and return the exit status: 0 after Ctrl-C, 1 after an error."""
    terminal = Terminal.standard()
    _raise_on_signals()
    try:
        terminal.line(
            "Starting the emulators of Firebase, Threads and Cloud Tasks, the functions, and the console …"
        )
        ports = Ports.chosen(os.environ)
        # A second suite beside the usual one keeps its logs in another folder.
        directory = "run" if ports == Ports.usual() else f"run-{ports.page}"
        ui = free(1)[0] if os.environ.get("UI") else None
        environment = _with_origins(Addresses(ports), os.environ.get("ORIGINS", ""))
        with Suite(
            ports=ports, webhooks=True, environment=environment, directory=directory, ui=ui, terminal=terminal
        ) as suite:
            _greet(suite, terminal, ui)
            suite.wait()
    except _Stopped as stopped:
        terminal.line("\nEverything has ended.")
        return stopped.exit_status
    except (PortError, SuiteError) as error:
        terminal.line(f"\n{terminal.bad('✗')} {error}\n\nNothing was left running.")
    return 1


def _with_origins(suite: Addresses, more: str) -> dict[str, str]:
    """Return the variable that lets pages of further origins call the functions, beside the console."""
    usual = functions_environment(suite)["ALLOWED_ORIGINS"]
    return {"ALLOWED_ORIGINS": f"{usual},{more}"} if more else {}


def _greet(suite: Suite, terminal: Terminal, ui: int | None) -> None:
    shown = f"http://{HOST}:{ui}" if ui else "make run UI=1 starts Firebase's own"
    terminal.line(f"""
  Open  {terminal.strong(suite.page_url)}

    Threads emulator  {suite.threads_url}
    Cloud Tasks       {suite.tasks_host}, {suite.tasks_url}
    functions         {suite.functions_url}
    Auth, Firestore   {suite.auth_host}, {suite.firestore_host}
    Emulator UI       {shown}
    logs              {suite.logs.relative_to(ROOT)}/

  The functions reload when a source file changes. Ctrl-C ends everything.
""")


def _raise_on_signals() -> None:
    for number in _ENDING_SIGNALS:
        # `nohup` and a shell's background jobs ignore some of them on purpose.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    # Only once: a second Ctrl-C must not interrupt the ending of the processes.
    for other in _ENDING_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise _Stopped(number)
