"""The pages say what the code, the configuration and the tools say; what they link to is there.

How each kind of code on a page is checked:

==================  =====================================================================================
make                the target is in the Makefile, and each variable is used there
python -m           the module is there, and its ``--help`` has the options
python -m pytest    the files are there
python3 -c          it is run, and the service takes the key that it prints
curl                on an emulator's port: it is run against that emulator; on another port of the local
                    suite: port, function, and what is sent are known
firebase            the Firebase CLI has the command with these options (where it is installed)
gcloud              the Google Cloud CLI has the command with these options (where it is installed)
npm                 it is run (tests/e2e/test_app_page.py)
others              the machine has the program, or the page defines the function
each shell block    bash reads it, and it uses only variables that the page has set
JavaScript          Node reads it; the README's is run against a server that asks for a repetition, and that
                    of docs/app.md against the local suite (tests/e2e/test_app_page.py)
Python              it is run
JSON                the service reads it, or says the same
Mermaid             the states are the ledger's, and the packages those of the table
==================  =====================================================================================
"""

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from flask import Blueprint, Flask

from emulator import cloud_tasks, threads_api
from emulator.cloud_tasks import control as tasks_control
from emulator.cloud_tasks.control_deliveries import control_deliveries as tasks_deliveries
from emulator.cloud_tasks.settings import Settings as TasksSettings
from emulator.suite import addresses
from emulator.suite.commands import DEVELOPMENT_PORTS
from emulator.suite.paths import CLIENT
from emulator.suite.ports import Ports
from emulator.threads_api import control as threads_control
from emulator.threads_api.control_deliveries import control_deliveries as threads_deliveries
from emulator.threads_api.control_people import control_people
from emulator.threads_api.named_errors import NAMED_ERRORS
from emulator.threads_api.settings import Settings as ThreadsSettings
from tests.pages import Page, Script, Table, code_marks, shell_script
from tests.unit import test_architecture
from tests.unit.posts.full_record import full_record
from threads.accounts.account import ID_FIELDS, OWNER_FIELD, TOKEN_FIELD, USERNAME_FIELD
from threads.accounts.summary import StoredSummary, without_card
from threads.accounts.token_lifetime import REFRESH_FROM, REFRESH_TO
from threads.base import errors
from threads.base.config import Counting, read_token_keys
from threads.base.scopes import DEFAULT_SCOPES
from threads.connections.deletion import STATUS_LIFETIME
from threads.connections.pending import PENDING_LIFETIME
from threads.connections.start import STATE_LIFETIME
from threads.connections.states import EXCHANGE_TIME, USED_LIFETIME
from threads.functions.callers import MAX_NOTIFICATION
from threads.functions.publish import MAX_SHOWN
from threads.functions.request import BODY_TIME, MAX_BODY_BYTES
from threads.graph.client import CALL_DEADLINE
from threads.graph.error_codes import Step, classify
from threads.posts import ledger, options
from threads.posts.content import Content
from threads.posts.submission import MAX_KEY, MAX_SCHEDULE, WEB_FIELDS, Submission, read_task_body
from threads.posts.text import count
from threads.posts.thread_option import MAX_THREAD
from threads.publishing import retry_rules

ROOT = Path(__file__).parent.parent
SOURCES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "threads").rglob("*.py")}

PAGES = {
    str(path.relative_to(ROOT)): Page(path)
    for folder, pattern in ((ROOT, "*.md"), (ROOT / "docs", "*.md"), (ROOT / ".github", "**/*.md"))
    for path in sorted(folder.glob(pattern))
}
README, API, ARCHITECTURE, DEPLOY, ERRORS, FIRESTORE, GUARANTEES, OPTIONS = (
    PAGES[name]
    for name in (
        "README.md",
        "docs/api.md",
        "docs/architecture.md",
        "docs/deploy.md",
        "docs/errors.md",
        "docs/firestore.md",
        "docs/guarantees.md",
        "docs/options.md",
    )
)
HISTORY = "CHANGELOG.md"
"""Speaks of what is not there any more."""

WIDTH = 100
README_LINES = 150

every_page = pytest.mark.parametrize("name", PAGES)


def codes(cell: str) -> set[str]:
    """Return the names that stand in code marks in a cell."""
    return {code for code in code_marks(cell) if re.fullmatch(r"[a-zA-Z_/{}0-9]+", code)}


