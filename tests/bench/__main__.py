"""Measure, and print a table: ``make bench``; one part of it: ``make bench ONLY=warm``."""

import argparse
import sys
from collections.abc import Callable, Iterator

from tests.bench import cold, load, peers, warm
from tests.bench.figures import HEAD, Figure, Missing
from tests.bench.stage import Stage, stage

PARTS: dict[str, Callable[[Stage], Iterator[Figure | Missing]]] = {
    "cold": cold.figures,
    "warm": warm.figures,
    "load": load.figures,
    "peers": peers.figures,
}


def main() -> int:
    """Print the figures as they come. The status is 1 if one is not what the project wants."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part of the table")
    only = parser.parse_args().only
    missed = 0
    say(HEAD)
    with stage() as running:
        for name, figures in PARTS.items():
            if only in (None, name):
                running.set_up()
                for figure in figures(running):
                    missed += figure.is_met is False
                    say(figure.row())
    return 1 if missed else 0


def say(line: str) -> None:
    """Print a line at once: a run takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
