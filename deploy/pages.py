"""Explains what Threads shows on its own page, or does not do, when Meta's dashboard is not as it should be.

No program can read the dashboard. These errors never come back to the service, because Threads shows them
instead of its window.
"""

from collections.abc import Mapping

THREADS_APP = "Meta's dashboard, Use cases, Access the Threads API, Settings"

PAGES: Mapping[str, str] = {
    "1349168": (
        "The redirect URI is not registered. Copy THREADS_REDIRECT_URI, byte for byte, to “Redirect callback"
        f" URLs” ({THREADS_APP}), save, and compare again: scheme, host, case, a slash at the end."
    ),
    "4476002": (
        "Threads does not know the app's id. THREADS_APP_ID must be the *Threads* app's id"
        f" ({THREADS_APP}), which differs from the Facebook app's id at the top of the dashboard."
    ),
    "has not accepted the invite": (
        "The person was invited as a Threads tester and has not accepted, or is not invited. They accept on"
        " threads.com under Settings, Account, Website permissions, Invites. Everybody else can connect only"
        " once Meta has reviewed the permission and the app is live."
    ),
    "stays connected": (
        "Somebody removes the app at Threads and stays connected here until the next refresh: the uninstall"
        f" callback is not registered. Enter the URLs of th_deauthorize and th_delete_data ({THREADS_APP})."
    ),
    "webhook": (
        "Threads tells nothing of posts: the webhook is not subscribed. Enter th_webhook's URL and the verify"
        " token from Secret Manager, and subscribe to publish and delete. Meta sends only if the app is live"
        " and the business is verified."
    ),
}
"""What to do, by what is on the page or by what does not happen."""


def explain(shown: str) -> str | None:
    """Return what to do about what Threads shows, or None if it is not known here."""
    wanted = shown.casefold()
    found = (text for name, text in PAGES.items() if name.casefold() in wanted or wanted in name.casefold())
    return next(found, None) if wanted else None
