"""The HTTP side: the controls, and the keys that verify the tokens. Served under the world's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import jsonify
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from emulator.base.control import make_app
from emulator.base.http_server import with_body_read
from emulator.cloud_tasks.control import control
from emulator.cloud_tasks.control_deliveries import control_deliveries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Response

    from emulator.cloud_tasks.world import World


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
    return jsonify(error=problem.description), problem.code or 500
