"""``python -m emulator``: runs the local suite until Ctrl-C, or until one of its services ends."""

import os
import signal
import sys
from types import FrameType

from emulator.console import Console
from emulator.ports import PortError, Ports
from emulator.suite import ROOT, Suite, SuiteError

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_BY_SIGNAL = 128
"""A shell's exit status for a process that a signal ended is this plus the signal's number."""


class _Stopped(BaseException):
    """Somebody wants the suite to end. Not an Exception: nothing on the way may take it for its own."""

    def __init__(self, signal_number: int) -> None:
        self.exit_status = 0 if signal_number == signal.SIGINT else _BY_SIGNAL + signal_number


def main() -> int:
    """Run the suite and return the exit status: 0 after Ctrl-C, 1 when something went wrong."""
    console = Console.standard()
    _raise_on_signals()
    try:
        console.line("Starting Firebase's emulators, those of Threads and Cloud Tasks, and the demo page …")
        ports = Ports.chosen(os.environ)
        # A second suite beside the usual one keeps its logs elsewhere.
        directory = "run" if ports == Ports.usual() else f"run-{ports.page}"
        with Suite(ports=ports, webhooks=True, directory=directory, console=console) as suite:
            _greet(suite, console)
            suite.wait()
    except _Stopped as stopped:
        console.line("\nEverything has ended.")
        return stopped.exit_status
    except (PortError, SuiteError) as error:
        console.line(f"\n{console.bad('✗')} {error}\n\nNothing was left running.")
    return 1


def _greet(suite: Suite, console: Console) -> None:
    console.line(f"""
  Open  {console.strong(suite.page_url)}

    Threads emulator  {suite.threads_url}
    Cloud Tasks       {suite.tasks_host}, {suite.tasks_url}
    functions         {suite.functions_url}
    Auth, Firestore   {suite.auth_host}, {suite.firestore_host}
    logs              {suite.logs.relative_to(ROOT)}/

  A changed source file is in use at once. Ctrl-C ends everything.
""")


def _raise_on_signals() -> None:
    for number in _ENDING_SIGNALS:
        # `nohup` and a shell's background jobs ignore some of them on purpose.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    # Once: an impatient second Ctrl-C must not cut short the ending of every process.
    for other in _ENDING_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise _Stopped(number)


if __name__ == "__main__":
    sys.exit(main())
