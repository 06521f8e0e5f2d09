"""The Threads emulator as a target: waiting puts its clock forward, and it has all that checks ask for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emulator.threads_api import App, World, serve
from emulator.threads_api.settings import Settings
from tests.conformance.target import Target

APP = App("1000000000000001", "emulator-secret", ())
DAYS_SECONDS = 2 * 24 * 3600


@contextmanager
def emulated(**settings: Any) -> Iterator[Target]:
    """Lend an account at an emulator with these settings."""
    with serve(World([APP], Settings().changed(settings))) as emulator:
        yield Target(
            emulator.url,
            emulator.token(age_seconds=DAYS_SECONDS),
            wait=emulator.advance,
            narrow_token=emulator.token(scopes=["threads_basic"]),
            app_token=f"TH|{APP.id}|{APP.secret}",
            image_url="https://cdn.example/a.jpg",
            save_refreshed=lambda _token: None,
        )