def functions() -> dict[str, dict[str, Any]]:
    """Return the endpoints of functions.yaml."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "functions.yaml").read_text())["endpoints"]
    return found


# --- the pages as pages -----------------------------------------------------------------------------------


def test_the_front_page_is_short() -> None:
    """The README is read in a few minutes."""
    assert len(README.text.splitlines()) <= README_LINES


@every_page
def test_lines_have_one_width(name: str) -> None:
    """A line of prose or code fits; rows of tables and pictures cannot be wrapped."""
    lines = [line for line in PAGES[name].text.splitlines() if not line.startswith(("|", "!["))]
    assert [line for line in lines if len(line) > WIDTH and " " in line.strip()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    """The README links every page that people read."""
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in README.links}
    pages = {(ROOT / name).resolve() for name in PAGES if not name.startswith(".github")}
    assert pages - linked == {(ROOT / "README.md").resolve()}


@every_page
def test_links_lead_somewhere(name: str) -> None:
    """A relative link leads to a file or folder of the repository, and its anchor to a heading."""
    page, broken = PAGES[name], []
    for link in page.links:
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        if not target.exists() or (anchor and anchor not in Page(target).anchors):
            broken.append(link)
    assert broken == []


def test_no_table_stands_twice() -> None:
    """A table is on one page; another one may share a few rows with it: both emulators have a clock."""
    found = [(name, table) for name, page in PAGES.items() for table in page.tables]
    assert len(found) > 20
    for (name, one), (other_name, other) in combinations(found, 2):
        shared = {*one.rows} & {*other.rows}
        assert 2 * len(shared) < min(len(one.rows), len(other.rows)), (name, other_name, one.head)


# --- tables, diagrams and numbers -------------------------------------------------------------------------


def test_every_function_is_deployed_defined_and_described() -> None:
    """functions.yaml, main.py, the README's table and a heading of docs/api.md name the same functions."""
    main = ast.parse((ROOT / "main.py").read_text())
    defined = {node.name for node in main.body if isinstance(node, ast.FunctionDef)}
    listed = {name for row in README.table("The functions").rows for name in codes(row[0])}
    titles = " ".join(re.findall(r"^## (.*)$", API.prose, re.MULTILINE)).split()
    assert set(functions()) == defined == listed == defined & {*titles}
    assert {name: it["entryPoint"] for name, it in functions().items()} == {name: name for name in defined}


def test_a_function_admits_as_many_requests_as_it_has_threads() -> None:
    """.env's THREADS is functions.yaml's concurrency: more would queue inside an instance."""
    [count] = re.findall(r"^THREADS=(\d+)$", (ROOT / ".env").read_text(), re.MULTILINE)
    assert {it["concurrency"] for it in functions().values()} == {int(count)}


def test_a_post_is_given_up_before_its_function_ends() -> None:
    """publish_threads outlives its budget by the two calls that may then be under way."""
    limit = timedelta(seconds=functions()["publish_threads"]["timeoutSeconds"])
    assert limit > ledger.BUDGET + 2 * CALL_DEADLINE


def test_a_connection_is_waited_for_as_long_as_its_functions_run() -> None:
    """Whoever asks again is told to wait until the function that exchanges the code must have answered."""
    limits = {functions()[name]["timeoutSeconds"] for name in ("th_auth_callback", "th_auth_finish")}
    assert limits == {EXCHANGE_TIME.total_seconds()}


def test_every_variable_is_described() -> None:
    """docs/configuration.md has the variables that the code reads, each once, and no others."""
    [text] = [text for path, text in SOURCES.items() if path.name == "config.py"]
    pattern = r"(?:env\.\w+\(|environment\.get\()\s*\"([A-Z_]+)\""
    platform = {
        *("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"),
        *("K_SERVICE", "FUNCTIONS_EMULATOR", "FIRESTORE_EMULATOR_HOST"),
    }
    rows = [row for table in PAGES["docs/configuration.md"].tables for row in table.rows]
    described = [name for row in rows for name in codes(row[0])]
    assert sorted(described) == sorted({*re.findall(pattern, text)} - platform)


def test_every_path_is_described() -> None:
    """docs/firestore.md has the paths that the repositories name, and says of each who may read it."""
    rows = FIRESTORE.table("The documents in Firestore").rows
    documented = {
        path for text in SOURCES.values() for path in re.findall(r"^\| ``([\w{}/]+)``", text, re.MULTILINE)
    }
    assert {code_marks(path)[0].replace("{accountId}", "{id}") for path, _, _ in rows} == documented
    rules = (ROOT / "firestore.rules").read_text()
    readable = [path for path, _, reader in rows if reader != "nothing"]
    assert len(readable) == rules.count("request.auth.uid == uid")
    assert all(codes(path).pop().rpartition("/")[2] in rules.replace("match /", "") for path in readable)


