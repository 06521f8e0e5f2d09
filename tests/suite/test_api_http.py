"""docs/api.http: each request works against the local suite, from the first to the last."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests

from emulator.suite.addresses import Addresses
from emulator.suite.ports import Ports
from emulator.suite.suite import Suite
from tests.e2e.world import Threads
from tests.http_file import HttpFile
from tests.openapi import check_answer, operations

TEXT = (Path(__file__).parents[2] / "docs" / "api.http").read_text(encoding="utf-8")


def variables(suite: Addresses) -> dict[str, str]:
    """Return what the file calls the addresses of a suite."""
    return {
        "functions": suite.functions_url,
        "auth": f"http://{suite.auth_host}/identitytoolkit.googleapis.com/v1",
        "threads": suite.threads_url,
        "tasks": suite.tasks_url,
        "page": suite.page_url,
    }


BY_META = {
    ("th_auth_start", "GET"),
    ("th_deauthorize", "POST"),
    ("th_delete_data", "POST"),
    ("th_webhook", "POST"),
}
"""Operations that the file does not send itself: Meta signs them, and the first is the same as its POST."""


def test_it_has_every_function_and_the_addresses_of_the_local_suite() -> None:
    """As it stands, it works after ``make run``. What only Meta can send, the Threads emulator sends."""
    file, usual = HttpFile(TEXT, {}), variables(Addresses(Ports.usual()))
    assert {name: file.variables[name] for name in usual} == usual
    lines = [request.line for request in file.all()]
    shown = {(it[2], it[1]) for line in lines if (it := re.match(r"(\w+) {{functions}}/(\w+)", line))}
    assert shown == {(it.function, it.method) for it in operations()} - BY_META
    for call in ("delete_data", "deauthorize", "deliveries"):
        assert any(line.endswith(call) for line in lines)


def test_every_request_works(suite: Suite) -> None:
    """From the first to the last, each is answered as it says, and as docs/openapi.yaml does."""
    file = HttpFile(TEXT, variables(suite))
    for request in file.all():
        if request.name == "finish":
            file.variables["handle"] = handle(Threads(suite.threads_url), file.answers["start"]["authUrl"])
        answer = file.send(request)
        expected = range(200, 300) if request.expected is None else [request.expected]
        assert answer.status_code in expected, (request.title, answer.text)
        if "{{functions}}" in request.line:
            method, url = request.line.split()
            name = urlsplit(url).path.rpartition("/")[2].removesuffix("-0")
            check_answer(name, method, answer.status_code, answer.headers, answer.text)
        if request.name == "deletion":
            assert answer.json()["confirmation_code"]
        if request.expected == 400 and answer.json()["error"]["code"] == "invalid_request":
            assert answer.json()["error"]["helpUrl"] == f"{suite.page_url}/docs/errors.md#invalid_request"


def handle(threads: Threads, auth_url: str) -> str:
    """Allow the app in the window, and return what is in the browser's address bar afterwards."""
    query = threads.decide(auth_url, account_id=threads.accounts()[0]["id"])
    redirect_uri = dict(parse_qsl(urlsplit(auth_url).query))["redirect_uri"]
    back = requests.get(redirect_uri, params=query, allow_redirects=False, timeout=60)
    return back.headers["Location"].partition("#th_link=")[2]
