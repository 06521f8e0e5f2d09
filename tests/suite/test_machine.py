"""What the suite finds and writes on a machine: Java, the Firestore jar, secrets."""

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.suite import firestore_jar, java, local_secrets
from emulator.suite.paths import EMULATOR
from tests import browser


def fake_java(folder: Path, says: str, status: int = 0) -> Path:
    """Make a ``java`` that only reports a version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {status}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("says", "status", "version"),
    [
        ('openjdk version "21.0.2" 2024-01-16', 0, 21),
        ('java version "1.8.0_392"', 0, 1),
        ('openjdk version "25" 2025-09-16', 0, 25),
        ("No Java runtime present, requesting install.", 1, 0),
    ],
)
def test_a_java_is_asked_for_its_version(tmp_path: Path, says: str, status: int, version: int) -> None:
    """Old and new ways to write it, and the macOS program that is no Java at all."""
    assert java.version(fake_java(tmp_path, says, status)) == version


def test_the_machines_own_java_is_used_only_if_it_is_new_enough(tmp_path: Path) -> None:
    """JAVA_HOME comes first, and an old one does not hide a newer one on the PATH."""
    old = fake_java(tmp_path / "old", 'openjdk version "17.0.15"')
    new = fake_java(tmp_path / "new", 'openjdk version "21.0.2"')
    environ = {"JAVA_HOME": str(old.parent.parent), "PATH": str(new.parent)}
    assert java.find(environ) == new
    assert java.find({"JAVA_HOME": str(new.parent.parent), "PATH": str(old.parent)}) == new


@pytest.fixture
def component(tmp_path: Path) -> Path:
    """Return a Google Cloud CLI's folder with the emulator's jar, its path longer than a manifest's line."""
    root = tmp_path / ("a-rather-long-name-" * 5)
    jar = root / "platform" / "cloud-firestore-emulator" / "cloud-firestore-emulator.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    return root


def test_a_gcloud_component_saves_the_download(tmp_path: Path, component: Path) -> None:
    """The CLI gets a jar whose manifest names the component's jar and its main class."""
    jar = tmp_path / "made" / "firestore.jar"
    environ = {"CLOUDSDK_ROOT_DIR": str(component), "FIREBASE_EMULATORS_PATH": str(tmp_path / "empty")}
    assert firestore_jar.for_cli(jar, environ) == jar
    manifest = zipfile.ZipFile(jar).read("META-INF/MANIFEST.MF").decode()
    lines = manifest.removesuffix("\r\n").split("\r\n")
    assert max(len(line.encode()) for line in lines) <= 72
    unfolded = manifest.replace("\r\n ", "").split("\r\n")
    assert f"Main-Class: {firestore_jar.MAIN_CLASS}" in unfolded
    [found] = component.resolve().rglob("*.jar")
    assert f"Class-Path: {found.as_uri()}" in unfolded


def test_the_clis_own_jar_comes_first(
    tmp_path: Path, component: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A jar that the CLI has downloaded, or that the developer names, is left to the CLI."""
    environ = {"CLOUDSDK_ROOT_DIR": str(component), "FIREBASE_EMULATORS_PATH": str(tmp_path)}
    named = {**environ, firestore_jar.VARIABLE: "/somewhere/firestore.jar"}
    assert firestore_jar.for_cli(tmp_path / "firestore.jar", named) is None
    monkeypatch.setattr(firestore_jar, "in_cache", lambda _environ: True)
    assert firestore_jar.for_cli(tmp_path / "firestore.jar", environ) is None


def test_npm_is_told_where_each_package_is() -> None:
    """The lock file names no registry; for an installation each package has its address in the user's."""
    lock = (EMULATOR / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    script = EMULATOR / "suite" / "addressed_lock.cjs"
    done = subprocess.run(  # noqa: S603
        ["node", script, "https://npm.example.com/all"],  # noqa: S607
        input=lock,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    packages = json.loads(done.stdout)["packages"]
    assert "resolved" not in packages[""]
    for folder, address in {
        "superstatic/node_modules/commander": "commander/-/commander",
        "@firebase/app": "@firebase/app/-/app",
        "pglite-2": "@electric-sql/pglite/-/pglite",
    }.items():
        package = packages[f"node_modules/{folder}"]
        assert package["resolved"] == f"https://npm.example.com/all/{address}-{package['version']}.tgz"
    assert all("resolved" in package for folder, package in packages.items() if folder)
    asked_for = [{**package, "resolved": ""} for package in json.loads(lock)["packages"].values()]
    assert [{**package, "resolved": ""} for package in packages.values()] == asked_for


def test_missing_secrets_are_made_up_once(tmp_path: Path) -> None:
    """A first run writes them for the owner's eyes alone; a second one reads the same."""
    first = local_secrets.read(tmp_path)
    assert first.keys() == {"THREADS_APP_SECRET", "TOKEN_KEYS", "WEBHOOK_VERIFY_TOKEN"}
    assert local_secrets.read(tmp_path) == first
    assert (tmp_path / local_secrets.FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_secrets_that_stand_there_are_kept(tmp_path: Path) -> None:
    """A developer's own app secret, and whatever else the file holds, is not touched."""
    file = tmp_path / local_secrets.FILE_NAME
    file.write_text('# mine\nTHREADS_APP_SECRET="real one"\nOTHER=1')
    secrets = local_secrets.read(tmp_path)
    assert secrets["THREADS_APP_SECRET"] == "real one"
    assert file.read_text().startswith('# mine\nTHREADS_APP_SECRET="real one"\nOTHER=1\nTOKEN_KEYS=local:')


def test_a_browser_is_installed_by_the_first_way_that_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is there is taken; else the ways are tried in turn; if none works, one sentence says so."""
    there: list[browser.Found] = []
    tried: list[str] = []

    def way(name: str, *found: browser.Found) -> Callable[[], bool]:
        def go() -> bool:
            tried.append(name)
            there.extend(found)
            return bool(found)

        return go

    made = browser.Found("/chromium", {})
    monkeypatch.setattr(browser, "find", lambda: there[0] if there else None)
    monkeypatch.setattr(browser, "WAYS", {name: way(name) for name in ("one", "two")})
    assert browser.install() is None
    assert browser.main(iter(["--check"])) == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"✗ {browser.MISSING}"
    monkeypatch.setattr(
        browser, "WAYS", {"three": way("three"), "four": way("four", made), "five": way("five")}
    )
    assert browser.install() == made
    assert browser.install() == made
    assert tried == ["one", "two", "three", "four"]
    assert browser.main(iter(["--check"])) == 0
