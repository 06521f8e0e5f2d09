"""Runs the checks, and says what is the same as assumed and what differs."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.conformance.checks import CHECKS, Check
from tests.conformance.target import NotChecked, Target


class Finding(NamedTuple):
    """What a check has found."""

    check: Check
    seen: str | None
    """None: it could not be made."""
    why_not: str = ""

    @property
    def differs(self) -> bool:
        """Whether something else was seen than was assumed."""
        return self.seen is not None and self.seen != self.check.expected

    def lines(self) -> Iterator[str]:
        """Yield what to print."""
        it = self.check
        if self.seen is None:
            yield f"?        {it.name}: not checked: {self.why_not}"
        elif not self.differs:
            yield f"same     {it.name}: {it.assumes}"
        else:
            yield f"DIFFERS  {it.name}: {it.assumes}"
            yield f"           assumed: {it.expected}; seen: {self.seen}"
            yield f"           in the emulator: {it.emulator}; in the service: {it.place}"


def conform(target: Target, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """Make every check, and delete what they have published."""
    try:
        return [_made(check, target) for check in checks]
    finally:
        target.clean_up()


def _made(check: Check, target: Target) -> Finding:
    try:
        return Finding(check, check.see(target))
    except NotChecked as why:
        return Finding(check, None, str(why))
    except (KeyError, TypeError, ValueError, IndexError) as odd:  # an answer of another shape is a difference
        return Finding(check, f"an answer that cannot be read ({type(odd).__name__})")


def report(findings: Iterable[Finding], target: Target) -> Iterator[str]:
    """Yield the lines of the report."""
    found = list(findings)
    for finding in found:
        yield from finding.lines()
    differing = [finding.check.name for finding in found if finding.differs]
    yield ""
    yield f"{len(found)} checks, {target.calls} calls. Differs: {', '.join(differing) or 'nothing'}."
    if target.out:
        yield f"NOT DELETED, delete by hand: {', '.join(target.out)}"
