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
def th_auth_finish(request: Request) -> Response:
    """End a connection, or a sign-in, that the app confirms."""
    return app.AUTH_FINISH.serve(request)


@functions_framework.http
def publish_threads(request: Request) -> Response:
    """Publish a post, for a signed-in user or for Cloud Tasks."""
    return app.PUBLISH.serve(request)


@functions_framework.http
def th_posts(request: Request) -> Response:
    """Show a signed-in user's posts, cancel a scheduled one, delete or repost a published one."""
    return app.POSTS.serve(request)


@functions_framework.http
def th_accounts(request: Request) -> Response:
    """Show a signed-in user's connected accounts, change their settings, disconnect one."""
    return app.ACCOUNTS.serve(request)


@functions_framework.http
def th_refresh_tokens(request: Request) -> Response:
    """Keep tokens alive: all that are due for Cloud Scheduler, one account's for Cloud Tasks."""
    return app.REFRESH_TOKENS.serve(request)


@functions_framework.http
def th_deauthorize(request: Request) -> Response:
    """Forget an account whose owner has removed the app at Threads; Meta says so."""
    return app.DEAUTHORIZE.serve(request)


@functions_framework.http
def th_delete_data(request: Request) -> Response:
    """Delete an account's data because its owner has asked Meta for it, and show how far that is."""
    return app.DELETE_DATA.serve(request)


@functions_framework.http
def th_webhook(request: Request) -> Response:
    """Take note of what Meta says about posts: that one is out, or is gone."""
    return app.WEBHOOK.serve(request)