def test_the_ports_of_development_servers_are_listed() -> None:
    """docs/app.md says from which local pages the functions take calls."""
    text = (ROOT / "docs" / "app.md").read_text().partition("## From your own page, locally")[2]
    assert tuple(map(int, re.findall(r"\b\d{4}\b", text.partition("Name any")[0]))) == DEVELOPMENT_PORTS


def test_the_fields_of_a_record_are_there() -> None:
    """docs/firestore.md names fields that records and summaries have."""
    now = datetime(2027, 1, 31, tzinfo=UTC)
    record = ledger.as_document(full_record(Content({}), now))
    shown = {field for row in FIRESTORE.table("The record of a post").rows for field in codes(row[0])}
    assert shown <= record.keys()
    summary = without_card(StoredSummary("ada", {"accounts": {"1": {}, "2": {}}}), "1", now) or {}
    assert {field for row in FIRESTORE.table("The summary").rows for field in codes(row[0])} == {*summary}


def test_a_dead_token_is_what_the_table_of_errors_says() -> None:
    """docs/guarantees.md lists the codes that prove a token dead, or leave doubt, as error_codes does."""
    proof, doubt, *_ = GUARANTEES.table("When a token counts as dead").rows
    known = {errors.Evidence(step, 400, code=code, subcode=sub) for step in Step for code, sub in KNOWN_CODES}
    dead = {seen for seen in known if classify(seen).error is errors.ReconnectRequired}
    assert listed_codes(proof[0]) == {_code(seen) for seen in dead if seen.step != Step.ASK_WITNESS}
    assert listed_codes(doubt[1]) == {_code(seen) for seen in dead if seen.step == Step.ASK_WITNESS}
    suspect = {_code(seen) for seen in known if classify(seen).verdict.is_suspect}
    assert listed_codes(doubt[0]) == suspect - {str(UNDOCUMENTED)}
    assert str(UNDOCUMENTED) in suspect


UNDOCUMENTED = 31415
KNOWN_CODES = [(1, None), (2, None), (4, None), (9, None), (10, None), (17, None), (24, 4279009), (100, None)]
KNOWN_CODES += [(102, None), (190, None), (200, None), (341, None), (368, None), (506, None), (613, None)]
KNOWN_CODES += [(UNDOCUMENTED, None)]


def listed_codes(cell: str) -> set[str]:
    """Return the codes in a cell, each with its subcode if there is one."""
    return set(re.findall(r"\b\d+(?:/\d+)?", cell))


def _code(seen: errors.Evidence) -> str:
    return f"{seen.code}/{seen.subcode}" if seen.subcode else str(seen.code)


def test_the_state_diagram_is_the_ledgers_table() -> None:
    """docs/guarantees.md draws every transition with its reason, and none that the ledger does not know."""
    [diagram] = [block for block in GUARANTEES.blocks("mermaid") if block.startswith("stateDiagram")]
    drawn = re.findall(r"^    (\w+) --> (\w+): (.+)$", diagram, re.MULTILINE)
    assert set(drawn) == {(*pair, reason.replace(":", " —")) for pair, reason in ledger.TRANSITIONS.items()}
    assert set(re.findall(r"(\w+) --> \[\*\]", diagram)) == set(ledger.TERMINAL)


def test_the_constants_are_the_ledgers() -> None:
    """docs/guarantees.md has the times and limits that decide."""
    rows = GUARANTEES.table("One request, one post").rows
    assert len(rows) > 10
    for constant, value, _ in rows:
        number, _, unit = value.partition(" ")
        written = timedelta(**{unit: int(number)}) if unit else int(number)
        [name] = code_marks(constant)
        known = getattr(ledger, name, None) or getattr(retry_rules, name)
        assert getattr(known, "times", known) == written, constant


def test_the_packages_are_drawn_as_they_are_listed() -> None:
    """docs/architecture.md draws the arrows that its table allows, except to ``base``; none goes up."""
    listed = ARCHITECTURE.table("The packages")
    allowed, floors = allowed_imports(listed), {codes(row[1]).pop(): int(row[0]) for row in listed.rows[1:]}
    [diagram] = [block for block in ARCHITECTURE.blocks("mermaid") if block.startswith("flowchart")]
    drawn = {tuple(arrow) for arrow in re.findall(r"(\w+) --> (\w+)", diagram)}
    assert drawn == {(name, other) for name, others in allowed.items() for other in others - {"base"}}
    assert all(floors[name] > floors[other] for name, others in allowed.items() for other in others)


