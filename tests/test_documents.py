"""What is written twice is written the same: README, functions.yaml, main.py, the code, Firestore's files."""

import ast
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from flask import Flask

from emulator.threads_api.control import control
from emulator.threads_api.control_people import control_people
from threads import client, errors, posts, publish, store

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "threads").glob("*.py")}


def table(title: str) -> list[list[str]]:
    """Return the cells of the first table below a title of the README, without its head."""
    section = README.split(f"# {title}\n", 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert rows, title
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[0].splitlines()[2:]]


def codes(cell: str) -> set[str]:
    """Return what stands in code marks."""
    return set(re.findall(r"`([a-zA-Z_/{}0-9]+)`", cell))


def functions() -> dict[str, dict[str, Any]]:
    """Return the endpoints of functions.yaml."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "functions.yaml").read_text())["endpoints"]
    return found


def subclasses(kind: type[errors.ServiceError]) -> list[type[errors.ServiceError]]:
    """Return every error below a class."""
    below = kind.__subclasses__()
    return [*below, *(deeper for one in below for deeper in subclasses(one))]


def test_every_function_is_deployed_defined_and_described() -> None:
    """functions.yaml, main.py and the README's table name the same functions."""
    main = ast.parse((ROOT / "main.py").read_text())
    defined = {node.name for node in main.body if isinstance(node, ast.FunctionDef)}
    described = {row[0].strip("`") for row in table("The functions")}
    assert set(functions()) == defined == described
    assert {name: it["entryPoint"] for name, it in functions().items()} == {name: name for name in defined}


def test_a_function_admits_as_many_requests_as_it_has_threads() -> None:
    """.env's THREADS is functions.yaml's concurrency: more would queue inside an instance."""
    [threads] = re.findall(r"^THREADS=(\d+)$", (ROOT / ".env").read_text(), re.MULTILINE)
    assert {it["concurrency"] for it in functions().values()} == {int(threads)}


def test_a_post_is_given_up_before_its_function_ends() -> None:
    """publish_threads outlives its budget by the two calls that may then be under way."""
    limit = timedelta(seconds=functions()["publish_threads"]["timeoutSeconds"])
    assert limit > publish.BUDGET + 2 * client.CALL_DEADLINE


def test_every_variable_is_described() -> None:
    """The README's configuration table has the variables that the code reads, and no others."""
    [text] = [text for path, text in SOURCES.items() if path.name == "config.py"]
    pattern = r"(?:read\.\w+\(|environment\.get\()\s*\"([A-Z_]+)\""
    platform = {"GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "K_SERVICE", "FUNCTIONS_EMULATOR"}
    read = set(re.findall(pattern, text)) - platform
    described = {name for row in table("Configuration") for name in codes(row[0])}
    assert described == read


def test_every_error_is_described_with_its_status() -> None:
    """The README's error table has each error's code under its status, and the codes of single rules."""
    described = {(int(row[0]), code) for row in table("Errors") for code in codes(row[1])}
    described -= {(409, "Retry"), (429, "Retry")}
    raised = {(kind.status, kind.code) for kind in subclasses(errors.ServiceError) if hasattr(kind, "code")}
    rules = set()
    for text in SOURCES.values():
        rules |= set(re.findall(r"(?:problem|Problem)\([^\"]*\"?\w*\"?, \"([a-z_]+)\"", text))
    assert described == raised | {(400, rule) for rule in rules}


def test_every_path_is_described() -> None:
    """The README's table of Firestore paths is the store's."""
    described = {row[0].strip("`") for row in table("In Firestore")}
    documented = set(re.findall(r"``([\w{}/]+)``", store.__doc__ or ""))
    assert {path.replace("{accountId}", "{id}") for path in described} == documented


def test_the_readmes_limits_are_the_codes() -> None:
    """Numbers in the README are the constants'."""
    assert f"at most {posts.MAX_TEXT_BYTES} bytes" in README


def test_expiry_and_sweeps_are_declared() -> None:
    """States expire by a TTL policy, tokens are not indexed, accounts can be found across users."""
    overrides = json.loads((ROOT / "firestore.indexes.json").read_text())["fieldOverrides"]
    by_field = {(it["collectionGroup"], it["fieldPath"]): it for it in overrides}
    assert by_field["oauthStates", "expiresAt"]["ttl"] is True
    assert by_field["accounts", "accessToken"]["indexes"] == []
    for field in ("accountId", "expiresAt"):
        scopes = {index["queryScope"] for index in by_field["accounts", field]["indexes"]}
        assert scopes == {"COLLECTION", "COLLECTION_GROUP"}


def test_every_control_of_the_emulator_is_described() -> None:
    """docs/threads-emulator.md has each control route with its method."""
    document = (ROOT / "docs" / "threads-emulator.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`((?:GET|POST|DELETE) [a-z_/{}]+)`", document.split("## Controls")[1]))
    app, prefix = Flask(__name__), "/_emulator/"
    app.register_blueprint(control)
    app.register_blueprint(control_people)
    routes = {
        f"{method} {rule.rule.removeprefix(prefix).replace('<account_id>', '{id}')}"
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(prefix)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == routes


def test_links_within_the_readme_lead_somewhere() -> None:
    """Every relative link and picture of the README exists."""
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert [it for it in targets if "://" not in it and not (ROOT / it).exists()] == []
