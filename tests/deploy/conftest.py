"""A folder with this project's files, and a simulated Google Cloud project that the real commands change."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.deploy import simulated

ROOT = Path(__file__).parents[2]

COPIED = (
    *("Makefile", "main.py", "functions.yaml", "queue.yaml", "firebase.json", "firestore.rules"),
    *("firestore.indexes.json", "requirements.txt", "requirements-dev.txt", ".env"),
    *("emulator/package.json", "emulator/package-lock.json"),
)

LINKED = ("venv", "threads", "deploy", "emulator/node_modules")

APP = ("APP_ID=1234567890", "ORIGINS=https://app.example")
"""What only a person knows, the first time."""

SECRET = "0123456789abcdef0123456789abcdef"


class Site:
    """The folder, the two programs, and the project."""

    def __init__(self, path: Path, internet: str) -> None:
        """Copy the files, and make a new project."""
        self.folder = path / "source"
        self.file = path / "project.json"
        self.log = self.file.with_suffix(".log")
        programs = path / "programs"
        programs.mkdir()
        (self.folder / "emulator").mkdir(parents=True)
        for name in COPIED:
            shutil.copy2(ROOT / name, self.folder / name)  # with their times, as `make` looks at them
        for name in LINKED:
            (self.folder / name).symlink_to(ROOT / name)
        self.write(simulated.new_project())
        simulated.write_programs(programs, self.file, sys.executable)
        self.environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(path),
            "FIREBASE_RULES_URL": internet,
            "THREADS_GRAPH_URL": internet,
            "THREADS_APP_SECRET": SECRET,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def read(self) -> dict[str, Any]:
        """Return the project as it is."""
        state: dict[str, Any] = json.loads(self.file.read_text())
        return state

    def write(self, state: dict[str, Any]) -> None:
        """Change the project."""
        self.file.write_text(json.dumps(state))

    def change(self, **parts: Any) -> None:
        """Change parts of the project."""
        self.write({**self.read(), **parts})

    @property
    def settings(self) -> Path:
        """The file with the project's variables."""
        return self.folder / ".env.my-app"

    def commands(self) -> list[list[str]]:
        """Return the commands that were run since the last call."""
        text = self.log.read_text() if self.log.exists() else ""
        self.log.unlink(missing_ok=True)
        return [json.loads(line) for line in text.splitlines()]

    def make(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the real `make`, without a terminal."""
        return subprocess.run(  # noqa: S603 - this repository's Makefile
            [str(shutil.which("make")), *words, "FIREBASE=firebase"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def deploy(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `make deploy`."""
        return self.make("deploy", "PROJECT=my-app", *words)


class Deployed(NamedTuple):
    """What a first deployment has left."""

    project: dict[str, Any]
    settings: str
    """The project's variables."""
    commands: list[list[str]]
    """What was run."""


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Return a project after a first deployment."""
    with serving(tmp_path_factory.mktemp("deployed")) as first:
        done = first.deploy(*APP)
        assert (done.returncode, done.stderr) == (0, "")
        yield Deployed(first.read(), first.settings.read_text(), first.commands())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a new project."""
    with serving(tmp_path) as made:
        yield made


@pytest.fixture
def ready(site: Site, deployed: Deployed) -> Site:
    """Return a project to which the service was deployed."""
    site.write(deployed.project)
    site.settings.write_text(deployed.settings)
    return site


@contextmanager
def serving(path: Path) -> Iterator[Site]:
    """Lend a new project, and what else of the internet the commands ask."""

    class Internet(BaseHTTPRequestHandler):
        """Google's rules, Threads' app tokens, and the deployed functions."""

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked = dict(parse_qsl(url.query))
            rules = made.read()["rules"]
            refused = {"error": {"message": "Error validating application.", "code": 101}}
            is_known = (asked.get("client_id"), asked.get("client_secret")) == ("1234567890", SECRET)
            release = {"name": "cloud.firestore", "rulesetName": "projects/my-app/rulesets/1"}
            answers: dict[str, tuple[int, Any]] = {
                "/v1/projects/my-app/releases/cloud.firestore": (200 if rules is not None else 404, release),
                "/v1/projects/my-app/rulesets/1": (200, {"source": {"files": [{"content": rules}]}}),
                "/oauth/access_token": (200, {"access_token": "TH|1|2"}) if is_known else (400, refused),
                "/th_accounts": (401, {"ok": False, "error": {"code": "unauthenticated"}}),
                "/th_auth_callback": (400, "<p>"),
                "/th_refresh_tokens": (403, "<p>"),
                "/th_upkeep": (403, "<p>"),
                **dict.fromkeys(["/th_deauthorize", "/th_delete_data", "/th_webhook"], (400, "<p>")),
            }
            status, body = answers.get(url.path, (404, "<p>"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_POST = do_GET  # noqa: N815 - the name that the server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Internet) as server:
        made = Site(path, f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()
