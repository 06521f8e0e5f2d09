"""docs/openapi.yaml says what the functions do: no function, member, limit, error or word more or less."""

import ast
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Response
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests import openapi
from tests.codes import PACKAGE, error_classes, rule_codes
from tests.openapi import SCHEMAS, SPEC, check_answer, operations, properties, resolved, wrong_with
from tests.unit.all_functions import POST, call, put, world
from tests.unit.serving import endpoints
from tests.unit.support import SECRET
from tests.unit.windows import CODE, Windows
from tests.unit.world import UID
from threads.accounts import account, changes
from threads.base.config import Counting
from threads.base.scopes import KNOWN_SCOPES
from threads.connections import states
from threads.functions import accounts, auth, refresh
from threads.posts import change, option_values, options, submission, thread_option
from threads.posts.ledger import TERMINAL, State


def test_it_is_openapi() -> None:
    """It is a valid OpenAPI 3.1 document."""
    assert [*OpenAPIV31SpecValidator(dict(SPEC)).iter_errors()] == []


def test_it_has_the_functions_and_their_methods(app: ModuleType) -> None:
    """Every method of every function is described, and no other. ``app`` marks what pages may call."""
    there = endpoints(app).values()
    served = {(it.name, method): bool(it.allowed_origins) for it in there for method in it.methods}
    described = {(it.function, it.method): "app" in it.described["tags"] for it in operations()}
    assert described == served


# --- words: enumerations, codes, limits ---------------------------------------------------------------------

ENUMS: Mapping[str, object] = {
    "AuthMode": states.MODES,
    "Scope": KNOWN_SCOPES,
    "PostStatus": ("scheduled", "processing", "deleted", *(state.lower() for state in TERMINAL)),
    "NextAction": ("wait", "resume", *(kind.next_action for kind in error_classes() if kind.next_action)),
    "AccountStatus": (account.ACTIVE, account.RECONNECT_REQUIRED),
    "ReplyControl": option_values.REPLY_CONTROLS,
    "TextStyle": option_values.STYLES,
    "RuleCode": rule_codes(),
    "Account.statusReason": (
        changes.TOKEN_REJECTED,
        changes.TOKEN_EXPIRED,
        changes.ANOTHER_PERSON,
        changes.DISCONNECTING,
    ),
    "DeletionStatusAnswer.status": (states.RUNNING, states.DONE),
    "ForgetAnswer.status": (states.RUNNING,),
    "Counts.text.counting": tuple(Counting),
}
"""What the code itself knows, by schema and member."""


def at(path: str) -> Any:
    """Return the schema of a member."""
    name, *members = path.split(".")
    schema = SCHEMAS[name]
    for member in members:
        schema = resolved(_parts(schema)[member])
    return schema


def _parts(schema: Any) -> dict[str, Any]:
    schemas = [schema, *map(resolved, schema.get("allOf", ())), *map(resolved, schema.get("anyOf", ()))]
    return {name: it for one in schemas for name, it in one.get("properties", {}).items()}


@pytest.mark.parametrize("path", ENUMS)
def test_it_has_the_words_of_the_code(path: str) -> None:
    """An enumeration is the code's own."""
    schema = at(path)
    words = schema.get("enum", [schema.get("const")])
    assert sorted(words) == sorted({*map(str, ENUMS[path])})  # type: ignore[call-overload]
    assert len(words) == len({*words})


def test_it_has_the_errors_and_their_statuses() -> None:
    """Each error is in the enumeration, and in the answer with its status; broken rules are answered 400."""
    rules, others = SCHEMAS["ErrorCode"]["anyOf"]
    known = {(kind.status, kind.code) for kind in error_classes()} - {(400, "invalid_request")}
    assert {*others["enum"]} == {code for _, code in known}
    described = {}
    for name, status in STATUSES.items():
        _, narrowed = resolved(ANSWERS[name])["allOf"]
        code = narrowed["properties"]["error"]["properties"]["code"]
        if status == 400:
            assert code["anyOf"][0] == rules
            code = code["anyOf"][1]
        described[status] = code["enum"]
    assert sorted((status, code) for status, codes in described.items() for code in codes) == sorted(known)


