"""Where the browser goes after the authorization window: checking it, and adding the outcome to it."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote_plus, urlencode

from threads.errors import InvalidReturnTo

MAX_LENGTH = 2000
"""Longer URLs do not survive every proxy and browser."""

OUTCOME_PARAMETERS = ("threads", "accountId", "refused", "error")
"""What the callback adds to the query; older values of a page that connects twice are replaced."""

_OUTCOME_FRAGMENT = "threads"
"""A browser carries the fragment of the page before over a redirect without one; Threads' is ``#_``."""

_LINK_FRAGMENT = "th_link"
"""Names the handle that the app confirms. In the fragment, as no server, log or referrer sees one."""

_PLAIN_URL = re.compile(r"[!-\[\]-~]+", re.ASCII)
"""Printable ASCII without space and backslash: what every URL parser reads the same way."""


class ReturnTo(NamedTuple):
    """An absolute URL on one of the app's own origins."""

    url: str

    def with_outcome(self, outcome: Mapping[str, str]) -> str:
        """Return the URL with the outcome in its query and a fragment of its own, the rest unchanged."""
        fragment = self.url.partition("#")[2]
        return f"{self._with_query(urlencode(outcome, quote_via=quote))}#{fragment or _OUTCOME_FRAGMENT}"

    def with_link(self, handle: str) -> str:
        """Return the URL with a handle for its fragment, and without an older outcome."""
        return f"{self._with_query()}#{_LINK_FRAGMENT}={handle}"

    def _with_query(self, *added: str) -> str:
        """Return the URL without its fragment; an older outcome in its query gives way to what is added."""
        path, _, query = self.url.partition("#")[0].partition("?")
        kept = [
            part
            for part in query.split("&")
            if part and unquote_plus(part.partition("=")[0]) not in OUTCOME_PARAMETERS
        ]
        return "?".join(filter(None, (path, "&".join([*kept, *added]))))


def validate_return_to(unverified: str, allowed_origins: Collection[str]) -> ReturnTo:
    """Check where an app wants its user back.

    The text must begin with an allowed origin, letter for letter, followed by its path, query, fragment or
    end, and be plain: then no parser can read another host out of it.

    Raises:
        InvalidReturnTo: it may not be used; the message says why.

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
