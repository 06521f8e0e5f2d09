"""``python -m emulator.cloud_tasks`` runs the emulator on its own, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.base.command import make_parser, run
from emulator.cloud_tasks.configuration import queue, read_flags
from emulator.cloud_tasks.server import serve
from emulator.cloud_tasks.settings import Settings
from emulator.cloud_tasks.world import World

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator and return the exit status."""
    return run(_serving(_parser().parse_args(arguments)))


@contextmanager
def _serving(asked: argparse.Namespace) -> Iterator[str]:
    flags = read_flags(asked.queue_flags) if asked.queue_flags else {}
    world = World([queue(name, flags) for name in asked.queue], Settings().changed(dict(asked.set)))
    with serve(
        world, host=asked.host, port=asked.port, http_port=asked.http_port, verbose=asked.verbose
    ) as emulator:
        yield f"Cloud Tasks emulator ready: gRPC {emulator.host}, controls {emulator.url}"


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("emulator.cloud_tasks", "A local stand-in for Google Cloud Tasks.")
    parser.add_argument(
        "--port", type=int, default=8123, help="the port for gRPC; 0 chooses a free one (default: 8123)"
    )
    parser.add_argument(
        "--http-port", type=int, default=8124, help="the port for controls and keys (default: 8124)"
    )
    parser.add_argument(
        "--queue",
        action="append",
        default=[],
        metavar="NAME",
        help="a queue, as projects/P/locations/L/queues/Q; can be repeated",
    )
    parser.add_argument(
        "--queue-flags",
        type=Path,
        metavar="FILE",
        help="a file with flags of `gcloud tasks queues update`, which configure every --queue",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
