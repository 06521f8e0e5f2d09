"""The HTTP side: the keys of the tokens, and the controls, served under the world's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, jsonify
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from emulator.cloud_tasks.control import WORLD_KEY, control
from emulator.cloud_tasks.control_deliveries import control_deliveries
from emulator.cloud_tasks.errors import Refused
from emulator.http_server import with_body_read
from emulator.jsonbody import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Response

    from emulator.cloud_tasks.world import World


def make_application(world: World) -> WSGIApplication:
    """Return the WSGI application that serves ``world``."""
    app = Flask("emulator.cloud_tasks")
    app.config[WORLD_KEY] = world
    app.json.sort_keys = False  # type: ignore[attr-defined] # Flask's default provider has it
    app.register_blueprint(control)
    app.register_blueprint(control_deliveries)
    app.register_error_handler(Malformed, _malformed)
    app.register_error_handler(Refused, _malformed)
    app.register_error_handler(HTTPException, _other)

    @app.get("/certs")
    def keys() -> Response:
        return jsonify(world.signer.keys())

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        """Say where the keys are (OpenID Connect Discovery 1.0, section 3)."""
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


def _malformed(problem: Exception) -> tuple[Response, int]:
    return jsonify(error=str(problem)), 400


def _other(problem: HTTPException) -> tuple[Response, int]:
    return jsonify(error=problem.description), problem.code or 500
