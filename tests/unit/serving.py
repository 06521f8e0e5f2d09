"""A handler in its endpoint, with a world instead of the outside."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from flask import Request, Response
from werkzeug.test import EnvironBuilder

from tests.unit.fakes import UID
from threads.answer import Answer
from threads.call import Call
from threads.config import Config
from threads.edge import Endpoint, ErrorAnswer, default_error
from threads.errors import Unauthenticated
from threads.identity import Identity, User
from threads.service import Service
from threads.tools import Tools

if TYPE_CHECKING:
    from threads.store import Store

METHODS = ("GET", "POST", "PATCH", "DELETE")


class Served(Protocol):
    """A world that handlers are served in."""

    config: Config

    @property
    def store(self) -> Any:
        """What they find in Firestore."""

    @property
    def tools(self) -> Tools:
        """What their stories get."""


class Doorkeeper:
    """An identity that takes a user's name for their token."""

    def user(self, authorization: str | None) -> User:
        """Return the user of the header."""
        if not authorization:
            raise Unauthenticated
        return User(authorization.removeprefix("Bearer "))


def serve(
    handler: Callable[[Service, Call], Answer],
    world: Served,
    *,
    error_answer: ErrorAnswer = default_error,
    uid: str | None = UID,
    **request: Any,
) -> Response:
    """Return the answer to a request of a user; None is nobody."""
    service = Service(
        config=world.config,
        identity=lambda: cast("Identity", Doorkeeper()),
        store=lambda: cast("Store", world.store),
        tools=lambda: world.tools,
    )
    headers = {**({"Authorization": f"Bearer {uid}"} if uid else {}), **request.pop("headers", {})}
    endpoint = Endpoint(handler.__name__, METHODS, partial(handler, service), error_answer=error_answer)
    return endpoint.serve(Request(EnvironBuilder(headers=headers, **request).get_environ()))
