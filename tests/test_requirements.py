"""What is installed is decided here: every package is locked, and what was chosen is among them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
NAMES = ("requirements", "requirements-dev")
HASH = re.compile(r" --hash=sha256:[0-9a-f]{64}(?= |$)")


def lines(path: Path) -> Iterator[str]:
    """Yield what pip reads: lines without comments, each with the lines that continue it."""
    text = re.sub(r"\s+#.*|^#.*", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    yield from filter(None, re.sub(r"\s*\\\n\s*", " ", text).splitlines())


def chosen(name: str) -> list[Requirement]:
    """Return the packages that somebody has chosen, with their bounds."""
    return [Requirement(line) for line in lines(ROOT / f"{name}.in") if not line.startswith("-")]


def locked(name: str) -> dict[str, str]:
    """Return the version of each locked package."""
    packages = [Requirement(HASH.sub("", line)) for line in lines(ROOT / f"{name}.txt")]
    return {canonicalize_name(it.name): str(it.specifier).removeprefix("==") for it in packages}


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_locked(name: str) -> None:
    """Each line of a locked file names one version and its hashes, and no line has anything else."""
    found = [*lines(ROOT / f"{name}.txt")]
    assert len(found) > len(chosen(name))
    for line in found:
        assert re.fullmatch(r"[a-z0-9.-]+==[0-9a-z.]+(?: ; [^-]+)?", HASH.sub("", line)), line
        assert HASH.search(line), line


@pytest.mark.parametrize("name", NAMES)
def test_what_was_chosen_is_locked(name: str) -> None:
    """Each package of a .in file is in the locked file, in a version within its bounds."""
    versions = locked(name)
    for package in chosen(name):
        assert package.specifier.contains(versions[canonicalize_name(package.name)]), package


def test_tests_run_on_what_is_deployed() -> None:
    """A package that both files need has one version: development adds packages and changes none."""
    deployed, added = (locked(name) for name in NAMES)
    shared = deployed.keys() & added.keys()
    assert {name: deployed[name] for name in shared} == {name: added[name] for name in shared}


@pytest.mark.parametrize("name", NAMES)
def test_no_file_names_a_registry(name: str) -> None:
    """The installation uses the registry of the user's pip configuration."""
    for path in (ROOT / f"{name}.in", ROOT / f"{name}.txt"):
        assert "://" not in path.read_text(encoding="utf-8")


def test_the_functions_framework_is_found() -> None:
    """Google's build looks for a line that begins with this name; without it, it adds one without hashes."""
    assert re.search(r"^functions-framework\b([^-]|$)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
