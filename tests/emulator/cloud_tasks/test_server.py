"""The emulator inside a test: its ports, its end, and its connections to targets."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from emulator.cloud_tasks import PortTakenError, Settings, World, queue, serve
from tests.emulator.cloud_tasks.client import QUEUE, cloud_tasks, target_server


def test_a_taken_port_is_an_error() -> None:
    """This holds for both ports, so that no client talks to the wrong emulator."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for ports in ({"port": port}, {"http_port": port}):
            with pytest.raises(PortTakenError, match=f"127.0.0.1:{port}"), serve(World(), **ports):
                pass
    with serve(World()) as first:
        port = int(first.host.rpartition(":")[2])
        with pytest.raises(PortTakenError), serve(World(), port=port):
            pass


def test_the_end_does_not_wait_for_a_slow_target() -> None:
    """What is under way is broken off, and the ports are free again."""
    with target_server() as target:
        with serve(World([queue(QUEUE)])) as emulator, cloud_tasks(emulator) as tasks:
            target.gate.clear()
            tasks.create(target)
            arrived = threading.Event()
            while not target.received:
                arrived.wait(0.005)
            start = time.monotonic()
        assert time.monotonic() - start < 2
        with serve(World(), port=int(emulator.host.rpartition(":")[2])):
            pass


def test_settings_can_be_given_to_a_world() -> None:
    """And a reset comes back to them."""
    with (
        serve(World([queue(QUEUE)], Settings(rate_limits=False))) as emulator,
        cloud_tasks(emulator) as tasks,
    ):
        tasks.control("settings", rate_limits=True)
        tasks.control("reset")
        assert tasks.see("settings", "rate_limits") is False


def test_connections_to_a_target_are_kept() -> None:
    """One after the other, tasks use one connection."""
    with (
        target_server() as target,
        serve(World([queue(QUEUE)])) as emulator,
        cloud_tasks(emulator) as tasks,
    ):
        for _ in range(5):
            tasks.create(target)
            tasks.settle()
        assert len(target.received) == 5
        assert len({received.port for received in target.received}) == 1


def test_a_target_that_was_started_again_misses_nothing() -> None:
    """A connection that the old one has closed is not used again: the first attempt arrives."""
    with serve(World([queue(QUEUE)])) as emulator, cloud_tasks(emulator) as tasks:
        port = 0
        for _ in range(3):
            with target_server(port) as target:
                port = int(target.url.rpartition(":")[2])
                tasks.create(target)
                tasks.settle()
        assert [entry["status"] for entry in tasks.see("dispatches")] == [200, 200, 200]
