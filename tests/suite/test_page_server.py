"""The console's server: everything from this machine, nothing that the page does not need."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from emulator.suite.addresses import Addresses
from emulator.suite.app_server import SDK, create_app
from emulator.suite.commands import functions_environment
from emulator.suite.ports import Ports
from tests.codes import error_classes, rule_codes


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """Return a client of a server whose suite listens at made-up ports."""
    ports = Ports(auth=1001, firestore=1002, functions=1003, threads=1004, tasks=1005, tasks_http=1006)
    server = create_app(Addresses(ports), is_sign_in_on=True, log=tmp_path / "firebase.log")
    return server.test_client()


def import_map(client: FlaskClient) -> str:
    """Return the page's import map as it stands there."""
    [text] = re.findall(r'<script type="importmap">(.*?)</script>', client.get("/").text, re.DOTALL)
    assert isinstance(text, str)
    return text


def test_every_import_of_firebases_modules_leads_to_this_machine(client: FlaskClient) -> None:
    """Its modules import each other from the web, with their version; the map knows both."""
    imports = json.loads(import_map(client))["imports"]
    for module in ("app", "auth", "firestore"):
        local = imports[f"firebase/{module}"]
        source = client.get(local)
        assert source.mimetype == "text/javascript"
        for address in re.findall(r'from\s*"(https://[^"]+)"', source.text):
            [prefix] = [prefix for prefix in imports if address.startswith(prefix)]
            assert client.get(imports[prefix] + address.removeprefix(prefix)).status_code == 200


def test_the_import_map_is_the_only_inline_script_allowed(client: FlaskClient) -> None:
    """The policy names it by its hash, and the emulators by their origins."""
    response = client.get("/")
    digest = base64.b64encode(hashlib.sha256(import_map(client).encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert f"script-src 'self' 'sha256-{digest}'" in policy
    connections = "http://127.0.0.1:1001 http://127.0.0.1:1002 http://127.0.0.1:1003"
    assert f"connect-src 'self' {connections}" in policy
    assert not re.search(r"<[^>]+\s(?:style|on[a-z]+)=", response.text)


def test_the_page_is_told_where_the_suite_listens(client: FlaskClient) -> None:
    """Addresses, and nothing secret."""
    assert client.get("/config.json").json == {
        "projectId": "demo-threads",
        "authEmulator": "http://127.0.0.1:1001",
        "firestoreEmulator": {"host": "127.0.0.1", "port": 1002},
        "functionsUrl": "http://127.0.0.1:1003/demo-threads/us-central1",
        "threadsUrl": "http://127.0.0.1:1004",
        "signIn": True,
    }


def test_the_client_is_served_as_it_was_built(client: FlaskClient) -> None:
    """A page imports the client from this machine, too."""
    source = client.get("/client/client.js")
    assert source.mimetype == "text/javascript"
    assert "createThreadsClient" in source.text


@pytest.mark.parametrize(
    "path", ["/vendor/package.json", "/vendor/firebase-ai.js", "/vendor/../package.json", "/index.html", "/x"]
)
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    """Three modules and the page's own files are the whole of it."""
    assert (SDK / "package.json").exists()
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("headers", "base_url"),
    [
        ({}, None),
        ({"Origin": "https://elsewhere.example"}, None),
        ({"Origin": "http://localhost:5173"}, None),
        ({"Origin": "http://elsewhere.example"}, "http://elsewhere.example"),
    ],
)
def test_no_other_page_makes_trouble(
    client: FlaskClient, headers: dict[str, str], base_url: str | None
) -> None:
    """Not without an origin, not from another one, and not under a name that only leads here."""
    sent = client.post("/trouble", json={"name": "down"}, headers=headers, base_url=base_url)
    assert sent.status_code in {400, 403}


def test_trouble_has_a_name(client: FlaskClient) -> None:
    """A page cannot send an emulator anything of its own."""
    own = {"Origin": "http://localhost"}
    for wanted in ({"name": "reset"}, {"name": "token-dead", "accountId": "../../reset"}, {}):
        refused = client.post("/trouble", json=wanted, headers=own)
        assert refused.status_code == 400, wanted
        assert "There is no trouble" in refused.json["error"]  # type: ignore[index]


def test_an_emulator_that_is_silent_is_said_to_be(client: FlaskClient) -> None:
    """Nobody listens at the made-up ports."""
    assert client.get("/journals").status_code == 502


def test_an_error_leads_to_its_explanation(client: FlaskClient) -> None:
    """The address that the local functions give with an error is this server's, and each code is there."""
    suite = Addresses(Ports.usual())
    address = functions_environment(suite)["ERRORS_URL"]
    assert address.startswith(f"{suite.page_url}/")
    shown = client.get(address.removeprefix(suite.page_url))
    assert shown.mimetype == "text/html"
    codes = rule_codes() | {kind.code for kind in error_classes()}
    assert codes <= {*re.findall(r'<h3 id="(\w+)"', shown.text)}


@pytest.mark.parametrize("path", ["/emulator/x.md", "/docs/x.md", "/docs/../README.md", "/venv/README.md"])
def test_no_other_page_is_shown(client: FlaskClient, path: str) -> None:
    """Only the pages of docs/ are."""
    assert client.get("/docs/api.md").status_code == 200
    assert client.get(path).status_code == 404
