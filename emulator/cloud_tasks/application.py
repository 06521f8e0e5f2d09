"""The HTTP side: the controls, and the keys that verify the tokens. Served under the world's lock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from emulator.base.control import PREFIX, make_app
from emulator.base.http_server import with_body_read
from emulator.cloud_tasks.control import control, current_world
from emulator.cloud_tasks.control_deliveries import control_deliveries
from emulator.cloud_tasks.errors import HTTP_STATUSES, no_path, not_served

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Response

    from emulator.cloud_tasks.world import World


#: Paths of Google's REST interface, of any version, with and without it.
_REST = re.compile(r"/(v\d+\w*/)?projects/")


def make_application(world: World) -> WSGIApplication:
    """Return the WSGI application that serves ``world``."""
    app = make_app("emulator.cloud_tasks", world, control, control_deliveries)
    app.register_error_handler(HTTPException, _other)

    @app.get("/certs")
    def keys() -> Response:
        return jsonify(world.signer.keys())

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        """Show where the keys are (OpenID Connect Discovery 1.0, section 3)."""
        return jsonify(
            issuer=world.issuer,
            jwks_uri=f"{world.url}/certs",
            response_types_supported=["id_token"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
        )

    def locked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with_body_read(environ)
        with world.changed:
            response = AnyResponse.from_app(app, environ, buffered=True)
            world.changed.notify_all()
        return response(environ, start_response)

    return locked


def _other(problem: HTTPException) -> tuple[Response, int]:
    """Answer an error of a control as a control, and every other one as Google does.

    Clients that speak REST arrive here: those with ``transport="rest"``, and firebase-admin's task queues,
    whose ``CLOUD_TASKS_EMULATOR_HOST`` leaves the version out.
    """
    if request.path.startswith(PREFIX):
        return jsonify(error=problem.description), problem.code or 500
    is_rest = _REST.match(request.path)
    refused = not_served("REST", f"gRPC, at {current_world().host}") if is_rest else no_path(request.path)
    return jsonify(refused.envelope()), HTTP_STATUSES[refused.code]