def test_a_page_and_a_task_get_the_same_errors() -> None:
    """An error that a person sees as a page is the same for a program. A task gets 503 instead of 429."""
    pages = {name for name in ANSWERS if name.endswith("Page")}
    assert {name: ANSWERS[name] for name in pages} == {
        name: ANSWERS[name.removesuffix("Page")] for name in pages
    }
    assert ANSWERS["UnavailableOrTask"] == {"anyOf": [ANSWERS["Unavailable"], ANSWERS["TooManyRequests"]]}
    assert {*ANSWERS} == {*STATUSES, *pages, "UnavailableOrTask"}


ANSWERS = {
    name: it["content"]["application/json"]["schema"] for name, it in SPEC["components"]["responses"].items()
}
"""The schemas of the answers that are errors, by the names of their components."""

STATUSES = {
    "BadRequest": 400,
    "Unauthenticated": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "Conflict": 409,
    "PayloadTooLarge": 413,
    "UnsupportedMediaType": 415,
    "Unprocessable": 422,
    "TooManyRequests": 429,
    "InternalError": 500,
    "Unavailable": 503,
}


def test_an_answer_is_named_after_its_status() -> None:
    """Every operation has the answers of errors under their own statuses."""
    for operation in operations():
        for status, answer in operation.described["responses"].items():
            name = str(answer.get("$ref", "")).rpartition("/")[2].removesuffix("Page").removesuffix("OrTask")
            assert not name or STATUSES[name] == int(status), (operation.function, status)


LIMITS: Mapping[str, int] = {
    "PublishRequest.idempotencyKey maxLength": submission.MAX_KEY,
    "PublishRequest.accountId maxLength": submission.MAX_KEY,
    "PublishRequest.userId maxLength": submission.MAX_KEY,
    "PublishTask.postSubmissionId maxLength": submission.MAX_KEY,
    "PublishTask.userId maxLength": submission.MAX_KEY,
    "OwnTask.userId maxLength": submission.MAX_KEY,
    "RepostRequest.accountId maxLength": submission.MAX_KEY,
    "AuthStartRequest.returnTo maxLength": auth.MAX_PARAMETER,
    "AuthStartRequest.accountId maxLength": auth.MAX_PARAMETER,
    "AuthFinishRequest.handle maxLength": auth.MAX_PARAMETER,
    "AccountChangeRequest.accountId maxLength": accounts.MAX_ACCOUNT_ID,
    "RefreshTask.userId maxLength": refresh.MAX_ID,
    "SweepTask.after.path maxLength": refresh.MAX_PATH,
    "PostOptions.text maxLength": option_values.MAX_BODY_TEXT,
    "ThreadPost.text maxLength": options.MAX_TEXT,
    "MediaUrl maxLength": option_values.MAX_URL,
    "WebUrl maxLength": option_values.MAX_URL,
    "Gif.id maxLength": option_values.MAX_URL,
    "PostOptions.altText maxLength": option_values.MAX_ALT_TEXT,
    "PostOptions.media minItems": option_values.CAROUSEL_SIZES[0],
    "PostOptions.media maxItems": option_values.CAROUSEL_SIZES[-1],
    "PostOptions.poll minItems": option_values.POLL_SIZES[0],
    "PostOptions.poll maxItems": option_values.POLL_SIZES[-1],
    "PostOptions.spoilers maxItems": option_values.MAX_SPOILERS,
    "PostOptions.countries maxItems": option_values.MAX_COUNTRIES,
    "TextAttachment.plaintext maxLength": option_values.MAX_ATTACHED,
    "TextRange.offset maximum": option_values.MAX_BODY_TEXT,
    "TextRange.length maximum": option_values.MAX_BODY_TEXT,
    "Thread maxItems": thread_option.MAX_THREAD,
    "Moment maxLength": 64,
}


@pytest.mark.parametrize("limit", LIMITS)
def test_it_has_the_limits_of_the_code(limit: str) -> None:
    """A limit is the constant's."""
    path, _, keyword = limit.partition(" ")
    assert at(path)[keyword] == LIMITS[limit]


# --- what may be sent ---------------------------------------------------------------------------------------