def test_the_packages_are_those_of_the_code() -> None:
    """docs/architecture.md lists what the test of the architecture holds the code to."""
    held_to = {name: may for name, may in vars(test_architecture)["MAY_IMPORT"].items() if name != "app"}
    assert allowed_imports(ARCHITECTURE.table("The packages")) == held_to


def allowed_imports(listed: Table) -> dict[str, set[str]]:
    """Return what each package may import, by the table of packages."""
    rows = [(*codes(name), may) for _, name, _, may in listed.rows[1:]]
    return {str(name): set() if may == "nothing" else {*may.split(", ")} for name, may in rows}


def test_every_option_is_described() -> None:
    """docs/options.md has each option as its row says, with an example that works."""
    rows = {code_marks(row[0])[0]: row[1:] for row in OPTIONS.table("The options of a post").rows}
    assert rows.keys() == {option.name for option in options.OPTIONS}
    for option in options.OPTIONS:
        parameter, kinds, rule, scope, example = rows[option.name]
        everywhere = tuple(option.kinds) == options.ANY
        assert parameter.strip("`") == option.parameter
        assert kinds == ("all" if everywhere else ", ".join(kind.lower() for kind in option.kinds))
        assert (rule, scope.strip("`")) == (option.rule, option.scope or "")
        assert json.loads(example.strip("`")) == option.example
        assert option.read(option.example) == option.example


def test_every_exclusion_is_described() -> None:
    """docs/options.md has the pairs that cannot be combined, with the one that is inside another option."""
    rows = OPTIONS.table("The options of a post", number=1).rows
    described = {(code_marks(option)[0], code_marks(other)[0]) for option, other in rows}
    inner = {("linkAttachment", "textAttachment.link")}
    assert described == {(it.option, it.other) for it in options.EXCLUSIONS} | inner


def test_every_member_of_a_post_is_described() -> None:
    """docs/api.md names what publish_threads takes beside the options; threads are on the options' page."""
    rows = API.table("publish_threads").rows
    described = {mark.partition(":")[0] for row in rows for mark in code_marks(row[0])}
    assert described == {*WEB_FIELDS} - {"thread", "split"}
    assert all(f'"{name}":' in OPTIONS.prose for name in ("thread", "split"))


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (OPTIONS, f"A text counts at most {options.MAX_TEXT}."),
        (OPTIONS, f"at most {options.MAX_LINKS} different links"),
        (OPTIONS, f"publishes 2 to {MAX_THREAD} posts"),
        (API, f"at most {MAX_SCHEDULE.days} days ahead"),
        (API, f"at most {MAX_KEY} characters"),
        (API, f"at most {MAX_BODY_BYTES // 1024} KiB"),
        (API, f"after {MAX_SHOWN // 1024} KiB"),
        (API, f"at most {MAX_NOTIFICATION // 1024**2} MiB"),
        (API, f'"expiresIn": {STATE_LIFETIME.seconds}'),
        (API, f"between day {60 * REFRESH_FROM:.0f} and day {60 * REFRESH_TO:.0f}"),
        (ERRORS, f"more than {STATUS_LIFETIME.days} days ago"),
        (FIRESTORE, f"{ledger.RECORD_LIFETIME.days} days after a post has ended"),
        (FIRESTORE, f"`{ledger.TTL_FIELD}`"),
        (GUARANTEES, f"for {retry_rules.PROCESSING_TIME.seconds // 60} minutes. A request of your app"),
        (GUARANTEES, f"makes {retry_rules.TASK.times} attempts in about an hour"),
        (GUARANTEES, f"more than {ledger.SETTLE.seconds // 60} minutes after the call"),
    ],
)
def test_numbers_in_sentences_are_the_codes(page: Page, sentence: str) -> None:
    """A number that a page names is the constant's."""
    assert sentence in page.sentences


def test_times_in_words_are_the_codes() -> None:
    """Where a page spells a time out, the constant has not changed: change both."""
    assert "within ten minutes" in API.sentences
    assert timedelta(minutes=10) == STATE_LIFETIME
    assert "within five seconds" in API.sentences
    assert timedelta(seconds=5) == BODY_TIME
    assert "is valid for five minutes" in API.sentences
    assert timedelta(minutes=5) == PENDING_LIFETIME
    assert "For an hour, the one who began" in API.sentences
    assert timedelta(hours=1) == USED_LIFETIME


