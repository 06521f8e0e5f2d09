"""Sends what schemathesis makes of docs/openapi.yaml to running functions, and lets it judge the answers.

It sends what the file allows, and what it does not allow: values at and beyond each limit, other types, other
methods, missing and additional members, and calls without the caller's token.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import schemathesis
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder

from tests.hostile.generate import Secrets
from tests.openapi import SPEC, is_body_valid, properties
from threads.posts.options import OPTIONS, TEXT

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
)

REFUSED = ["400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "431", "501"]
"""How a request is refused that the file does not allow. 431 and 501 are the HTTP server's own."""

TIMEOUT = 60.0


class Round(NamedTuple):
    """The requests of one caller to one function."""

    function: str
    token: str | None = None
    bodies: tuple[Mapping[str, Any], ...] = ()
    """The schemas of the bodies that this caller sends. None: those of the file."""
    without: tuple[str, ...] = ()
    """Checks that say nothing here."""


@dataclass
class Conformance:
    """What has come of all requests."""

    cases: Counter[str] = field(default_factory=Counter)
    """How many requests each function got."""
    failures: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many requests there were."""
        return self.cases.total()


def rounds(armed: Secrets) -> tuple[Round, ...]:
    """Return who calls what: a user with one account. What disconnects it comes after what needs it."""
    _nobody, user, _other = armed.described
    task, refreshing, upkeep = armed.tasks
    to_tasks = ("negative_data_rejection",)  # what a task cannot publish is answered 200
    signed = ("ignored_auth",)  # a request is signed for what is in it, so there is no token to leave out
    return (
        Round("th_auth_start", user),
        Round("th_auth_callback"),
        Round("th_auth_finish", user),
        *(Round("publish_threads", user, (post,)) for post in (_named("PublishRequest"), *posts())),
        Round("publish_threads", task, (_named("PublishTask"), _named("OwnTask")), to_tasks),
        Round("th_posts", user),
        Round("th_accounts", user),
        Round("th_accounts", task, (), to_tasks),
        Round("th_refresh_tokens", refreshing),
        Round("th_upkeep", upkeep),
        Round("th_deauthorize", without=signed),
        Round("th_delete_data", without=signed),
        Round("th_webhook", without=signed),
    )


def posts() -> tuple[Mapping[str, Any], ...]:
    """Return the schema of a post for each option, with what the option needs.

    A post with all options at once is mostly refused because they cannot be combined, whatever else it has.
    """
    described = properties("PublishRequest") | {"text": properties("ThreadPost")["text"]}
    beside: dict[str, tuple[str, ...]] = {
        option.name: ("text",) if TEXT in option.kinds else ("imageUrl",) for option in OPTIONS
    }
    beside |= {"imageUrl": (), "videoUrl": (), "media": (), "thread": (), "spoilerMedia": ("videoUrl",)}
    beside |= {"idempotencyKey": ("text",), "queue": ("text",), "dryRun": ("text",), "split": ("text",)}
    return tuple(
        {
            "type": "object",
            "additionalProperties": False,
            "required": list(dict.fromkeys([*others, name])),
            "properties": {it: described[it] for it in (*others, name)},
        }
        for name, others in beside.items()
    )


def _named(name: str) -> Mapping[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def check_contract(urls: Mapping[str, str], armed: Secrets, *, cases: int, seed: int) -> Conformance:
    """Let every caller send up to so many random requests to each operation, beside those at the limits."""
    result = Conformance()
    for one in rounds(armed):
        _run(one, urls[one.function], armed, cases, seed, result)
    return result


def _run(one: Round, url: str, armed: Secrets, cases: int, seed: int, result: Conformance) -> None:
    schema = schemathesis.openapi.from_dict(_part_of(one), config=_config(one, url, cases, seed))
    schema.hook("filter_failure")(_is_meant)
    if one.function == "th_webhook":
        schema.auth.set_from_requests(MetaSignature(armed.app_secret))
    for event in from_schema(schema).execute():
        if isinstance(event, ScenarioFinished):
            result.cases[one.function] += len(event.recorder.interactions)
            result.failures += [f"{event.recorder.label}: {it}" for it in _failures(event.recorder)]
        elif isinstance(event, NonFatalError | FatalError):
            result.failures.append(f"{one.function}: {event}")


def _failures(recorder: ScenarioRecorder) -> Iterator[str]:
    """Yield what is wrong with answers, each with a request that shows it."""
    for checks in recorder.checks.values():
        for check in checks:
            if check.failure_info:
                failure = check.failure_info.failure
                yield f"{failure.title}: {failure.message}\n{check.failure_info.code_sample}"


def _config(one: Round, url: str, cases: int, seed: int) -> SchemathesisConfig:
    checks = {name: {"enabled": name in CHECKS and name not in one.without} for name in CHECKS}
    return SchemathesisConfig.from_dict(
        {
            "base-url": url,
            "seed": seed,
            "request-timeout": TIMEOUT,
            "continue-on-failure": True,
            "headers": {"Authorization": f"Bearer {one.token}"} if one.token else {},
            "checks": {
                "enabled": False,
                **checks,
                "negative_data_rejection": {
                    **checks["negative_data_rejection"],
                    "expected-statuses": REFUSED,
                },
            },
            "generation": {"max-examples": cases, "deterministic": True, "no-shrink": True},
            "phases": {"stateful": {"enabled": False}},
        }
    )


def _part_of(one: Round) -> dict[str, Any]:
    """Return the file with one function only, and with the bodies that its caller sends."""
    path = f"/{one.function}"
    spec = deepcopy({**SPEC, "paths": {path: SPEC["paths"][path]}})
    if one.bodies:
        [content] = spec["paths"][path]["post"]["requestBody"]["content"].values()
        content["schema"] = {"anyOf": deepcopy(list(one.bodies))}
        content.pop("examples")
    return spec


def _is_meant(_context: Any, failure: Any, case: Any, _response: Any) -> bool:
    """Return whether a failure is one. The functions also take what the file only describes in words.

    ``null``, ``false`` and an empty text mean that a member is left out, and an empty parameter the same.
    """
    is_left_out = "" in (case.query or {}).values() or is_body_valid(case)
    return not (type(failure).__name__ == "AcceptedNegativeData" and is_left_out)


class MetaSignature(AuthBase):
    """Signs what is sent as Meta does."""

    def __init__(self, secret: str) -> None:
        """Take the app's secret."""
        self._secret = secret.encode()

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request."""
        body = request.body or b""
        digest = hmac.new(self._secret, body if isinstance(body, bytes) else body.encode(), hashlib.sha256)
        request.headers["X-Hub-Signature-256"] = f"sha256={digest.hexdigest()}"
        return request
