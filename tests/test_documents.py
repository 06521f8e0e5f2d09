"""What is written twice is written the same: README, functions.yaml, main.py, the code, Firestore's files."""

import ast
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Blueprint, Flask

from emulator.cloud_tasks import control as tasks_control
from emulator.cloud_tasks.control_deliveries import control_deliveries
from emulator.threads_api import control as threads_control
from emulator.threads_api.control_deliveries import control_deliveries as threads_deliveries
from emulator.threads_api.control_people import control_people
from threads import accounts, auth_exchange, client, errors, ledger, options, posts, records, store

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
    described = {name for row in table("The functions") for name in codes(row[0])}
    assert set(functions()) == defined == described
    assert {name: it["entryPoint"] for name, it in functions().items()} == {name: name for name in defined}


def test_a_function_admits_as_many_requests_as_it_has_threads() -> None:
    """.env's THREADS is functions.yaml's concurrency: more would queue inside an instance."""
    [threads] = re.findall(r"^THREADS=(\d+)$", (ROOT / ".env").read_text(), re.MULTILINE)
    assert {it["concurrency"] for it in functions().values()} == {int(threads)}


def test_a_post_is_given_up_before_its_function_ends() -> None:
    """publish_threads outlives its budget by the two calls that may then be under way."""
    limit = timedelta(seconds=functions()["publish_threads"]["timeoutSeconds"])
    assert limit > ledger.BUDGET + 2 * client.CALL_DEADLINE


def test_a_connection_is_waited_for_as_long_as_its_functions_run() -> None:
    """Whoever asks again is told to wait until the function that exchanges the code must have answered."""
    limits = {functions()[name]["timeoutSeconds"] for name in ("th_auth_callback", "th_auth_finish")}
    assert limits == {auth_exchange.EXCHANGE_TIME.total_seconds()}


def test_every_variable_is_described() -> None:
    """The README's configuration table has the variables that the code reads, and no others."""
    [text] = [text for path, text in SOURCES.items() if path.name == "config.py"]
    pattern = r"(?:read\.\w+\(|environment\.get\()\s*\"([A-Z_]+)\""
    platform = {
        *("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"),
        *("K_SERVICE", "FUNCTIONS_EMULATOR", "FIRESTORE_EMULATOR_HOST"),
    }
    read = set(re.findall(pattern, text)) - platform
    described = {name for row in table("Configuration") for name in codes(row[0])}
    assert described == read


def test_every_error_is_described_with_its_status() -> None:
    """The README's error table has each error's code under its status, and the codes of single rules."""
    described = {(int(row[0]), code) for row in table("Errors") for code in codes(row[1])}
    raised = {(kind.status, kind.code) for kind in subclasses(errors.ServiceError) if hasattr(kind, "code")}
    rules = set()
    for text in SOURCES.values():
        rules |= set(re.findall(r"(?:problem|Problem)\([^\"]*\"?\w*\"?, \"([a-z_]+)\"", text))
        rules |= set(re.findall(r"yield \"?\w+\"?, \"([a-z_]+)\"", text))
    rules |= {option.code for option in options.OPTIONS} | {it.code for it in options.EXCLUSIONS}
    assert described == raised | {(400, rule) for rule in rules}


def test_every_path_is_described() -> None:
    """The README's table of Firestore paths is the store's."""
    described = {row[0].strip("`") for row in table("In Firestore")}
    documented = set(re.findall(r"^\| ``([\w{}/]+)``", f"{store.__doc__}\n{records.__doc__}", re.MULTILINE))
    assert {path.replace("{accountId}", "{id}") for path in described} == documented


def test_the_diagram_is_the_ledgers_table() -> None:
    """The README draws every transition with its reason, and none that the ledger does not know."""
    drawn = re.findall(r"^    (\w+) --> (\w+): (.+)$", README, re.MULTILINE)
    known = {(*pair, reason.replace(":", " —")) for pair, reason in ledger.TRANSITIONS.items()}
    assert set(drawn) == known
    assert {name for name, end in re.findall(r"(\w+) --> (\[\*\])", README) if end} == set(ledger.TERMINAL)


