"""Faults by chance: a share of the calls that arrive at a Threads emulator go wrong, each in a random way."""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from emulator.threads_api import World
from emulator.threads_api.answers import Match, read_answer
from emulator.threads_api.journal import Entry
from tests.faults.graph_faults import FAULTS, script

PUBLISHING = {"method": "POST", "path": "/threads|/threads_publish"}
LOOKING = {"method": "GET"}


@dataclass(frozen=True)
class Chance(Match):
    """Fits some of the requests that it is for."""

    share: float = 0.0
    random: Random = field(default_factory=Random)

    def fits(self, entry: Entry) -> bool:
        """Tell whether this one goes wrong; called under the world's lock."""
        return super().fits(entry) and self.random.random() < self.share


def go_wrong(world: World, random: Random, *, share: float, deadline: float) -> None:
    """Let a share of the calls that create or publish go wrong in every way, and of the others be refused."""
    wrongs = [wrong for fault in FAULTS if (wrong := script(fault, deadline=deadline))]
    each = 1 - (1 - share) ** (1 / len(wrongs))
    for wrong in wrongs:
        _add(world, random, each, {"match": PUBLISHING, **wrong})
    _add(world, random, share / 4, {"match": LOOKING, "status": 500})


def be_slow(world: World, random: Random, *, share: float, seconds: float) -> None:
    """Let a share of the calls that create or publish be answered late, when they have long been done."""
    _add(world, random, share, {"match": PUBLISHING, "delay_seconds": seconds})


def _add(world: World, random: Random, share: float, posted: dict[str, Any]) -> None:
    answer = read_answer({**posted, "times": None})
    parts = vars(answer.match)
    world.answers.append(replace(answer, match=Chance(**parts, share=share, random=random)))