TAKEN: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "PublishRequest": ("publish_threads", "POST", {}),
    "ChangeRequest": ("th_posts", "PATCH", {"postId": POST}),
    "ResumeRequest": ("th_posts", "POST", {"postId": POST, "resume": True}),
    "RepostRequest": ("th_posts", "POST", {}),
    "AccountChangeRequest": ("th_accounts", "PATCH", {}),
    "AuthStartRequest": ("th_auth_start", "POST", {}),
    "AuthFinishRequest": ("th_auth_finish", "POST", {}),
    "RefreshTask": ("th_refresh_tokens", "POST", {"userId": UID}),
    "SweepTask": ("th_refresh_tokens", "POST", {"after": {}}),
}
"""The schemas of bodies of which a function knows every member, and what makes a body one of them."""

QUERIES = {("th_posts", "GET"), ("th_posts", "DELETE"), ("th_accounts", "DELETE"), ("th_auth_start", "GET")}
"""The operations that refuse a parameter that they do not know."""

CHANGES_KIND = {"resume", "after", "thread", "mode", "verifier"}
"""Members that make a body another kind of request, or leave nothing else to be looked at."""


def all_names() -> list[str]:
    """Return every word of the source that could be the name of a member, and every name in the file."""
    words = {
        node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = {name for schema in SCHEMAS for name in properties(schema)}
    named |= {it["name"] for one in operations() for it in map(resolved, one.described.get("parameters", ()))}
    return sorted(word for word in words | named if re.fullmatch(r"\w{2,40}", word, re.ASCII))


def known_members(
    function: str, method: str, base: Mapping[str, Any], place: str, by: str = "user"
) -> set[str]:
    """Return the names that a function takes: it does not complain that it does not know them."""
    refused: set[str] = set()
    names = [name for name in all_names() if name not in base and name not in CHANGES_KIND]
    for number in range(0, len(names), 30):
        some = dict.fromkeys(names[number : number + 30], "x")
        made_up = world()
        put(made_up)
        answer = call(made_up, function, by=by, method=method, **{place: {**base, **some}}).get_json() or {}
        refused |= {
            it["field"]
            for it in answer["error"].get("details", ())
            if it["code"] in {"unknown_field", "not_idempotent"}
        }
    return {*names} - refused


@pytest.mark.parametrize("name", TAKEN)
def test_a_body_has_the_members_that_the_function_knows(name: str) -> None:
    """Of all words in the source, the function takes those that the schema has. It refuses the others."""
    function, method, base = TAKEN[name]
    described = {*properties(name)} - base.keys() - CHANGES_KIND
    assert known_members(function, method, base, "json") == described
    assert base.keys() <= properties(name).keys()


@pytest.mark.parametrize(("function", "method"), sorted(QUERIES))
def test_a_query_has_the_parameters_that_the_function_knows(function: str, method: str) -> None:
    """The same of the parameters in a query."""
    [described] = [it.described for it in operations() if (it.function, it.method) == (function, method)]
    names = {it["name"] for it in map(resolved, described["parameters"]) if it["in"] == "query"}
    callers = ["user", "google"] if function == "th_accounts" else ["user"]
    known = (known_members(function, method, {}, "query_string", by) for by in callers)
    assert set().union(*known) == names - CHANGES_KIND


def test_members_that_change_the_kind_of_a_request_are_the_codes() -> None:
    """What the tests above leave out is in the tables of the code."""
    assert {*properties("PublishRequest")} == {*options.BY_NAME, *submission.WEB_FIELDS}
    assert {*properties("ChangeRequest")} == {"postId", "scheduledTime", *change.WHOLE, *options.BY_NAME}
    assert {*properties("ThreadPost")} == {*properties("PostOptions")} == {*options.BY_NAME}
    assert {*properties("AuthStartRequest")} == {*auth.START_PARAMETERS}
    assert {*properties("AuthFinishRequest")} == {*auth.FINISH_PARAMETERS}
    assert {*properties("AccountChangeRequest")} == {*accounts.CHOICES}


# --- examples -----------------------------------------------------------------------------------------------


def examples(described: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, Any, str]]:
    """Yield the examples of a body or an answer: name, value, and where the schema is."""
    for kind, content in described.get("content", {}).items():
        place = f"{pointer}/content/{kind.replace('/', '~1')}"
        for name, example in content.get("examples", {}).items():
            yield name, example["value"], f"{place}/schema"


