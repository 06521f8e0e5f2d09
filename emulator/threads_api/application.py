"""Puts the emulator together: the routes over one World, inside the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.routing import BaseConverter

from emulator.threads_api.app_settings import app_settings
from emulator.threads_api.control import control
from emulator.threads_api.control_deliveries import control_deliveries
from emulator.threads_api.control_people import control_people
from emulator.threads_api.edge import WORLD_KEY, answer_errors
from emulator.threads_api.graph import graph
from emulator.threads_api.pages import pages
from emulator.threads_api.window import window
from emulator.threads_api.wire import Wire

if TYPE_CHECKING:
    from emulator.threads_api.world import World


class NodeConverter(BaseConverter):
    """A node of the Graph in a path: ``me`` or an id. Anything else is an unknown route."""

    regex = r"me|[0-9]{1,40}"


def make_application(world: World) -> Wire:
    """Return the WSGI application that serves ``world``."""
    app = Flask("emulator.threads_api")
    app.config[WORLD_KEY] = world
    app.json.sort_keys = False  # type: ignore[attr-defined] # Flask's default provider has it
    app.url_map.converters["node"] = NodeConverter
    for blueprint in (graph, window, pages, app_settings, control, control_people, control_deliveries):
        app.register_blueprint(blueprint)
    answer_errors(app)
    return Wire(app, world)
