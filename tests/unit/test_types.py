"""What the types refuse: lines that a reader may take for right, and that mypy does not."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

BEGINNING = '''\
"""One call a line."""

from threads.accounts.account import StoredAccount
from threads.accounts.changes import AccountChange
from threads.accounts.repository import AccountRepository
from threads.accounts.summary import StoredSummary
from threads.connections.exchange import exchange
from threads.connections.parts import ConnectionParts
from threads.connections.states import OAuthState, Used
from threads.graph.oauth import AuthorizationCode

parts: ConnectionParts
code: AuthorizationCode
state: OAuthState
used: Used[OAuthState]
repository: AccountRepository
account: StoredAccount
summary: StoredSummary
change: AccountChange

'''

FIRST = BEGINNING.count("\n") + 1
"""The number of the line after that."""

LINES = {
    "exchange(parts, code, used)": None,
    "repository.change(account, change)": None,
    "exchange(parts, code, state)": "arg-type",  # another request may use the state up, too
    'repository.change("other", account, change)': "call-arg",  # an account is one user's, and knows whose
    "repository.change(summary, change)": "arg-type",  # a user's summary is no account
}
"""Calls, and the error that mypy reports on each: none on a right one."""


def test_mypy_refuses_what_must_not_be_written(tmp_path: Path) -> None:
    """It names each wrong line, with the project's own settings, and no right one."""
    source = tmp_path / "lines.py"
    source.write_text(BEGINNING + "\n".join(LINES) + "\n")
    options = ["--config-file", "pyproject.toml", "--cache-dir", str(tmp_path / "cache"), "--no-pretty"]
    checked = subprocess.run(  # noqa: S603 - the lines above
        [sys.executable, "-m", "mypy", *options, str(source)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    errors: dict[int, set[str]] = {}
    for number, error in re.findall(
        r"lines\.py:(\d+): error: .*\[([a-z-]+)\]$", checked.stdout, re.MULTILINE
    ):
        errors.setdefault(int(number), set()).add(error)
    expected = {number: error for number, error in enumerate(LINES.values(), FIRST) if error}
    assert errors.keys() == expected.keys(), checked.stdout + checked.stderr
    assert all(error in errors[number] for number, error in expected.items()), checked.stdout
