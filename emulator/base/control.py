"""The controls that both emulators have under ``/_emulator/``: reset, clock and settings. JSON in and out.

Each emulator adds its own controls to them. A malformed request is answered 400 with
``{"error": "<what is wrong>"}`` and changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol, cast

from flask import Blueprint, Flask, current_app, jsonify, request

from emulator.base.json_body import JsonBody, Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Response

    from emulator.base.world import World

PREFIX = "/_emulator"

_WORLD = "EMULATED_WORLD"


class Shown(Protocol):
    """An entry of a list that a control shows."""

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the control shows it."""


class Entries(Protocol):
    """A list of a world that a control shows and empties."""

    def __iter__(self) -> Iterator[Shown]:
        """Iterate over the entries, the oldest first."""

    def clear(self) -> None:
        """Empty the list."""


def make_app(name: str, world: World[Any], *blueprints: Blueprint) -> Flask:
    """Return the Flask application that serves ``world`` with the routes of the blueprints."""
    app = Flask(name)
    app.config[_WORLD] = world
    app.json.sort_keys = False  # type: ignore[attr-defined] # Flask's default provider has it
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    app.register_error_handler(Malformed, answer_malformed)
    return app


def make_controls() -> Blueprint:
    """Return a blueprint with the shared controls, to which an emulator adds its own."""
    control = Blueprint("control", __name__, url_prefix=PREFIX)
    control.post("/reset")(reset)
    control.get("/clock")(show_clock)
    control.post("/clock")(set_clock)
    control.get("/settings")(show_settings)
    control.post("/settings")(change_settings)
    return control


def add_list(
    control: Blueprint,
    name: str,
    shown: Callable[[Any], Entries],
    *emptied: Callable[[Any], Entries],
) -> None:
    """Add the controls ``GET name`` and ``DELETE name``.

    Args:
        control: the blueprint that gets them.
        name: the route's name, and the name of the list in the answer.
        shown: returns the world's list, which GET shows and DELETE empties.
        emptied: further lists that DELETE empties.

    """

    def show() -> Response:
        return jsonify({name: [entry.as_json() for entry in shown(current_world())]})

    def forget() -> Response:
        for entries in (shown, *emptied):
            entries(current_world()).clear()
        return done()

    control.add_url_rule(f"/{name}", f"show_{name}", show, methods=["GET"])
    control.add_url_rule(f"/{name}", f"forget_{name}", forget, methods=["DELETE"])


def current_world() -> World[Any]:
    """Return the world that serves this request."""
    return cast("World[Any]", current_app.config[_WORLD])


def json_body() -> JsonBody:
    """Return the JSON object of this request. Raises Malformed if there is none."""
    return JsonBody(request.get_json(force=True, silent=True))


def done() -> Response:
    """Answer a control that has nothing to show."""
    return jsonify({"ok": True})


def answer_malformed(problem: Exception) -> tuple[Response, int]:
    """Answer 400 with the message."""
    return jsonify({"error": str(problem)}), 400


def reset() -> Response:
    """Return everything to the start."""
    current_world().reset()
    return done()


def show_clock() -> Response:
    """Show the emulator's time."""
    clock = current_world().clock
    now = clock.now()
    return jsonify({"now": now.isoformat(), "unix": now.timestamp(), "frozen": clock.frozen})


def set_clock() -> Response:
    """Take ``{advance_seconds?, freeze?: true | false}``."""
    body, clock = json_body(), current_world().clock
    freeze = body.flag("freeze", default=None)
    by = body.seconds("advance_seconds")
    body.finish()
    if freeze is not None:
        (clock.freeze if freeze else clock.thaw)()
    clock.advance(by)
    return show_clock()


def show_settings() -> Response:
    """Show every setting."""
    return jsonify(asdict(current_world().settings))


def change_settings() -> Response:
    """Take any of the settings. They hold until the next reset."""
    world = current_world()
    world.settings = world.settings.changed(json_body().rest())
    return show_settings()
