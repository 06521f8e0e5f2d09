"""What Meta calls: th_deauthorize, th_delete_data and th_webhook, and what they do with a request.

A handler reads it, calls a story, and answers with what came of it; it is called through an ``Endpoint``,
which turns what it raises into answers. Stories are imported with the first request that needs them.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from threads.answer import Answer, error_headers, json_error, page
from threads.call import Call
from threads.errors import DeletionNotFound, InvalidRequest, InvalidSignature, ServiceError
from threads.service import Service

if TYPE_CHECKING:
    from threads.signed_request import SignedRequest

MAX_NOTIFICATION = 1024 * 1024
"""Bytes of a notification: Meta puts up to 1,000 events into one
(https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications)."""

HANDSHAKE = ("hub.mode", "hub.verify_token", "hub.challenge")


def th_deauthorize(service: Service, call: Call) -> Answer:
    """Serve th_deauthorize.

    Source: https://developers.facebook.com/docs/threads/get-started (the uninstall callback)
    """
    from threads.forget import request_deletion  # noqa: PLC0415 - lazy

    call.notes["deletion"] = request_deletion(service.tools(), _signed_request(service, call))
    return Answer(body={"ok": True})


def th_delete_data(service: Service, call: Call) -> Answer:
    """Serve th_delete_data: a POST is Meta's, a GET that of somebody who looks what has become of it.

    Source: https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
    """
    from threads.forget import request_deletion  # noqa: PLC0415 - lazy

    if call.request.method == "GET":
        return _deletion_status(service, call)
    signed = _signed_request(service, call)
    call.notes["deletion"] = request_deletion(service.tools(), signed)
    url = f"{service.config.data_deletion_url}?{urlencode({'code': signed.code})}"
    return Answer(body={"url": url, "confirmation_code": signed.code})


def th_webhook(service: Service, call: Call) -> Answer:
    """Serve th_webhook: a GET subscribes it, a POST is a notification.

    Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started
    """
    from threads import webhook  # noqa: PLC0415 - lazy

    config = service.config
    if call.request.method == "GET":
        return Answer(text=webhook.answer_challenge(call.query(*HANDSHAKE), config.webhook_verify_token))
    body = call.raw_body(limit=MAX_NOTIFICATION)
    webhook.check_signature(call.request.headers.get("X-Hub-Signature-256"), body, config.app_secret)
    events = webhook.read_events(body)
    call.notes["events"] = len(events)
    if events:
        from threads.notices import note  # noqa: PLC0415 - lazy

        for event in events:
            note(service.tools(), event)
    return Answer(body={"ok": True})


def deletion_error(call: Call, error: ServiceError) -> Answer:
    """Say that something about a deletion has failed: to a person as a page, else as JSON."""
    if call.request.method != "GET" or call.accepts_json():
        return json_error(error)
    title = "Not found" if isinstance(error, DeletionNotFound) else "Not available"
    return page(title, error.message, status=error.status)._replace(headers=error_headers(error))


def _signed_request(service: Service, call: Call) -> "SignedRequest":
    """Return what Meta has signed; whatever else is wrong with the form, it is not that.

    Raises:
        InvalidSignature, PayloadTooLarge, UnsupportedMediaType: there is nothing of the kind.

    """
    from threads.signed_request import read_signed_request  # noqa: PLC0415 - lazy

    try:
        unverified = call.form("signed_request").get("signed_request", "")
    except InvalidRequest:
        raise InvalidSignature from None
    return read_signed_request(unverified, service.config.app_secret)


def _deletion_status(service: Service, call: Call) -> Answer:
    """Answer what has become of a deletion, and not whose it was."""
    from threads.forget import is_done  # noqa: PLC0415 - lazy

    done = is_done(service.store(), call.query("code").get("code", ""))
    if call.accepts_json():
        return Answer(body={"ok": True, "status": "done" if done else "running"})
    if done:
        return page("Your data has been deleted", "What was stored of your Threads account is gone.")
    return page("Your data is being deleted", "This takes an hour or two. Look again later.")
