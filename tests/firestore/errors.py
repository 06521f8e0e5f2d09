"""The server's refusals."""

from typing import Any, TypeVar

from google.api_core.exceptions import GoogleAPICallError

Refusal = TypeVar("Refusal", bound=GoogleAPICallError)


def refusal(kind: type[Refusal], text: str) -> Refusal:
    """Return an error of this class with this text; the library's constructors have no types."""
    untyped: Any = kind
    error: Refusal = untyped(text)
    return error
