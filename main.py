"""The Cloud Functions: their names, and where each is served. What they do is in the package ``threads``."""

import functions_framework
from flask import Request, Response

from threads import app

app.preload()


@functions_framework.http
def th_auth_start(request: Request) -> Response:
    """Begin a connection: a signed-in user gets the address of Threads' authorization window."""
    return app.AUTH_START.serve(request)


@functions_framework.http
def th_auth_callback(request: Request) -> Response:
    """End a connection: Threads sends the browser here, and it is sent back to the app."""
    return app.AUTH_CALLBACK.serve(request)


@functions_framework.http
def publish_threads(request: Request) -> Response:
    """Publish a post, for a signed-in user or for Cloud Tasks."""
    return app.PUBLISH.serve(request)


@functions_framework.http
def th_posts(request: Request) -> Response:
    """Show a signed-in user's posts, and cancel a scheduled one."""
    return app.POSTS.serve(request)


@functions_framework.http
def th_accounts(request: Request) -> Response:
    """Show a signed-in user's connected accounts."""
    return app.ACCOUNTS.serve(request)
