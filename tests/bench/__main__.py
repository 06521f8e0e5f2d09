"""Measure and count what functions cost, and print tables: ``make bench``."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from tests.bench import cold, counts, growth, load, page, peers, warm
from tests.bench.figures import HEAD, Figure, Missing
from tests.bench.stage import Stage, stage

COUNTED: dict[str, Callable[[], Iterator[str]]] = {"counts": counts.table, "growth": growth.table}
"""Parts that need no emulator, and no quiet machine."""

MEASURED: dict[str, Callable[[Stage], Iterator[Figure | Missing]]] = {
    "cold": cold.figures,
    "warm": warm.figures,
    "load": load.figures,
    "peers": peers.figures,
}


def main() -> int:
    """Print the figures as they come. The status is 1 if one is not what the project wants."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=[*COUNTED, *MEASURED], help="one part")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md, too")
    asked = parser.parse_args()
    names = [asked.only] if asked.only else [*COUNTED, *MEASURED]
    missed: list[Figure | Missing] = []
    with ExitStack() as stack:
        running = stack.enter_context(stage()) if {*names} & {*MEASURED} else None
        for name in names:
            lines = []
            for line in _part(name, running, missed):
                lines.append(line)
                say(line)
            say("")
            if asked.write:
                page.write(name, lines)
    return 1 if missed else 0


def _part(name: str, running: Stage | None, missed: list[Figure | Missing]) -> Iterator[str]:
    """Yield the lines of a part, and note the figures that are not what the project wants."""
    if running is None or name in COUNTED:
        yield from COUNTED[name]()
        return
    yield page.machine()
    yield ""
    yield HEAD
    running.set_up()
    for figure in MEASURED[name](running):
        if figure.is_met is False:
            missed.append(figure)
        yield figure.row()


def say(line: str) -> None:
    """Print a line at once: a run takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
