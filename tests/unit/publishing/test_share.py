"""One user has a bounded share of a process, and what is put off comes back, but not all at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Barrier

import pytest

from tests.unit.world import UID, World, post_id
from threads.publishing.share import SHARES, SOONEST, Shares, first_task, put_off, spread

TASK = "ab" * 32


def test_one_user_has_a_part_of_the_threads_and_others_have_theirs() -> None:
    """Whoever has a share in use gets no more; another user does, and so does the first one afterwards."""
    shares = Shares(threads=8)
    with ExitStack() as running:
        rooms = [running.enter_context(shares.of("ada")) for _ in range(8)]
        assert rooms == [True] * (8 // SHARES) + [False] * (8 - 8 // SHARES)
        assert running.enter_context(shares.of("bob"))
    with shares.of("ada") as has_room:
        assert has_room


def test_a_share_is_given_back_whatever_happens() -> None:
    """After an exception, too, and nothing is kept of a user who does nothing."""
    shares = Shares(threads=4)

    def fail() -> None:
        with shares.of("ada") as has_room:
            raise ZeroDivisionError if has_room else AssertionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            fail()
    with shares.of("ada"), shares.of("ada") as has_room:
        assert not has_room
    assert not shares._running


def test_a_process_with_few_threads_serves_everybody() -> None:
    """A share is never nothing."""
    for threads in range(1, SHARES + 1):
        with Shares(threads).of("ada") as has_room:
            assert has_room


def test_a_share_is_counted_right_by_many_threads() -> None:
    """Of a crowd at the same moment, exactly the share gets in."""
    shares, crowd = Shares(threads=80), Barrier(40)

    def take() -> bool:
        crowd.wait()
        with shares.of("ada") as has_room:
            crowd.wait()
            return has_room

    with ThreadPoolExecutor(40) as threads:
        rooms = [it.result() for it in [threads.submit(take) for _ in range(40)]]
    assert sum(rooms) == 80 // SHARES
    assert not shares._running


def test_what_is_put_off_stands_for_the_task_that_the_record_names() -> None:
    """However often it is put off, it is known as the first task, and a repeated delivery adds no other."""
    world = World()
    task = TASK
    for number in range(1, 4):
        for _ in range(2):
            due_at = put_off(world.posts, UID, post_id("key"), task)
        created = world.tasks.created[-1]
        assert (created.name, created.uid, created.post_id) == (f"{TASK}-{number}", UID, post_id("key"))
        assert created.due_at == due_at > world.clock.now
        assert len(world.tasks.created) == number
        assert first_task(created.name) == TASK
        task = created.name


@pytest.mark.parametrize("name", [None, "", "orchestrator-7", f"{TASK}-x", f"{TASK}-99999", f"{TASK}-1-2"])
def test_a_task_of_another_queue_is_put_off_under_a_name_of_ours(name: str | None) -> None:
    """A name that is not ours is not added to: another task may have it."""
    world = World()
    put_off(world.posts, UID, post_id("key"), name)
    [created] = world.tasks.created
    assert first_task(created.name) != created.name
    assert not created.name.startswith(TASK)
    assert first_task(name or "") == (name or "")


def test_what_came_at_once_does_not_come_back_at_once() -> None:
    """The moments are spread over half a minute, and over up to five minutes for what has come before."""
    for times, longest in ((0, 30), (1, 60), (2, 120), (9, 300)):
        pauses = sorted(spread(f"{number}", times).total_seconds() for number in range(1000))
        assert pauses[0] >= SOONEST.total_seconds()
        assert longest * 0.95 < pauses[-1] < longest
        assert pauses[500] == pytest.approx(longest / 2, rel=0.1)
    assert spread("a", 0) == spread("a", 0) < timedelta(seconds=30)
