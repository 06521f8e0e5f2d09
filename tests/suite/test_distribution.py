"""The Threads emulator's own distribution: built, installed where nothing is, and used as its page says."""

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import Page

ROOT = Path(__file__).parents[2]
PAGE = Page(ROOT / "emulator" / "README.md")


def run(*command: str | Path, folder: Path) -> str:
    """Run a command that must work, without this repository on its path; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(  # noqa: S603 - commands of this file
        [*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the emulator, and pytest for one example, into an empty environment; return its programs."""
    folder = tmp_path_factory.mktemp("distribution")
    uv = [sys.executable, "-m", "uv", "--quiet"]
    run(*uv, "venv", "--python", sys.executable, "venv", folder=folder)
    python = folder / "venv" / "bin" / "python"
    run(*uv, "pip", "install", "--python", python, ROOT / "emulator", "pytest", folder=folder)
    return python.parent


def test_it_needs_flask_and_nothing_of_this_project(installed: Path) -> None:
    """What is installed is Flask with what that needs, and every module can be imported."""
    listed = run(
        sys.executable, "-m", "uv", "pip", "list", "--python", installed / "python", folder=installed
    )
    flask = {"flask", "blinker", "click", "itsdangerous", "jinja2", "markupsafe", "werkzeug"}
    tools = {"pytest", "iniconfig", "packaging", "pluggy", "pygments"}
    assert {it.split()[0].lower() for it in listed.splitlines()[2:]} == flask | tools | {"threads-emulator"}
    found = run(
        installed / "python",
        "-c",
        "import pkgutil, threads_emulator as it\n"
        "for found in pkgutil.walk_packages(it.__path__, 'threads_emulator.'): print(found.name)",
        folder=installed,
    )
    names = [name for name in found.split() if not name.endswith(("__main__", ".proxy", ".certificates"))]
    assert len(names) > 40
    run(installed / "python", "-c", "\n".join(f"import {name}" for name in names), folder=installed)


@pytest.fixture
def running(installed: Path) -> Iterator[str]:
    """Run the command; lend the emulator's URL."""
    command = [str(installed / "threads-emulator"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.terminate()


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_first_post_is_a_matter_of_two_commands(installed: Path, running: str) -> None:
    """The shell lines of the page publish a post."""
    [block] = [block for block in PAGE.blocks("sh") if "curl" in block]
    printed = run("bash", "-ec", block.replace("localhost:8090", running), folder=installed)
    assert re.fullmatch(r'\{"id":"\d+"\}\n?', printed)


def test_the_pages_code_runs(installed: Path, tmp_path: Path) -> None:
    """The test of the page passes, with the app of its conftest; the other block runs as it is."""
    test, alone, conftest = PAGE.blocks("python")
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_page.py").write_text(test + APP_IS_OVERRIDDEN)
    assert "2 passed" in run(installed / "python", "-m", "pytest", "-q", folder=tmp_path)
    assert "http://127.0.0.1:" in run(installed / "python", "-c", alone, folder=tmp_path)


APP_IS_OVERRIDDEN = """

def test_the_app_is_mine(threads_emulator):
    assert threads_emulator.control("GET", "apps")["apps"][0]["id"] == "7"
"""


def test_it_starts_as_fast_as_flask(installed: Path) -> None:
    """Half of the time until the command can answer, or more, is Flask's own: it loads little else."""
    flask = cheapest(installed / "python", "-c", "import flask", folder=installed)
    assert cheapest(installed / "threads-emulator", "--help", folder=installed) < 2 * flask


def cheapest(*command: str | Path, folder: Path) -> float:
    """Return the processor time of a command, the least of three runs."""

    def used() -> float:
        times = resource.getrusage(resource.RUSAGE_CHILDREN)
        return times.ru_utime + times.ru_stime

    costs = []
    for _ in range(3):
        before = used()
        run(*command, folder=folder)
        costs.append(used() - before)
    return min(costs)


def test_the_page_is_like_the_others() -> None:
    """Prose wraps where the other pages' does, and links lead somewhere."""
    lines = [line for line in PAGE.prose.splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > 100] == []
    for link in PAGE.links:
        path, _, anchor = link.partition("#")
        assert not anchor or anchor in Page(PAGE.path.parent / path).anchors
        assert (PAGE.path.parent / path).exists()
