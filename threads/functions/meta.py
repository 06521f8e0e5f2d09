"""What Meta calls: th_deauthorize, th_delete_data and th_webhook."""

from urllib.parse import urlencode

from threads.base.errors import DeletionNotFound, ServiceError
from threads.connections.deletion import is_done, request_deletion
from threads.connections.parts import ConnectionParts
from threads.functions.callers import Notification, Subscriber, Visitor
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse, error_headers, json_error, page
from threads.graph import webhook
from threads.graph.signed_request import SignedRequest
from threads.publishing.parts import PublishingParts
from threads.publishing.webhook_events import note


def th_deauthorize(parts: ConnectionParts, request: HttpRequest, signed: SignedRequest) -> HttpResponse:
    """Answer th_deauthorize.

    Source: https://developers.facebook.com/docs/threads/get-started (the uninstall callback)
    """
    request.notes["deletion"] = request_deletion(parts, signed)
    return HttpResponse(body={"ok": True})


def th_delete_data(
    parts: ConnectionParts, request: HttpRequest, caller: SignedRequest | Visitor
) -> HttpResponse:
    """Answer th_delete_data. Meta sends a POST. With a GET, a person looks up how far a deletion is.

    Source: https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
    """
    if isinstance(caller, Visitor):
        return _deletion_status(parts, request)
    request.notes["deletion"] = request_deletion(parts, caller)
    url = f"{parts.config.data_deletion_url}?{urlencode({'code': caller.code})}"
    return HttpResponse(body={"url": url, "confirmation_code": caller.code})


def th_webhook(
    parts: PublishingParts, request: HttpRequest, caller: Subscriber | Notification
) -> HttpResponse:
    """Answer th_webhook. With a GET, Meta subscribes it. A POST is a notification.

    Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started
    """
    if isinstance(caller, Subscriber):
        return HttpResponse(text=caller.challenge)
    events = webhook.read_events(caller.body)
    request.notes["events"] = len(events)
    note(parts, events)
    return HttpResponse(body={"ok": True})


def deletion_error(request: HttpRequest, error: ServiceError) -> HttpResponse:
    """Answer an error about a deletion: with a page for a person, otherwise with JSON."""
    if request.method != "GET" or request.accepts_json():
        return json_error(error)
    title = "Not found" if isinstance(error, DeletionNotFound) else "Not available"
    return page(title, error.message, status=error.status)._replace(headers=error_headers(error))


def _deletion_status(parts: ConnectionParts, request: HttpRequest) -> HttpResponse:
    """Answer how far a deletion is, but not whose it is."""
    done = is_done(parts, request.query("code").get("code", ""))
    if request.accepts_json():
        return HttpResponse(body={"ok": True, "status": "done" if done else "running"})
    if done:
        return page("Your data has been deleted", "What was stored of your Threads account is gone.")
    return page("Your data is being deleted", "This takes an hour or two. Look again later.")
