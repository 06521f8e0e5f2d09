"""Puts the emulator together: one World, the routes that serve it, and the wire around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.routing import BaseConverter

from emulator.base.control import make_app
from emulator.threads_api.app_settings import app_settings
from emulator.threads_api.control import control
from emulator.threads_api.control_deliveries import control_deliveries
from emulator.threads_api.control_people import control_people
from emulator.threads_api.edge import answer_errors
from emulator.threads_api.graph import graph
from emulator.threads_api.graph_discovery import graph_discovery
from emulator.threads_api.graph_replies import graph_replies
from emulator.threads_api.graph_tokens import graph_tokens
from emulator.threads_api.pages import pages
from emulator.threads_api.window import window
from emulator.threads_api.wire import Wire

if TYPE_CHECKING:
    from flask import Flask

    from emulator.threads_api.world import World


#: The routes of ``graph.threads.net``.
API = (graph, graph_tokens, graph_replies, graph_discovery)


class NodeConverter(BaseConverter):
    """A node of the Graph in a path: ``me`` or an id. Any other path is an unknown route."""

    regex = r"me|[0-9]{1,40}"


def make_application(world: World) -> Wire:
    """Return the WSGI application that serves ``world``."""
    return Wire(make_app_of(world), world)


def make_app_of(world: World) -> Flask:
    """Return all routes."""
    app = make_app("emulator.threads_api", world)
    app.url_map.converters["node"] = NodeConverter
    for blueprint in (*API, window, pages, app_settings, control, control_people, control_deliveries):
        app.register_blueprint(blueprint)
    answer_errors(app)
    return app
