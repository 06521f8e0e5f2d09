"""Installs the programs to compare with, each into a folder of its own, when they are first needed."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from emulator.suite.paths import EMULATOR, ROOT

HERE = Path(__file__).parent
FOLDER = ROOT / ".emulator" / "peers"
ADDRESSED_LOCK = EMULATOR / "suite" / "addressed_lock.cjs"
LIMIT = 10 * 60
"""How long a step of an installation may take, in seconds."""


class NotInstalled(Exception):
    """A program to compare with could not be installed. The message says why, in one sentence."""


def authjs() -> Path:
    """Return the folder of Auth.js with our server in it.

    Raises:
        NotInstalled: npm could not.

    """
    source, folder = HERE / "authjs", FOLDER / "authjs"

    def install() -> None:
        shutil.copy(source / "package.json", folder)
        registry = _run(["npm", "config", "get", "registry"]).strip()
        locked = (source / "package-lock.json").read_text()
        (folder / "package-lock.json").write_text(_run(["node", ADDRESSED_LOCK, registry], locked))
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder])

    _once("Auth.js", folder, source / "package-lock.json", install)
    shutil.copy(source / "server.mjs", folder)  # Node looks for packages beside the file that it runs
    return folder


def pythreads() -> Path:
    """Return the Python that has pythreads.

    Raises:
        NotInstalled: pip could not.

    """
    folder, locked = FOLDER / "pythreads", HERE / "pythreads.txt"
    python = folder / "bin" / "python"

    def install() -> None:
        _run([sys.executable, "-m", "venv", folder])
        pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--only-binary", ":all:", "--require-hashes", "-r", locked])

    _once("pythreads", folder, locked, install)
    return python


def _once(name: str, folder: Path, locked: Path, install: Callable[[], None]) -> None:
    """Install a program unless the same versions are there already."""
    done = folder / ".installed"
    if done.exists() and done.read_text() == locked.read_text():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        install()
    except (OSError, subprocess.SubprocessError) as error:
        raise NotInstalled(f"{name} could not be installed: {_reason(error)}.") from error
    done.write_text(locked.read_text())


def _run(command: Sequence[str | Path], given: str = "") -> str:
    """Run a command with an input, and return what it has printed."""
    return subprocess.run(  # noqa: S603 - our own command
        command, check=True, capture_output=True, text=True, timeout=LIMIT, input=given
    ).stdout


def _reason(error: Exception) -> str:
    """Return the last line of what a command has said."""
    said = str(getattr(error, "stderr", None) or error).strip().splitlines()
    return said[-1].rstrip(".") if said else type(error).__name__
