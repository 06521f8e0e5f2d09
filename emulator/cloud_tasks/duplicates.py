"""Deliveries that happen more than once: Cloud Tasks promises "at least once", and a test can ask for more.

Source: Google, "Common pitfalls and limitations > Duplicate execution".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from emulator.base.json_body import MOST_SECONDS, JsonBody, Malformed
from emulator.cloud_tasks.names import short

if TYPE_CHECKING:
    from random import Random

    from emulator.cloud_tasks.settings import Settings


@dataclass
class Script:
    """The next ``times`` deliveries of a task (None: of any task) happen ``copies`` more times each."""

    task: str | None
    #: None: always.
    times: int | None
    copies: int
    #: How long after the delivery a copy follows: a random time between the two.
    least_gap_seconds: float
    most_gap_seconds: float

    def fits(self, task_name: str) -> bool:
        """Return whether this script is for a task."""
        return self.task in {None, task_name, short(task_name)}

    def as_json(self) -> dict[str, Any]:
        """Return the script as the control shows it."""
        return asdict(self)


def read_script(body: JsonBody) -> Script:
    """Read a control request. Raises Malformed."""
    task = body.text("task", None)
    times = None if body.null("times") else body.count("times", 1)
    copies = body.count("copies", 1)
    least, most = _gap(body.take("gap_seconds", 0))
    body.finish()
    return Script(task, times, copies, least, most)


def _gap(given: Any) -> tuple[float, float]:
    """Read a number of seconds, or a list of the least and the most."""
    ends = given if isinstance(given, list) else [given, given]
    if len(ends) != 2 or not all(_is_span(one) for one in ends) or ends[0] > ends[1]:  # noqa: PLR2004 - two ends
        raise Malformed("gap_seconds must be a number from 0, or a list of the least and the most")
    return float(ends[0]), float(ends[1])


def _is_span(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_SECONDS


def gaps(scripts: list[Script], settings: Settings, random: Random, task_name: str) -> list[timedelta]:
    """Return the gaps after which a delivery that begins now is repeated. Count the use of a script."""
    script = next((script for script in scripts if script.fits(task_name)), None)
    if script is None:
        if random.random() >= settings.duplicate_share:
            return []
        return [timedelta(seconds=random.uniform(0, settings.duplicate_gap_seconds))]
    if script.times is not None:
        script.times -= 1
        if script.times == 0:
            scripts.remove(script)
    ends = (script.least_gap_seconds, script.most_gap_seconds)
    return [timedelta(seconds=random.uniform(*ends)) for _ in range(script.copies)]
