"""``python -m emulator.cloud_tasks``: the emulator on its own, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emulator.cloud_tasks.flags import queue, read_flags
from emulator.cloud_tasks.server import PortTakenError, serve
from emulator.cloud_tasks.settings import Settings, changed_settings
from emulator.cloud_tasks.world import World
from emulator.command import setting, wait_for_the_end
from emulator.jsonbody import Malformed


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator; returns the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        flags = read_flags(asked.queue_flags) if asked.queue_flags else {}
        settings = changed_settings(Settings(), dict(asked.set))
        world = World([queue(name, flags) for name in asked.queue], settings)
        with serve(
            world, host=asked.host, port=asked.port, http_port=asked.http_port, verbose=asked.verbose
        ) as emulator:
            print(  # noqa: T201 - its one line of output
                f"Cloud Tasks emulator ready: gRPC {emulator.host}, controls {emulator.url}", flush=True
            )
            wait_for_the_end()
    except (PortTakenError, Malformed) as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - a command says what is wrong
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulator.cloud_tasks",
        description="A local stand-in for Google Cloud Tasks.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123, help="gRPC; 0 takes a free one (default: 8123)")
    parser.add_argument("--http-port", type=int, default=8124, help="controls and keys (default: 8124)")
    parser.add_argument(
        "--queue",
        action="append",
        default=[],
        metavar="NAME",
        help="a queue that is there from the start, as projects/P/locations/L/queues/Q; may be repeated",
    )
    parser.add_argument(
        "--queue-flags",
        type=Path,
        metavar="FILE",
        help="a file of flags of `gcloud tasks queues update`, for every --queue",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="see settings.Settings",
    )
    parser.add_argument("--verbose", action="store_true", help="log each request to the controls")
    return parser


if __name__ == "__main__":
    sys.exit(main())