def test_every_option_is_described() -> None:
    """docs/options.md has each option as its row says, with an example that works."""
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    rows = {cells[0].strip("`"): cells[1:] for cells in rows_of(text.split("## Trying")[0])}
    for option in options.OPTIONS:
        parameter, kinds, rule, scope, example = rows[option.name]
        everywhere = tuple(option.kinds) == options.ANY
        assert parameter.strip("`") == option.parameter
        assert kinds == ("all" if everywhere else ", ".join(kind.lower() for kind in option.kinds))
        assert (rule, scope.strip("`")) == (option.rule, option.scope or "")
        assert json.loads(example.strip("`")) == option.example
        assert option.read(option.example) == option.example
    for exclusion in options.EXCLUSIONS:
        assert f"| `{exclusion.option}` | `{exclusion.other}` |" in text


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of the tables in a text that have six columns, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if len(row) == 6]


def test_the_readmes_limits_are_the_codes() -> None:
    """Numbers in the README are the constants'."""
    assert f"counts at most {options.MAX_TEXT}" in README
    assert f"at most {posts.MAX_SCHEDULE.days} days ahead" in README
    assert f"for {ledger.RECORD_LIFETIME.days} days after a post has ended" in README
    assert f"looks at it for {ledger.BUDGET.seconds} s" in README
    assert f"tries {ledger.MAX_DELIVERIES} times" in README
    attempts = yaml.safe_load((ROOT / "queue.yaml").read_text())["--max-attempts"]
    assert attempts > ledger.MAX_DELIVERIES, "the service gives up first, and may die doing so"
    assert f"many attempts ({attempts})" in README
    assert timedelta(minutes=3) == ledger.LEASE
    assert "after three minutes" in README
    assert timedelta(minutes=4) == ledger.SETTLE_SILENCE
    assert "four minutes after the call" in README


DEFAULT_INDEXES = {
    frozenset({**one, "queryScope": "COLLECTION"}.items())
    for one in ({"order": "ASCENDING"}, {"order": "DESCENDING"}, {"arrayConfig": "CONTAINS"})
}
"""What Firestore indexes of each field (https://firebase.google.com/docs/firestore/query-data/index-overview)."""


def test_expiry_and_sweeps_are_declared() -> None:
    """What is short-lived expires, tokens are not indexed, accounts and posts are found for all users.

    An override takes the place of all indexes that a field has by itself: those an app may need are named.
    """
    overrides = json.loads((ROOT / "firestore.indexes.json").read_text())["fieldOverrides"]
    by_field = {(it["collectionGroup"], it["fieldPath"]): it for it in overrides}
    for group in ("oauthStates", "threadsDeletions"):
        assert by_field[group, "expiresAt"]["ttl"] is True
    for group in ("posts", "threadsClaims"):
        assert by_field[group, ledger.TTL_FIELD]["ttl"] is True
    assert by_field["accounts", "accessToken"]["indexes"] == []
    found = {("accounts", field) for field in (*accounts.ID_FIELDS, accounts.USERNAME_FIELD, "refreshAt")}
    found.add(("posts", "accountId"))
    others = {("accounts", "accessToken"), ("posts", ledger.TTL_FIELD)}
    assert {it for it in by_field if it[0] in {"accounts", "posts"}} == found | others, "apps have these, too"
    for name in found:
        indexes = [frozenset(index.items()) for index in by_field[name]["indexes"]]
        across = frozenset({"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}.items())
        assert {*indexes} == DEFAULT_INDEXES | {across}
        assert len(indexes) == len({*indexes})


@pytest.mark.parametrize(
    ("document", "blueprints"),
    [
        ("threads-emulator.md", [threads_control.control, control_people, threads_deliveries]),
        ("tasks-emulator.md", [tasks_control.control, control_deliveries]),
    ],
)
def test_every_control_of_an_emulator_is_described(document: str, blueprints: list[Blueprint]) -> None:
    """An emulator's page has each of its control routes with its method."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    described = set(re.findall(r"`((?:GET|POST|DELETE) [a-z_/{}]+)`", text.split("## Controls")[1]))
    app, prefix = Flask(__name__), "/_emulator/"
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    routes = {
        f"{method} {re.sub('<[a-z_]+>', '{id}', rule.rule.removeprefix(prefix))}"
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(prefix)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == routes


def test_links_within_the_readme_lead_somewhere() -> None:
    """Every relative link and picture of the README exists."""
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert [it for it in targets if "://" not in it and not (ROOT / it).exists()] == []


def test_every_promise_of_security_has_its_test() -> None:
    """Each row of SECURITY.md's tables names a test, and each test that it names is there."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(\w+/\w+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), test
