"""A virtual service's tools that every run shares: its configuration, and a vault that trusts everybody."""

from dataclasses import replace
from typing import Any

from tests.faults.model import World
from threads.config import read_config
from threads.tools import Tools
from threads.wire import Secret

UID = "user"
ACCOUNT = "17841405793187219"


class _Vault:
    def open(self, _sealed: str, _place: Any) -> Secret:
        return _TOKEN

    def seal(self, _secret: Secret, _place: Any) -> str:
        return "sealed"


def tools_with(world: World, **parts: Any) -> Tools:
    """Return tools of which some are given; the clock is the world's."""
    common = {
        "config": _CONFIG,
        "records": None,
        "tasks": None,
        "users": None,
        "vault": lambda: _VAULT,
        "project": lambda: "demo",
        "now": lambda: world.now,
        "sleep": world.pass_time,
    }
    return Tools(**{**common, **parts})


_TOKEN = Secret("token")
_CONFIG = read_config(
    {
        "THREADS_APP_ID": "1",
        "THREADS_APP_SECRET": "secret",
        "THREADS_REDIRECT_URI": "https://app.example/th_auth_callback",
        "ALLOWED_ORIGINS": "https://app.example",
        "TOKEN_KEYS": "k:" + "A" * 43 + "=",
    }
)
CONFIGS = {mode: replace(_CONFIG, text_mode=mode) for mode in ("single_step", "two_step")}
_VAULT = _Vault()
