"""Ports: chosen by variables, looked at before anything starts, named with the service that wants them."""

import socket
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest

from emulator.suite.ports import FREE_RANGE, HOST, PortError, Ports, answers, free
from emulator.suite.suite import Suite


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that something else listens on."""
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_named_with_its_service_and_the_way_out(taken: int) -> None:
    """Nothing is started, and one message has all that is needed to go on."""
    suite = Suite(ports=replace(Ports.free(), auth=taken))
    with pytest.raises(PortError, match=f"Port {taken}, which the Auth emulator needs, is taken") as caught:
        suite.start()
    assert "make run AUTH_PORT=" in str(caught.value)


def test_every_taken_port_is_named_at_once(taken: int) -> None:
    """Two mistakes are one message, not two runs."""
    ports = replace(Ports.free(), page=taken, threads=taken)
    with pytest.raises(PortError) as caught:
        ports.check({"page": "demo page", "threads": "Threads emulator"})
    assert "the demo page needs" in str(caught.value)
    assert "the Threads emulator needs" in str(caught.value)


def test_two_services_cannot_share_a_port() -> None:
    """A port given twice is refused before the second service would find it taken."""
    free = Ports.free()
    with pytest.raises(PortError, match="is also that of the Threads emulator"):
        replace(free, page=free.threads).check({"page": "demo page", "threads": "Threads emulator"})


def test_a_service_that_is_not_wanted_needs_no_port(taken: int) -> None:
    """Without a page, the page's port does not matter."""
    replace(Ports.free(), page=taken).check({"auth": "Auth emulator"})


def test_variables_choose_ports() -> None:
    """``make run PAGE_PORT=8001`` changes that port and no other."""
    assert Ports.chosen({"PAGE_PORT": "8001", "AUTH_PORT": ""}) == replace(Ports.usual(), page=8001)


@pytest.mark.parametrize("text", ["eighty", "0", "65536", "-1", "8000.0"])
def test_a_variable_that_is_no_port_is_refused(text: str) -> None:
    """A typing error is named, not ignored."""
    with pytest.raises(PortError, match=r"FIRESTORE_PORT .* not a port number"):
        Ports.chosen({"FIRESTORE_PORT": text})


def test_free_ports_are_distinct_and_free() -> None:
    """A suite of the tests runs beside ``make run``."""
    numbers = list(asdict(Ports.free()).values())
    assert len(set(numbers)) == len(numbers)
    assert all(number in FREE_RANGE and not answers(number) for number in numbers)


def test_further_ports_are_none_of_those_that_were_chosen() -> None:
    """What a service is about to open is free still, and must not be given to another one."""
    [left] = free(1)
    assert free(1, besides=set(FREE_RANGE) - {left}) == [left]
