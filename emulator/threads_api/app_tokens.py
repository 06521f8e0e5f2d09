"""App access tokens: ``TH|<app id>|<…>``, which the app's secret or a generated text ends. No HTTP here.

Source: Meta, "App access tokens". What a generated token contains is not documented; here it follows from the
secret, so that it lasts as long as the secret.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from emulator.threads_api import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.threads_api.model import App
    from emulator.threads_api.world import World

_PREFIX = "TH"


def generate(world: World, sent: Mapping[str, str]) -> str:
    """Return the token of the app whose id and secret were sent. Raises GraphError 101."""
    app = world.apps.get(sent.get("client_id", ""))
    if app is None or not hmac.compare_digest(sent.get("client_secret", "").encode(), app.secret.encode()):
        raise errors.wrong_secret()
    return f"{_PREFIX}|{app.id}|{_generated(app)}"


def app_of(world: World, value: str) -> App | None:
    """Return the app whose token this is, or None."""
    prefix, _, rest = value.partition("|")
    app_id, _, proof = rest.partition("|")
    app = world.apps.get(app_id)
    if app is None or prefix != _PREFIX:
        return None
    proofs = (app.secret, _generated(app))
    return app if any(hmac.compare_digest(proof.encode(), one.encode()) for one in proofs) else None


def _generated(app: App) -> str:
    return hmac.new(app.secret.encode(), b"app access token", hashlib.sha256).hexdigest()[:32]
