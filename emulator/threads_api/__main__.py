"""``python -m emulator.threads_api`` runs the emulator on its own, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.base.command import make_parser, run
from emulator.base.json_body import Malformed
from emulator.threads_api.deliveries import read_address
from emulator.threads_api.model import App
from emulator.threads_api.seed_file import read_seed_file
from emulator.threads_api.server import serve
from emulator.threads_api.settings import Settings
from emulator.threads_api.world import World

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from emulator.threads_api.face import Emulator
    from emulator.threads_api.proxy import Proxy


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator and return the exit status."""
    return run(_serving(_parser().parse_args(arguments)))


@contextmanager
def _serving(asked: argparse.Namespace) -> Iterator[str]:
    app = App(
        asked.app_id,
        asked.app_secret,
        tuple(asked.redirect_uri),
        asked.app_name,
        deauthorize_url=read_address("--deauthorize-url", asked.deauthorize_url),
        delete_url=read_address("--delete-url", asked.delete_url),
        webhook_url=read_address("--webhook-url", asked.webhook_url),
        webhook_verify_token=asked.webhook_verify_token,
        webhook_fields=tuple(asked.webhook_field or App.webhook_fields),
    )
    settings = Settings(strict=asked.strict).changed(dict(asked.set))
    world = World([app], settings, read_seed_file(asked.seed).plant if asked.seed else None)
    with serve(world, host=asked.host, port=asked.port, verbose=asked.verbose) as emulator:
        ready = f"Threads emulator ready: {emulator.url}"
        if asked.proxy is None:
            yield ready
            return
        with _proxying(emulator, asked) as proxy:
            yield f"{ready}\nProxy ready: {proxy.url} (its certificate authority: {proxy.ca_file})"


def _proxying(emulator: Emulator, asked: argparse.Namespace) -> AbstractContextManager[Proxy]:
    """Return the proxy that was asked for. Raises Malformed without the package that makes certificates."""
    try:
        from emulator.threads_api.proxy import proxying  # noqa: PLC0415 - only a proxy needs its package
    except ImportError:
        raise Malformed(
            "--proxy needs the package cryptography:  pip install 'threads-emulator[proxy]'"
        ) from None
    return proxying(emulator, folder=asked.proxy_ca, host=asked.host, port=asked.proxy, verbose=asked.verbose)


def _parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "emulator.threads_api", "A local stand-in for graph.threads.net and Threads' authorization window."
    )
    parser.add_argument(
        "--port", type=int, default=8090, help="the port; 0 chooses a free one (default: 8090)"
    )
    parser.add_argument(
        "--proxy",
        type=int,
        nargs="?",
        const=8091,
        help="also run a proxy that answers for graph.threads.net, on this port (8091; 0 chooses a free one)",
    )
    parser.add_argument(
        "--proxy-ca",
        type=Path,
        help="the folder in which the proxy's certificate authority is kept; by default each run has its own",
    )
    parser.add_argument("--seed", type=Path, help="a JSON file with accounts and posts that are there")
    parser.add_argument("--app-id", default="1000000000000001", help="the app's client_id")
    parser.add_argument(
        "--app-secret",
        default=os.environ.get("THREADS_APP_SECRET", "emulator-secret"),
        help="the app's client_secret; safer in the variable THREADS_APP_SECRET, which `ps` does not show",
    )
    parser.add_argument("--app-name", default="Your app", help="the app's name in the authorization window")
    parser.add_argument(
        "--redirect-uri", action="append", default=[], help="a registered redirect URI; can be repeated"
    )
    parser.add_argument("--deauthorize-url", help="called when a user removes the app")
    parser.add_argument("--delete-url", help="called when a user asks the app to delete their data")
    parser.add_argument("--webhook-url", help="called when a post is published, deleted, answered, …")
    parser.add_argument(
        "--webhook-field",
        action="append",
        choices=App.webhook_fields,
        help="a webhook that is subscribed; can be repeated (default: all)",
    )
    parser.add_argument(
        "--webhook-verify-token",
        default=os.environ.get("WEBHOOK_VERIFY_TOKEN", ""),
        help="sent when the webhook is subscribed; safer in the variable WEBHOOK_VERIFY_TOKEN",
    )
    parser.add_argument(
        "--strict", action="store_true", help="take only what Meta documents, nothing that is inferred"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
