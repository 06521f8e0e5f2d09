"""The controls under ``/_emulator/``: what a test scripts, looks at and resets. JSON in and out.

Who is there to connect is in ``control_people``.

Scopes, times and ids are written as everywhere in the API; a malformed request is a 400 with
``{"error": "<what is wrong>"}`` and changes nothing. Control requests are not in the journal.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request

from emulator.jsonbody import Malformed
from emulator.threads_api.answers import read_answer
from emulator.threads_api.edge import current_view, current_world, json_body
from emulator.threads_api.fields import permalink
from emulator.threads_api.model import Outcome
from emulator.threads_api.outcomes import ERROR_MESSAGES, ScriptedOutcome
from emulator.threads_api.settings import changed_settings

if TYPE_CHECKING:
    from flask import Response

    from emulator.threads_api.model import Container, Post

control = Blueprint("control", __name__, url_prefix="/_emulator")


def _done() -> Response:
    return jsonify({"ok": True})


# ---- the emulator itself


@control.get("/health")
def health() -> Response:
    """Answer when the emulator is up."""
    return jsonify({"ok": True, "url": current_view().base_url, "now": current_world().now().isoformat()})


@control.post("/reset")
def reset() -> Response:
    """Forget everything: back to the first accounts, apps, settings and real time."""
    current_world().reset()
    return _done()


@control.get("/clock")
def show_clock() -> Response:
    """Tell the emulator's time."""
    clock = current_world().clock
    now = clock.now()
    return jsonify({"now": now.isoformat(), "unix": now.timestamp(), "frozen": clock.frozen})


@control.post("/clock")
def set_clock() -> Response:
    """Take ``{advance_seconds?, freeze?: true | false}``; late effects that are due then are carried out."""
    body, world = json_body(), current_world()
    freeze = body.flag("freeze", default=None)
    by = body.seconds("advance_seconds")
    body.finish()
    if freeze is not None:
        (world.clock.freeze if freeze else world.clock.thaw)()
    world.clock.advance(by)
    world.carry_out_late_effects()
    return show_clock()


@control.get("/settings")
def show_settings() -> Response:
    """Show every setting."""
    return jsonify(asdict(current_world().settings))


@control.post("/settings")
def change_settings() -> Response:
    """Take any of the settings, until the next reset."""
    current_world().settings = changed_settings(current_world().settings, json_body().rest())
    return show_settings()


# ---- scripts and the journal


@control.post("/answers")
def script_answer() -> tuple[Response, int]:
    """Script the next matching requests; see ``answers.Answer`` for the fields."""
    answer = read_answer(request.get_json(force=True, silent=True))
    current_world().answers.append(answer)
    return jsonify(answer.as_json()), 201


@control.get("/answers")
def list_answers() -> Response:
    """List the scripts that are not used up."""
    return jsonify({"answers": [answer.as_json() for answer in current_world().answers]})


@control.delete("/answers")
def forget_answers() -> Response:
    """Forget the scripts."""
    current_world().answers.clear()
    return _done()


@control.post("/media")
def script_media() -> tuple[Response, int]:
    """Take ``{media_type?, times?, processing_seconds?, error_message?, never_finishes?}``."""
    body, world = json_body(), current_world()
    media_type = body.text("media_type", None)
    error_message = body.text("error_message", None)
    endless = body.flag("never_finishes", default=False)
    seconds = body.seconds("processing_seconds").total_seconds()
    script = ScriptedOutcome(
        Outcome(None if endless else seconds, error_message), media_type, body.count("times", 1)
    )
    body.finish()
    if media_type not in {None, "IMAGE", "VIDEO", "CAROUSEL"}:
        raise Malformed("media_type must be IMAGE, VIDEO or CAROUSEL")
    if error_message not in (None, *ERROR_MESSAGES):
        raise Malformed(f"error_message must be one of {', '.join(ERROR_MESSAGES)}")
    world.outcomes.append(script)
    return _done(), 201


@control.get("/requests")
def list_requests() -> Response:
    """List the received requests, oldest first."""
    return jsonify({"requests": [entry.as_json() for entry in current_world().journal]})


@control.delete("/requests")
def forget_requests() -> Response:
    """Empty the journal."""
    current_world().journal.clear()
    return _done()


# ---- what came of it


@control.get("/posts")
def list_posts() -> Response:
    """List every post, oldest first, deleted ones too."""
    return jsonify({"posts": [_post_json(post) for post in current_world().posts.values()]})


@control.get("/containers")
def list_containers() -> Response:
    """List every container, oldest first."""
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
