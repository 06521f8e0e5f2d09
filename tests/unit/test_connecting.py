"""What th_auth_callback takes for somebody's visit."""

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from threads.call import Call
from threads.connecting import _check_navigation
from threads.errors import Forbidden


def call(**headers: str) -> Call:
    """Return a request with these headers, their underscores as hyphens."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Call(Request(EnvironBuilder(headers=named).get_environ()))


VISITS: list[dict[str, str]] = [
    {},
    {"Sec_Fetch_Dest": "document", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Dest": "empty", "Sec_Fetch_Mode": "cors"},
    {"Purpose": "", "Sec_Purpose": ""},
    {"Sec_Fetch_User": "?1"},
]


@pytest.mark.parametrize("headers", VISITS)
def test_a_visit_passes(headers: dict[str, str]) -> None:
    """A navigation of a browser, old or new, and the request of a program are served."""
    _check_navigation(call(**headers))


NO_VISITS: list[dict[str, str]] = [
    {"Sec_Purpose": "prefetch"},
    {"Sec_Purpose": "prefetch;prerender"},
    {"Sec_Purpose": "prefetch;anonymous-client-ip"},
    {"Sec_Purpose": "Prefetch"},
    {"Purpose": "prefetch"},
    {"Purpose": "preview"},
    {"X_Purpose": "preview"},
    {"X_Moz": "prefetch"},
    {"Sec_Purpose": "prefetch", "Sec_Fetch_Dest": "document"},
    *(
        {"Sec_Fetch_Dest": kind}
        for kind in ("iframe", "frame", "embed", "object", "image", "script", "style")
    ),
    {"Sec_Fetch_Dest": ""},
]


@pytest.mark.parametrize("headers", NO_VISITS)
def test_what_is_no_visit_does_not(headers: dict[str, str]) -> None:
    """A page that is loaded ahead of time or into another one is refused, and told how to open it."""
    with pytest.raises(Forbidden, match="window of its own"):
        _check_navigation(call(**headers))