def test_a_queue_makes_more_attempts_than_the_service() -> None:
    """The service gives a post up before the queue does, as its last process may die doing so."""
    attempts = yaml.safe_load((ROOT / "queue.yaml").read_text())["--max-attempts"]
    assert retry_rules.TASK.times
    assert retry_rules.UNCLEAR_TASK.times
    assert attempts > retry_rules.UNCLEAR_TASK.times > retry_rules.TASK.times
    assert f"at least as many attempts ({attempts})" in DEPLOY.sentences


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
    for group in ("oauthStates", "threadsPendingConnections", "threadsDeletions"):
        assert by_field[group, "expiresAt"]["ttl"] is True
    for group in ("posts", "threadsClaims"):
        assert by_field[group, ledger.TTL_FIELD]["ttl"] is True
    for field in (TOKEN_FIELD, OWNER_FIELD):
        assert by_field["accounts", field]["indexes"] == []
    found = {("accounts", field) for field in (*ID_FIELDS, USERNAME_FIELD, "refreshAt", "expiresAt")}
    found.add(("posts", "accountId"))
    across = frozenset({"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}.items())
    ours = ("posts", ledger.CHECK_FIELD)
    assert [frozenset(index.items()) for index in by_field[ours]["indexes"]] == [across], (
        "no app has this one"
    )
    others = {("accounts", TOKEN_FIELD), ("accounts", OWNER_FIELD), ("posts", ledger.TTL_FIELD), ours}
    kept = {it for it, override in by_field.items() if override["indexes"]} | others
    assert {it for it in kept if it[0] in {"accounts", "posts"}} == found | others, "apps have these, too"
    for name in found:
        indexes = [frozenset(index.items()) for index in by_field[name]["indexes"]]
        assert {*indexes} == DEFAULT_INDEXES | {across}
        assert len(indexes) == len({*indexes})


@pytest.mark.parametrize(
    ("document", "blueprints"),
    [
        ("docs/threads-emulator.md", [threads_control.control, control_people, threads_deliveries]),
        ("docs/tasks-emulator.md", [tasks_control.control, tasks_deliveries]),
    ],
)
def test_every_control_of_an_emulator_is_described(document: str, blueprints: list[Blueprint]) -> None:
    """An emulator's page has each of its control routes with its method."""
    rows = PAGES[document].table("Controls").rows
    described = {code for row in rows for code in code_marks(row[0])}
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


@pytest.mark.parametrize(
    ("document", "settings"),
    [("docs/threads-emulator.md", ThreadsSettings()), ("docs/tasks-emulator.md", TasksSettings())],
)
def test_settings_of_an_emulator_are_there(document: str, settings: object) -> None:
    """What ``--set`` changes on an emulator's page is a setting."""
    changed = re.findall(r"--set (\w+)=", PAGES[document].sentences)
    assert changed
    assert all(hasattr(settings, name) for name in changed)


def test_every_error_with_a_name_is_described() -> None:
    """The page of the Threads emulator has the catalogue of errors, row by row."""
    rows = PAGES["docs/threads-emulator.md"].table("Errors by name").rows
    assert [code_marks(row[0]) for row in rows] == [[name] for name in NAMED_ERRORS]
    for row, error in zip(rows, NAMED_ERRORS.values(), strict=True):
        it = error.as_json()
        codes = " / ".join(str(code) for code in (it["code"], it["error_subcode"]) if code is not None)
        seen = f"{it['status']}: {codes}" if error.error else error.shows
        assert row[1:] == (seen, error.cause.kind, error.source, error.advice), error.name


def test_every_promise_of_security_has_its_test() -> None:
    """Each row of SECURITY.md's tables names a test, and each test that it names is there."""
    rows = [row for table in PAGES["SECURITY.md"].tables for row in table.rows]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", row[2])
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), test


def test_continuous_integration_runs_what_contributors_run() -> None:
    """The workflow runs .ci/run on pushes and pull requests, and that ends in `make test`."""
    workflow = yaml.load((ROOT / ".github/workflows/ci.yml").read_text(), yaml.BaseLoader)  # noqa: S506 - texts only
    assert {*workflow["on"]} == {"push", "pull_request"}
    assert workflow["jobs"]["test"]["steps"][-1] == {"run": ".ci/run"}
    assert (ROOT / ".ci" / "run").read_text().endswith("exec make test\n")


def test_updates_are_looked_for_where_packages_are_named() -> None:
    """Dependabot's folders have the files that it reads."""
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    files = {
        "uv": "requirements.in",
        "npm": "package-lock.json",
        "github-actions": ".github/workflows/ci.yml",
    }
    assert {it["package-ecosystem"] for it in updates} == files.keys()
    for it in updates:
        assert (ROOT / it["directory"].strip("/") / files[it["package-ecosystem"]]).exists()


# --- shell ------------------------------------------------------------------------------------------------

WITH_SHELL = [name for name, page in PAGES.items() if page.blocks("sh")]

PROGRAMS = {"cat", "echo", "git", "grep", "printf", "sed"}
"""What every machine with a clone has."""

INLINE = re.compile(r"(make \w|venv/bin/python |python -m |gcloud \w+ \w+ |firebase functions:)")
"""How commands begin that stand in a sentence."""


def scripts(name: str) -> Iterator[Script]:
    """Yield the shell blocks of a page; each knows the variables and functions of those before it."""
    known: dict[str, str] = {"PWD": "."}
    defined: set[str] = set()
    for block in PAGES[name].blocks("sh"):
        script = shell_script(block, known)
        script.defined.update(defined)
        known, defined = script.assigned, script.defined
        yield script


def commands() -> Iterator[tuple[str, list[str], set[str]]]:
    """Yield each command of the pages, in blocks and in sentences, with its page and its functions."""
    for name, page in PAGES.items():
        for script in scripts(name):
            yield from ((name, words, script.defined) for words in script.commands)
        for code in page.inline_code if name != HISTORY else []:
            if INLINE.match(code):
                yield name, shell_script(code.replace("…", "x")).commands[0], set()


def commands_of(*programs: str) -> list[tuple[str, list[str]]]:
    """Return the commands of these programs, each with its page."""
    found = [(name, words) for name, words, _ in commands() if words[0].rpartition("/")[2] in programs]
    assert found
    return found


def test_every_command_has_a_check() -> None:
    """A program that no test below knows is a reason to write one."""
    checked = {"make", "python", "python3", "curl", "firebase", "gcloud", "npm"}
    unknown = {
        words[0]
        for _, words, defined in commands()
        if words[0].rpartition("/")[2] not in checked | PROGRAMS | defined
    }
    assert unknown == set()
    assert all(shutil.which(program) for program in PROGRAMS)


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize("name", WITH_SHELL)
def test_bash_reads_every_block(name: str) -> None:
    """A block is a script, and uses only variables that this page has set before."""
    bash = str(shutil.which("bash"))
    for block, script in zip(PAGES[name].blocks("sh"), scripts(name), strict=True):
        plain = re.sub(r"<(?:your|the) [^<>\n]+>", "placeholder", block)
        read = subprocess.run([bash, "-n"], input=plain, capture_output=True, text=True, check=False)  # noqa: S603 - parses
        assert (read.returncode, read.stderr) == (0, ""), block
        assert script.used == set(), block


def test_make_has_the_targets() -> None:
    """Every `make` of the pages names targets of the Makefile, and variables that it, or the suite, reads."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"^([a-z]+):", makefile, re.MULTILINE)}
    used = {*re.findall(r"\$\(?(?:if \$\()?([A-Z0-9_]+)\)", makefile)} | {
        f"{name.upper()}_PORT" for name in vars(Ports.usual())
    }
    suite = (ROOT / "emulator/suite/command.py").read_text(encoding="utf-8")
    used |= {*re.findall(r'environ\.get\("([A-Z]+)"', suite)}
    for name, words in commands_of("make"):
        for word in words[1:]:
            variable, is_variable, _ = word.partition("=")
            assert variable in (used if is_variable else targets), (name, word)


def python_commands() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the pages' `python -m`: page, module, and its words."""
    found = [(name, words[2], tuple(words[3:])) for name, words in commands_of("python") if words[1] == "-m"]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("name", "module", "words"), python_commands())
