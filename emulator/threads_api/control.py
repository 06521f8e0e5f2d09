"""The controls for scripted answers, media and requests, and those that show posts and containers.

The shared controls are in ``base.control``, those for apps and accounts in ``control_people``, those for
callbacks and webhooks in ``control_deliveries``. Scopes, times and ids look as in the API. Requests to
controls are not in the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request

from emulator.base.control import add_list, done, json_body, make_controls
from emulator.base.json_body import JsonBody, Malformed
from emulator.threads_api.answers import read_answer
from emulator.threads_api.causes import read_media_type
from emulator.threads_api.edge import current_view, current_world
from emulator.threads_api.fields import permalink
from emulator.threads_api.model import Outcome, ScriptedOutcome
from emulator.threads_api.named_errors import NAMED_ERRORS, provoke
from emulator.threads_api.outcomes import ERROR_MESSAGES

if TYPE_CHECKING:
    from emulator.threads_api.model import Container, Post

control = make_controls()
add_list(control, "answers", lambda world: world.answers)
add_list(control, "requests", lambda world: world.journal)


@control.get("/health")
def health() -> Response:
    """Answer as soon as the emulator is up."""
    return jsonify({"ok": True, "url": current_view().base_url, "now": current_world().now().isoformat()})


@control.get("/ca")
def show_authority() -> Response:
    """Show the certificate that clients of the proxy must trust, as PEM."""
    if (certificate := current_world().authority) is None:
        raise Malformed("there is no proxy: start the emulator with --proxy")
    return Response(certificate, mimetype="application/x-pem-file")


@control.get("/errors")
def list_errors() -> Response:
    """List the errors that have a name; see ``named_errors``."""
    return jsonify({"errors": [error.as_json() for error in NAMED_ERRORS.values()]})


@control.post("/answers")
def script_answer() -> tuple[Response, int]:
    """Script the answer to the next matching requests, see ``answers.Answer``; or provoke a ``name``."""
    posted = request.get_json(force=True, silent=True)
    if isinstance(posted, dict) and "name" in posted:
        return jsonify(provoke(current_world(), JsonBody(posted)).as_json()), 201
    answer = read_answer(posted)
    current_world().answers.append(answer)
    return jsonify(answer.as_json()), 201


@control.post("/media")
def script_media() -> tuple[Response, int]:
    """Take ``{media_type?, times?, processing_seconds?, error_message?, never_finishes?}``."""
    body, world = json_body(), current_world()
    media_type = read_media_type(body)
    error_message = body.text("error_message", None)
    endless = body.flag("never_finishes", default=False)
    seconds = body.seconds("processing_seconds").total_seconds()
    script = ScriptedOutcome(
        Outcome(None if endless else seconds, error_message), media_type, body.count("times", 1)
    )
    body.finish()
    if error_message not in (None, *ERROR_MESSAGES):
        raise Malformed(f"error_message must be one of {', '.join(ERROR_MESSAGES)}")
    world.outcomes.append(script)
    return done(), 201


@control.get("/posts")
def list_posts() -> Response:
    """List every post, deleted posts too, the oldest first."""
    return jsonify({"posts": [_post_json(post) for post in current_world().posts.values()]})


@control.get("/containers")
def list_containers() -> Response:
    """List every container, the oldest first."""
    return jsonify({"containers": [_container_json(one) for one in current_world().containers.values()]})


def _post_json(post: Post) -> dict[str, Any]:
    return {
        "id": post.id,
        "account_id": post.account_id,
        "container_id": post.container_id,
        "permalink": permalink(current_view(), post),
        "published_at": post.published_at.isoformat(),
        "deleted_at": post.deleted_at.isoformat() if post.deleted_at else None,
        "content": post.content,
    }


def _container_json(container: Container) -> dict[str, Any]:
    return {
        "id": container.id,
        "account_id": container.account_id,
        "status": container.status(current_world().now()),
        "error_message": container.error_message,
        "media_id": container.media_id,
        "created_at": container.created_at.isoformat(),
        "content": container.content,
    }
