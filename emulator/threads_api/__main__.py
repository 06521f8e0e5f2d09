"""``python -m emulator.threads_api``: the emulator on its own, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import os
import sys

from emulator.command import setting, wait_for_the_end
from emulator.jsonbody import Malformed
from emulator.threads_api.deliveries import read_address
from emulator.threads_api.model import App
from emulator.threads_api.server import PortTakenError, serve
from emulator.threads_api.settings import Settings, changed_settings
from emulator.threads_api.world import World


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator; returns the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        app = App(
            asked.app_id,
            asked.app_secret,
            tuple(asked.redirect_uri),
            asked.app_name,
            deauthorize_url=read_address("--deauthorize-url", asked.deauthorize_url),
            delete_url=read_address("--delete-url", asked.delete_url),
            webhook_url=read_address("--webhook-url", asked.webhook_url),
            webhook_verify_token=asked.webhook_verify_token,
        )
        world = World([app], changed_settings(Settings(), dict(asked.set)))
        with serve(world, host=asked.host, port=asked.port, verbose=asked.verbose) as emulator:
            print(f"Threads emulator ready: {emulator.url}", flush=True)  # noqa: T201 - its one line of output
            wait_for_the_end()
    except (PortTakenError, Malformed) as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - a command says what is wrong
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulator.threads_api",
        description="A local stand-in for graph.threads.net and Threads' authorization window.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one (default: 8090)")
    parser.add_argument("--app-id", default="1000000000000001", help="the app's client_id")
    parser.add_argument(
        "--app-secret",
        default=os.environ.get("THREADS_APP_SECRET", "emulator-secret"),
        help="the app's client_secret; better given as THREADS_APP_SECRET, which `ps` does not show",
    )
    parser.add_argument("--app-name", default="Your app", help="what the window calls the app")
    parser.add_argument(
        "--redirect-uri", action="append", default=[], help="a registered redirect URI; may be repeated"
    )
    parser.add_argument("--deauthorize-url", help="called when somebody removes the app")
    parser.add_argument("--delete-url", help="called when somebody asks for the deletion of her data")
    parser.add_argument("--webhook-url", help="told of posts that are published or deleted")
    parser.add_argument(
        "--webhook-verify-token",
        default=os.environ.get("WEBHOOK_VERIFY_TOKEN", ""),
        help="what the webhook's subscription is asked with; better given as WEBHOOK_VERIFY_TOKEN",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="see settings.Settings",
    )
    parser.add_argument("--verbose", action="store_true", help="log each request")
    return parser


if __name__ == "__main__":
    sys.exit(main())