def test_every_example_follows_its_schema() -> None:
    """Whatever the file shows is as it says: requests, answers, parameters and values."""
    shown = []
    for operation in operations():
        pointer = operation.pointer
        shown += [*examples(operation.described.get("requestBody", {}), f"{pointer}/requestBody")]
        for status, answer in operation.described["responses"].items():
            shown += [*examples(answer, f"{pointer}/responses/{status}")]
        for number, parameter in enumerate(operation.described.get("parameters", ())):
            if "example" in parameter:
                shown.append(("", parameter["example"], f"{pointer}/parameters/{number}/schema"))
    for name, schema in SCHEMAS.items():
        shown += [(name, it, f"/components/schemas/{name}") for it in schema.get("examples", ())]
    assert len(shown) > 40
    wrong = [(pointer, name, wrong) for name, it, pointer in shown if (wrong := wrong_with(it, pointer))]
    assert wrong == []


REQUESTS = [
    pytest.param(operation, name, value, id=f"{operation.described['operationId']}-{name}")
    for operation in operations()
    for name, value, _ in examples(operation.described.get("requestBody", {}), "")
]


@pytest.mark.parametrize(("operation", "name", "value"), REQUESTS)
def test_every_example_of_a_request_is_accepted(operation: openapi.Operation, name: str, value: Any) -> None:
    """The functions carry out what the file shows, and answer as it says."""
    made_up = world()
    if operation.function == "th_posts":
        is_out = name == "repost"
        put(made_up, **({"media_id": "17900000000000001", "state": State.PUBLISHED} if is_out else {}))
    if operation.function == "th_auth_finish":
        value = {**value, "handle": handle(made_up, name)}
    by = "google" if name == "task" else "nobody" if name == "signIn" else "user"
    headers = {"X-Hub-Signature-256": signature(value)} if operation.function == "th_webhook" else {}
    answer = call(
        made_up,
        operation.function,
        by=by,
        method=operation.method,
        data=json.dumps(value),
        headers={"Content-Type": "application/json", **headers},
    )
    assert answer.status_code < 400, answer.get_data(as_text=True)
    check(operation, answer)
    told = answer.get_json() or {}
    assert told["ok"] is True
    wanted = {"schedule": "scheduled", "queue": "scheduled", "thread": "published", "task": "published"}
    assert told.get("status") == wanted.get(name, told.get("status"))


def handle(made_up: Windows, name: str) -> str:
    """Walk through the window with the file's own example of beginning; return the handle."""
    [start] = [it for it in operations() if it.described["operationId"] == "startAuth"]
    begun = start.described["requestBody"]["content"]["application/json"]["examples"][name]["value"]
    by = "nobody" if name == "signIn" else "user"
    answer = call(made_up, "th_auth_start", by=by, method="POST", json=begun).get_json() or {}
    state = dict(parse_qsl(urlsplit(answer["authUrl"]).query))["state"]
    back = call(made_up, "th_auth_callback", query_string={"state": state, "code": CODE})
    return back.headers["Location"].partition("#th_link=")[2]


def signature(value: Any) -> str:
    """Sign a notification as Meta does."""
    return f"sha256={hmac.new(SECRET.encode(), json.dumps(value).encode(), hashlib.sha256).hexdigest()}"


def check(operation: openapi.Operation, answer: Response) -> None:
    """Fail if the file does not promise an answer."""
    text = answer.get_data(as_text=True)
    check_answer(operation.function, operation.method, answer.status_code, dict(answer.headers), text)


@pytest.mark.parametrize(
    ("status", "headers", "body", "wrong"),
    [
        (200, {}, {"ok": True, "posts": [{}]}, "posts/0"),
        (200, {}, {"ok": True}, ""),
        (418, {}, {}, "is not described"),
        (200, {"Content-Type": "text/html"}, {}, "text/html"),
        (
            401,
            {},
            {"ok": False, "error": {"code": "unauthenticated", "message": "", "retryable": False}},
            "WWW",
        ),
        (404, {}, {"ok": False, "error": {"code": "cancelled", "message": "", "retryable": False}}, "error"),
        (
            503,
            {},
            {"ok": False, "error": {"code": "service_unavailable", "message": "", "retryable": True}},
            "Re",
        ),
    ],
)
def test_an_answer_that_is_not_promised_is_found(
    status: int, headers: dict[str, str], body: dict[str, Any], wrong: str
) -> None:
    """The check that every answer of the end-to-end tests goes through has teeth."""
    given = {"Content-Type": "application/json", **headers}
    with pytest.raises(AssertionError, match=wrong):
        check_answer("th_posts", "GET", status, given, json.dumps(body))
