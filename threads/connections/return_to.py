"""Where the browser goes after the authorization window: how the URL is checked and gets the outcome."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote_plus, urlencode

from threads.base.errors import InvalidReturnTo

MAX_LENGTH = 2000
"""Longer URLs do not survive every proxy and browser."""

OUTCOME_PARAMETERS = ("threads", "accountId", "refused", "error")
"""What the callback adds to the query. If a page connects twice, the older values are replaced."""

_OUTCOME_FRAGMENT = "threads"
"""The fragment of a URL that has none. Otherwise a browser keeps that of the page before: Threads' ``#_``."""

_HANDLE_FRAGMENT = "th_link"
"""The name of the handle that the app confirms. It is in the fragment, because no server, log or referrer
sees a fragment."""

_PLAIN_URL = re.compile(r"[!-\[\]-~]+", re.ASCII)
"""Printable ASCII without space and backslash. Every URL parser reads these the same way."""


class ReturnTo(NamedTuple):
    """An absolute URL on one of the app's own origins."""

    url: str

    def with_outcome(self, outcome: Mapping[str, str]) -> str:
        """Return the URL with the outcome in its query, and with a fragment. The rest is unchanged."""
        fragment = self.url.partition("#")[2]
        return f"{self._with_query(urlencode(outcome, quote_via=quote))}#{fragment or _OUTCOME_FRAGMENT}"

    def with_handle(self, handle: str) -> str:
        """Return the URL with a handle as its fragment, and without an older outcome."""
        return f"{self._with_query()}#{_HANDLE_FRAGMENT}={handle}"

    def _with_query(self, *added: str) -> str:
        """Return the URL without its fragment. What is added replaces an older outcome in its query."""
        path, _, query = self.url.partition("#")[0].partition("?")
        kept = [
            part
            for part in query.split("&")
            if part and unquote_plus(part.partition("=")[0]) not in OUTCOME_PARAMETERS
        ]
        return "?".join(filter(None, (path, "&".join([*kept, *added]))))


def validate_return_to(unverified: str, allowed_origins: Collection[str]) -> ReturnTo:
    """Check the URL to which an app wants its user to return.

    It must begin with an allowed origin, character by character. After the origin comes its path, query or
    fragment, or nothing. It must be plain ASCII, so that no parser can read another host from it.

    Raises:
        InvalidReturnTo: the URL may not be used; the message says why.

    """
    if not allowed_origins:
        raise InvalidReturnTo("returnTo cannot be used: this service has no ALLOWED_ORIGINS.")
    if len(unverified) > MAX_LENGTH:
        raise InvalidReturnTo(f"returnTo has {len(unverified)} characters; at most {MAX_LENGTH} are allowed.")
    if not _PLAIN_URL.fullmatch(unverified):
        raise InvalidReturnTo("returnTo may hold printable ASCII only, and no backslash: percent-encode it.")
    for origin in allowed_origins:
        rest = unverified.removeprefix(origin)
        if rest != unverified and (not rest or rest[0] in "/?#"):
            return ReturnTo(unverified if rest.startswith("/") else f"{origin}/{rest}")
    raise InvalidReturnTo
