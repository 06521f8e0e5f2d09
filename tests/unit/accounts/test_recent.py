"""What the last hour's answers amount to."""

from datetime import UTC, datetime, timedelta

import pytest

from threads.accounts.recent import FEW, WINDOW, Alarm, Answer, Recent

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD, FAILED, DEAD = Answer.GOOD, Answer.FAILED, Answer.DEAD

CASES: list[tuple[list[Answer], bool, Alarm | None]] = [
    ([], False, None),
    ([DEAD] * (FEW - 1), False, None),
    ([DEAD] * FEW, True, Alarm.MOSTLY_DEAD),
    ([DEAD] * FEW + [GOOD] * (FEW - 1), True, Alarm.MOSTLY_DEAD),
    ([DEAD] * FEW + [GOOD] * FEW, False, None),
    ([DEAD] * FEW + [FAILED] * FEW, False, Alarm.MOSTLY_FAILING),
    ([FAILED] * (FEW - 1), False, None),
    ([FAILED] * FEW + [GOOD], False, Alarm.MOSTLY_FAILING),
    ([FAILED] * FEW + [GOOD] * FEW, False, None),
]


@pytest.mark.parametrize(("answers", "is_mostly_dead", "alarm"), CASES, ids=range(len(CASES)))
def test_most_of_a_few_answers_count(
    answers: list[Answer],
    is_mostly_dead: bool,  # noqa: FBT001 - a table
    alarm: Alarm | None,
) -> None:
    """More than half of them, and at least five; an hour later nothing of it is left."""
    recent = Recent()
    for answer in answers:
        recent.note(answer, NOW)
    assert recent.is_mostly_dead(NOW) is is_mostly_dead
    assert recent.alarm(NOW) == alarm
    later = NOW + WINDOW
    assert not recent.is_mostly_dead(later)
    assert recent.alarm(later + timedelta(days=1)) is None


def test_an_alarm_is_raised_once_a_day() -> None:
    """However long it lasts, and each kind on its own."""
    recent, raised = Recent(), []
    for hour in range(72):
        for answer in [DEAD if hour < 48 else FAILED] * FEW:
            recent.note(answer, NOW + timedelta(hours=hour))
        if alarm := recent.alarm(NOW + timedelta(hours=hour)):
            raised.append((hour, alarm))
    assert raised == [(0, "mostly_dead"), (24, "mostly_dead"), (48, "mostly_failing")]
