"""The browser's side of Threads' OAuth flow: the address of the authorization window.

Source: https://developers.facebook.com/docs/threads/get-started/get-access-tokens-and-permissions
"""

from collections.abc import Collection
from urllib.parse import quote, urlencode

from threads.config import Config


def authorize_url(config: Config, *, state: str, scopes: Collection[str]) -> str:
    """Return the authorization window's address, scopes separated by literal commas (RFC 6749, 4.1.1)."""
    query = {
        "client_id": config.app_id,
        "redirect_uri": config.redirect_uri,
        "response_type": "code",
        "scope": ",".join(scopes),
        "state": state,
    }
    return f"{config.authorize_url}?{urlencode(query, safe=',', quote_via=quote)}"
