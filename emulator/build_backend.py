"""Builds the Threads emulator's own distribution: the same modules, with an import name of their own.

``emulator.threads_api`` becomes ``threads_emulator``, and ``emulator.base`` becomes a package in it. The rest
is flit's. The interface is that of PEP 517.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flit_core import buildapi

ROOT = Path(__file__).parent
PACKAGES = {"threads_api": "threads_emulator", "base": "threads_emulator.base"}
"""The packages, and their import names in the distribution."""

_OWN = re.compile(rf"\bemulator\.({'|'.join(PACKAGES)})\b")


def _on_renamed(hook: Callable[..., str]) -> Callable[..., str]:
    """Return a hook of flit's that runs on the renamed modules."""

    def run(directory: str, *more: Any) -> str:
        place = Path(directory).resolve()
        with _renamed() as folder, chdir(folder):
            return hook(str(place), *more)

    return run


@contextmanager
def _renamed() -> Iterator[Path]:
    """Write everything that flit needs into a folder, which lasts as long as the block."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        plain = re.sub(
            r"^build-backend = .*\nbackend-path = .*$",
            'build-backend = "flit_core.buildapi"',
            project,
            flags=re.MULTILINE,
        )
        (folder / "pyproject.toml").write_text(plain, encoding="utf-8")
        (folder / "README.md").write_bytes((ROOT / "README.md").read_bytes())
        for package, new in PACKAGES.items():
            for path in (ROOT / package).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    _rename(path, folder / new.replace(".", "/") / path.relative_to(ROOT / package))
        yield folder


def _rename(path: Path, written: Path) -> None:
    """Write a file in which the packages have their new names."""
    written.parent.mkdir(parents=True, exist_ok=True)
    content = path.read_bytes()
    if path.suffix == ".py":
        content = _OWN.sub(lambda own: PACKAGES[own[1]], content.decode()).encode()
    written.write_bytes(content)


build_wheel = _on_renamed(buildapi.build_wheel)
build_sdist = _on_renamed(buildapi.build_sdist)
prepare_metadata_for_build_wheel = _on_renamed(buildapi.prepare_metadata_for_build_wheel)
