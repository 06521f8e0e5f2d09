"""Chooses the port of each service, and checks that it is free."""

import json
import random
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import islice
from typing import Self

from emulator.suite.paths import ROOT

HOST = "127.0.0.1"

# Below the ports that Linux (from 32768) and macOS (from 49152) use for outgoing connections, because such a
# connection could take a free port before its service opens it. Above the ports that the Functions emulator
# chooses for its processes (8081-9081).
FREE_RANGE = range(20_000, 30_000)

CLOSING_SECONDS = 1.0
"""How long a taken port is checked again. The sockets of a killed process close shortly after its end."""

_FIREBASE_JSON = ROOT / "firebase.json"


class PortError(Exception):
    """A port is not available. The message names the service that needs it."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """One TCP port on the loopback address for each service."""

    page: int = 8000
    """The console."""
    threads: int = 8090
    """The Threads emulator."""
    tasks: int = 8123
    """The Cloud Tasks emulator: gRPC."""
    tasks_http: int = 8124
    """The Cloud Tasks emulator: controls and keys."""
    functions: int
    auth: int
    firestore: int

    @classmethod
    def usual(cls) -> Self:
        """Return the ports that firebase.json names, and the defaults above."""
        emulators = json.loads(_FIREBASE_JSON.read_text(encoding="utf-8"))["emulators"]
        return cls(**{name: emulators[name]["port"] for name in ("functions", "auth", "firestore")})

    @classmethod
    def chosen(cls, environ: Mapping[str, str]) -> Self:
        """Return the usual ports, overridden by variables such as ``PAGE_PORT=8001``.

        Raises:
            PortError: the value of a variable is not a port number.

        """
        chosen = asdict(cls.usual())
        for name in chosen:
            text = environ.get(variable(name), "")
            if text and not (text.isdecimal() and 0 < int(text) < 65536):  # noqa: PLR2004 - TCP's largest port
                raise PortError(f"{variable(name)} is {text!r}, not a port number.")
            chosen[name] = int(text or chosen[name])
        return cls(**chosen)

    @classmethod
    def free(cls) -> Self:
        """Return free ports, for a suite beside another one."""
        names = [field.name for field in fields(cls)]
        return cls(**dict(zip(names, free(len(names)), strict=True)))

    def check(self, wanted: Mapping[str, str]) -> None:
        """Check the ports of services.

        Args:
            wanted: the services: the name of the field, and the name to show.

        Raises:
            PortError: ports are not available. The message names each with its service, and says what to do.

        """
        deadline = time.monotonic() + CLOSING_SECONDS
        while problems := self._problems(wanted):
            if time.monotonic() > deadline:
                raise PortError(self._explain(problems, wanted))
            time.sleep(CLOSING_SECONDS / 10)

    def _problems(self, wanted: Mapping[str, str]) -> dict[str, str]:
        numbers = asdict(self)
        problems = {}
        for name in wanted:
            same = [other for other in wanted if other != name and numbers[other] == numbers[name]]
            reason = f"is also that of the {wanted[same[0]]}" if same else obstacle(numbers[name])
            if reason is not None:
                problems[name] = reason
        return problems

    def _explain(self, problems: Mapping[str, str], wanted: Mapping[str, str]) -> str:
        numbers, free = asdict(self), asdict(type(self).free())
        choice = " ".join(f"{variable(name)}={free[name]}" for name in problems)
        return "\n".join(
            [
                *(
                    f"Port {numbers[name]}, which the {wanted[name]} needs, {reason}."
                    for name, reason in problems.items()
                ),
                f"Stop the program that listens there, or choose another port:  make run {choice}",
            ]
        )


def free(count: int, *, besides: Collection[int] = ()) -> list[int]:
    """Return this many different free ports, and none of those that something else is about to use."""
    candidates = random.sample(FREE_RANGE, k=len(FREE_RANGE))
    return list(islice((it for it in candidates if it not in besides and obstacle(it) is None), count))


def variable(name: str) -> str:
    """Return the name of the environment variable that chooses the port of a service."""
    return f"{name.upper()}_PORT"


def obstacle(port: int) -> str | None:
    """Return why a service cannot listen on a port; None if it can."""
    with socket.socket() as listener:
        # A bind alone does not show it: macOS allows one beside a listener on all addresses.
        if answers(port):
            return "is taken"
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except PermissionError:
            return "is reserved by the system"
        except OSError:
            return "is taken"
    return None


def answers(port: int) -> bool:
    """Return whether a program listens on a port, even one that is overloaded."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True
