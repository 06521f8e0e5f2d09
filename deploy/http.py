"""What neither gcloud nor the Firebase CLI can say: the rules that are in force, and what a URL answers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import requests

from deploy.tools import Command, ToolError, Tools

TIMEOUT_SECONDS = 30

RULES_URL = "https://firebaserules.googleapis.com"

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


def _get(url: str, token: str) -> Any:
    command = Command(("GET", url))
    try:
        answer = requests.get(
            url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        raise ToolError(command, type(error).__name__) from None
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return None
    if answer.status_code != HTTPStatus.OK:
        raise ToolError(command, f"HTTP status {answer.status_code}")
    return answer.json()