def test_modules_take_what_they_are_given(name: str, module: str, words: tuple[str, ...]) -> None:
    """A module that a page runs is there, and its --help has the options; files that it names are there."""
    assert importlib.util.find_spec(module), name
    files = [word for word in words if word.endswith((".py", ".yaml"))]
    assert [file for file in files if not (ROOT / file).exists()] == []
    flags = {word.partition("=")[0] for word in words if word.startswith("--")}
    if flags:
        told = subprocess.run(  # noqa: S603 - a module of this repository
            [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert flags <= {*re.findall(r"--[a-z-]+", told.stdout)}


def test_the_keys_that_a_page_makes_are_keys() -> None:
    """The Python lines of docs/deploy.md print what TOKEN_KEYS takes."""
    made = commands_of("python3")
    assert all(words[1] == "-c" for _, words in made)
    for _, words in made:
        printed = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=True)  # noqa: S603 - a page's own
        written = printed.stdout if ":" in printed.stdout else f"k2:{printed.stdout}"
        assert read_token_keys({"TOKEN_KEYS": written})


EMULATORS: Mapping[int, Any] = {
    Ports.usual().threads: lambda: threads_api.serve(threads_api.World([]), port=0),
    Ports.usual().tasks_http: lambda: cloud_tasks.serve(cloud_tasks.World([])),
}
"""What a page's curl is run against, by the port that it names."""


def test_curl_gets_an_answer() -> None:
    """Every curl to an emulator of ours works; every other one names what the local suite has."""
    for name, words in commands_of("curl"):
        request, url = read_curl(words)
        if url.port in EMULATORS:
            with EMULATORS[url.port]() as emulator:
                answer = requests.request(**request, url=f"{emulator.url}{url.path}", timeout=10)
                assert answer.ok, (name, answer.text)
        else:
            check_local(request, url)


def read_curl(words: list[str]) -> tuple[dict[str, Any], Any]:
    """Return what a curl sends, and where to; it knows the options that the pages use."""
    request: dict[str, Any] = {"headers": {}}
    rest = iter(words[1:])
    url = ""
    for word in rest:
        if word == "-X":
            request["method"] = next(rest)
        elif word == "-H":
            header, _, value = next(rest).partition(": ")
            request["headers"][header] = value
        elif word == "-d":
            request["data"] = next(rest)
        elif word != "-s":
            assert not url, word
            url = word
    request.setdefault("method", "POST" if "data" in request else "GET")
    return request, urlsplit(url if "://" in url else f"http://{url}")


def check_local(request: dict[str, Any], url: Any) -> None:
    """Check a request to the local suite without sending it."""
    ports = Ports.usual()
    sent = json.loads(request.get("data", "{}"))
    if url.port == ports.functions:
        project, region, function = url.path.strip("/").split("/")
        assert (project, region) == (addresses.PROJECT, addresses.REGION)
        assert function in functions()
        assert sent.keys() <= {*options.BY_NAME, *WEB_FIELDS}
    elif url.port == ports.firestore:
        assert f"/projects/{addresses.PROJECT}/" in url.path
        collection = url.path.rpartition("/documents/")[2].partition("/")[0]
        assert any(f"``{collection}/" in text for text in SOURCES.values())
    else:
        assert url.port == ports.auth
        assert json.loads(sent["postBody"].partition("id_token=")[2])["email_verified"] is True


FIREBASE_TOOLS = ROOT / "emulator" / "node_modules" / "firebase-tools" / "lib" / "index.js"

ASK_FIREBASE = """
const [path, ...names] = process.argv.slice(1);
const client = require(path);
const longs = (options) => options.map((option) => option.long);
const known = names.map((name) => [name, client.getCommand(name)]).filter(([, command]) => command);
const own = known.map(([name, command]) => [name, longs([...command.options, ...client.cli.options])]);
console.log(JSON.stringify(Object.fromEntries(own)));
process.exit();
"""


@pytest.mark.skipif(not (FIREBASE_TOOLS.exists() and shutil.which("node")), reason="needs the Firebase CLI")
def test_the_firebase_cli_has_the_commands() -> None:
    """Every command of the Firebase CLI exists with its options, and what it deploys is in firebase.json."""
    given = [
        words
        for _, words in commands_of("firebase")
        if words[0] == "firebase" and len(words) > 1  # not its definition on the page
    ]
    command = [str(shutil.which("node")), "-e", ASK_FIREBASE, str(FIREBASE_TOOLS), *(it[1] for it in given)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - with the CLI's code
    known = json.loads(told.stdout)
    [codebase] = json.loads((ROOT / "firebase.json").read_text())["functions"]
    targets = {f"functions:{codebase['codebase']}", "firestore:rules", "firestore:indexes"}
    for words in given:
        assert {word for word in words if word.startswith("--")} <= {*known[words[1]]}, words
        if "--only" in words:
            assert {*words[words.index("--only") + 1].split(",")} <= targets


@cache
def gcloud_tree() -> dict[str, Any]:
    """Return what the Google Cloud CLI knows of its own commands, for completing them."""
    home = Path(str(shutil.which("gcloud"))).resolve().parents[1]
    source = (home / "data" / "cli" / "gcloud_completions.py").read_text(encoding="utf-8")
    tree: dict[str, Any] = ast.literal_eval(source.partition("STATIC_COMPLETION_CLI_TREE = ")[2])
    return tree


@pytest.mark.skipif(not shutil.which("gcloud"), reason="needs the Google Cloud CLI")
def test_the_google_cloud_cli_has_the_commands() -> None:
    """Every command of gcloud exists with its options."""
    for _, words in commands_of("gcloud"):
        group, flags = gcloud_tree(), {*gcloud_tree()["flags"]}
        for word in words[1:]:
            if word not in group["commands"]:
                break
            group = group["commands"][word]
            flags |= {*group["flags"]}
        assert not group["commands"], words
        given = {word.partition("=")[0].replace("--no-", "--") for word in words if word.startswith("--")}
        assert given <= {flag.replace("--no-", "--") for flag in flags}, words


# --- other code -------------------------------------------------------------------------------------------

needs_node = pytest.mark.skipif(not shutil.which("node"), reason="needs Node")


def run_node(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run Node."""
    command = [str(shutil.which("node")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - pages' own code


@needs_node
@every_page
def test_node_reads_every_block(name: str, tmp_path: Path) -> None:
    """JavaScript on a page is a module that Node can read."""
    for number, block in enumerate(PAGES[name].blocks("js")):
        module = tmp_path / f"{number}.mjs"
        module.write_text(block, encoding="utf-8")
        checked = run_node("--check", module)
        assert checked.returncode == 0, checked.stderr


BROWSER = """
const visits = [];
const auth = { currentUser: { getIdToken: async () => "id-token" } };
const functions = process.argv[2];
const connectButton = {}, publishButton = {};
globalThis.location = {
  href: "https://app.example/page#th_link=handle",
  assign: (url) => visits.push(url),
};
globalThis.history = { replaceState: (state, title, url) => visits.push(`${url}`) };
"""
"""What the README's code finds in a browser, and in an app."""

CLICKS = """
await connectButton.onclick();
const { status } = await publishButton.onclick();
console.log(JSON.stringify({ visits, outcome: outcome.status, status }));
"""


@needs_node
@pytest.mark.skipif(not (CLIENT / "client.js").exists(), reason="make setup builds the client")
def test_the_readmes_code_connects_and_publishes_once(tmp_path: Path) -> None:
    """It finishes, opens the window, waits as Retry-After says, and sends the same draft and key again."""
    [block] = README.blocks("js")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "threads-on-firebase").symlink_to(CLIENT.parent)
    script = tmp_path / "app.mjs"
    script.write_text(f"{BROWSER}{block}{CLICKS}")
    with asking_once_more() as (address, received):
        done = run_node(script, address)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "visits": ["https://app.example/page", "https://window"],
        "outcome": "connected",
        "status": "published",
    }
    assert [name for name, _, _ in received] == ["th_auth_finish", "th_auth_start", *2 * ["publish_threads"]]
    assert received[0][1] == {"handle": "handle"}
    assert received[2][1] == received[3][1]
    assert received[3][1].keys() == {"text", "idempotencyKey"}
    assert received[3][2] - received[2][2] >= timedelta(seconds=1)


@contextmanager
def asking_once_more() -> Iterator[tuple[str, list[tuple[str, Any, datetime]]]]:
    """Serve functions of which publish_threads asks for a repetition first; lend address and requests."""
    received: list[tuple[str, Any, datetime]] = []
    answers = {
        "th_auth_start": {"ok": True, "authUrl": "https://window"},
        "th_auth_finish": {"ok": True, "accountId": "2"},
        "publish_threads": {"ok": True, "status": "published", "id": "1"},
    }

    class Functions(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            name = self.path.strip("/")
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_refused = name == "publish_threads" and name not in [it for it, _, _ in received]
            received.append((name, body, datetime.now(UTC)))
            error = {"code": "threads_unavailable", "message": "Again.", "retryable": True}
            answer = {"ok": False, "error": error} if is_refused else answers[name]
            self.send_response(503 if is_refused else 200)
            self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Functions) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


@every_page
def test_every_python_block_runs(name: str) -> None:
    """Python on a page works as it stands there."""
    for block in PAGES[name].blocks("python"):
        exec(compile(block, name, "exec"), {})  # noqa: S102 - the pages' own code


def test_the_task_on_the_page_is_one() -> None:
    """The task of docs/api.md is read as a post that can be published."""
    [block] = API.blocks("json")
    read = read_task_body(json.loads(block), Counting.UTF8_BYTES)
    assert isinstance(read, Submission)
    assert read.refusal is None
    assert (read.content.media_type, read.account_id) == (options.IMAGE, "17841405793187218")


def test_the_dry_run_on_the_page_is_one() -> None:
    """What docs/options.md shows of a dry run is what the service makes of that post."""
    [block] = OPTIONS.blocks("json")
    shown = json.loads(block)
    assert shown["wouldSend"] == options.parameters({"text": "Hello"})
    assert shown["scopes"] == [*DEFAULT_SCOPES]
    text = {"count": count("Hello"), "limit": options.MAX_TEXT, "counting": Counting.UTF8_BYTES}
    assert shown["counts"] == {"text": text, "links": {"count": 0, "limit": options.MAX_LINKS}}
