"""The Cloud Functions: their names, and where each is served. What they do is in the package ``threads``.

To add one, see the top of ``threads/app.py``.
"""

import functions_framework
from flask import Request, Response, current_app, has_app_context, request

from threads import app

app.preload()

if has_app_context():  # functions-framework loads this file within its own Flask app

    @current_app.before_request
    def not_ours() -> Response | None:
        """Answer in the framework's place where it would not ask a function."""
        return app.not_ours(request)


@functions_framework.http
def th_auth_start(request: Request) -> Response:
    """Begin a connection or a sign-in: answer with the URL of Threads' authorization window."""
    return app.AUTH_START.serve(request)


@functions_framework.http
def th_auth_callback(request: Request) -> Response:
    """Receive the browser from Threads, connect the account or keep its code, and go back to the app."""
    return app.AUTH_CALLBACK.serve(request)


@functions_framework.http
def th_auth_finish(request: Request) -> Response:
    """Finish a connection or a sign-in that the app confirms."""
    return app.AUTH_FINISH.serve(request)


@functions_framework.http
def publish_threads(request: Request) -> Response:
    """Publish a post, for a signed-in user or for Cloud Tasks."""
    return app.PUBLISH.serve(request)


@functions_framework.http
def th_posts(request: Request) -> Response:
    """Show a signed-in user's posts, cancel or delete one, go on with one, or repost one."""
    return app.POSTS.serve(request)


@functions_framework.http
def th_accounts(request: Request) -> Response:
    """Show a signed-in user's connected accounts, change their settings, or disconnect one."""
    return app.ACCOUNTS.serve(request)


@functions_framework.http
def th_refresh_tokens(request: Request) -> Response:
    """Refresh tokens: for Cloud Scheduler all that are due, for Cloud Tasks one account's or a page."""
    return app.REFRESH_TOKENS.serve(request)


@functions_framework.http
def th_upkeep(request: Request) -> Response:
    """Bring back the posts that nobody has gone on with. Cloud Scheduler calls this."""
    return app.UPKEEP.serve(request)


@functions_framework.http
def th_deauthorize(request: Request) -> Response:
    """Forget an account whose owner has removed the app at Threads. Meta calls this."""
    return app.DEAUTHORIZE.serve(request)


@functions_framework.http
def th_delete_data(request: Request) -> Response:
    """Delete the data of an account whose owner has asked Meta for it, and show how far the deletion is."""
    return app.DELETE_DATA.serve(request)


@functions_framework.http
def th_webhook(request: Request) -> Response:
    """Learn from Meta that a post was published or deleted."""
    return app.WEBHOOK.serve(request)
