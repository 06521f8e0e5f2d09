"""What neither gcloud nor the Firebase CLI can say: the rules that are in force, and what a URL answers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import requests

from deploy.tools import Command, ToolError, Tools

TIMEOUT_SECONDS = 30

RULES_URL = "https://firebaserules.googleapis.com"

THREADS_URL = "https://graph.threads.net"

RULES_VARIABLE = "FIREBASE_RULES_URL"
"""Another address for it. The Firebase CLI reads the same variable (lib/api.js)."""


def rules_in_force(tools: Tools, environ: Mapping[str, str]) -> str | None:
    """Return the Firestore rules that are in force, or None if the project has none.

    Raises:
        ToolError: they cannot be read.

    Source: https://firebase.google.com/docs/reference/rules/rest/v1/projects.releases/get

    """
    token = tools.read(Command(("gcloud", "auth", "print-access-token", "--quiet"))).strip()
    base = environ.get(RULES_VARIABLE) or RULES_URL
    release = _get(f"{base}/v1/projects/{tools.project}/releases/cloud.firestore", token)
    if release is None:
        return None
    ruleset = _get(f"{base}/v1/{release['rulesetName']}", token) or {}
    return "\n".join(str(file["content"]) for file in ruleset["source"]["files"])


class Answer(NamedTuple):
    """What a function has answered."""

    status: int
    headers: Mapping[str, str]
    error_code: str
    """The service's own code of an error; empty if something else answers."""


def fetch(method: str, url: str) -> Answer:
    """Call a function as a stranger does. Raises ToolError if nothing answers."""
    answer = _request(method, url)
    try:
        code = answer.json()["error"]["code"]
    except (ValueError, LookupError, TypeError):
        code = ""
    return Answer(answer.status_code, answer.headers, str(code))


def app_is_known(graph_url: str | None, app_id: str, secret: str) -> bool:
    """Return whether Threads accepts an app's id with this secret.

    Raises:
        ToolError: Threads cannot be asked.

    Source: https://developers.facebook.com/docs/threads/get-started/app-access-tokens

    """
    given = {"client_id": app_id, "client_secret": secret, "grant_type": "client_credentials"}
    url = f"{(graph_url or THREADS_URL).rstrip('/')}/oauth/access_token"
    status = _request("GET", url, params=given).status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ToolError(Command(("GET", url)), f"HTTP status {status}")
    return status == HTTPStatus.OK


def _request(method: str, url: str, **more: Any) -> requests.Response:
    """Send a request. Raises ToolError, whose text has no parameters: one of them may be a secret."""
    try:
        return requests.request(method, url, timeout=TIMEOUT_SECONDS, allow_redirects=False, **more)
    except requests.RequestException as error:
        raise ToolError(Command((method, url)), type(error).__name__) from None


def _get(url: str, token: str) -> Any:
    answer = _request("GET", url, headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return None
    if answer.status_code != HTTPStatus.OK:
        raise ToolError(Command(("GET", url)), f"HTTP status {answer.status_code}")
    return answer.json()
