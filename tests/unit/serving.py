"""A handler in its endpoint, as the service serves it: only an ID token is a user's name here."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from tests.unit.world import UID, World
from threads.base.errors import Unauthenticated
from threads.functions.callers import Callers, User
from threads.functions.endpoint import Endpoint, ErrorAnswer, default_error
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse

METHODS = ("GET", "POST", "PATCH", "DELETE")

Parts = TypeVar("Parts")
Caller = TypeVar("Caller")


class Door(Callers):
    """The service's own checks of callers, but a user's ID token is the user's name."""

    def user(self, request: HttpRequest) -> User:
        """Return the user that the token names."""
        uid = request.flask.headers.get("Authorization", "").removeprefix("Bearer ")
        if not uid:
            raise Unauthenticated
        return User(uid)


def door(world: World) -> Door:
    """Return the checks, with the configuration of a world."""
    return Door(world.config, lambda: pytest.fail("Firebase was asked"))


def serve(
    handler: Callable[[Parts, HttpRequest, Caller], HttpResponse],
    parts: Parts,
    caller: Callable[[HttpRequest], Caller],
    *,
    uid: str | None = UID,
    error_answer: ErrorAnswer = default_error,
    **request: Any,
) -> Response:
    """Return what a function answers to a user's request; without a ``uid`` it carries no token."""
    endpoint = Endpoint(
        name=handler.__name__,
        methods=METHODS,
        caller=caller,
        handler=partial(handler, parts),
        error_answer=error_answer,
    )
    headers = {**({"Authorization": f"Bearer {uid}"} if uid else {}), **request.pop("headers", {})}
    return endpoint.serve(Request(EnvironBuilder(headers=headers, **request).get_environ()))


def endpoints(app: ModuleType) -> dict[str, Endpoint[Any]]:
    """Return the endpoints of ``threads.app`` by the names under which it has them."""
    return {name: value for name, value in vars(app).items() if isinstance(value, Endpoint)}
