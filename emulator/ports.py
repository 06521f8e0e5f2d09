"""Which port each service of the local suite listens on. Opens none of them for longer than a look."""

import json
import random
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"

# Below the ports that Linux (32768) and macOS (49152) give to outgoing connections, so that none
# of those takes a free port away before its service has opened it; above the Functions emulator's
# own choice for its processes (8081-9081).
FREE_RANGE = range(20_000, 30_000)

CLOSING_SECONDS = 1.0
"""How long a taken port is looked at again: a killed process's sockets close a moment after its end."""

_FIREBASE_JSON = Path(__file__).parent.parent / "firebase.json"


class PortError(Exception):
    """A port cannot be had; the message names the service that wanted it."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """One TCP port on the loopback address for each service."""

    page: int = 8000
    """The demo page."""
    threads: int = 8090
    """The Threads emulator."""
    tasks: int = 8123
    """The Cloud Tasks emulator's gRPC."""
    tasks_http: int = 8124
    """Its controls, and the keys of its tokens."""
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
        """Return the usual ports, each replaced by its variable where one is set (``PAGE_PORT=8001``).

        Raises PortError when a variable is not a port.
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
        """Return ports that nothing listens on now, for a suite beside another one."""
        names = [field.name for field in fields(cls)]
        return cls(**dict(zip(names, free(len(names)), strict=True)))

    def check(self, wanted: Mapping[str, str]) -> None:
        """Look at the ports of the ``wanted`` services (field name: what people call it).

        Raises PortError, which names every port that cannot be had, its service, and the way out.
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
            reason = f"is also the {wanted[same[0]]}'s" if same else obstacle(numbers[name])
            if reason is not None:
                problems[name] = reason
        return problems

    def _explain(self, problems: Mapping[str, str], wanted: Mapping[str, str]) -> str:
        numbers, free = asdict(self), asdict(type(self).free())
        choice = " ".join(f"{variable(name)}={free[name]}" for name in problems)
        return "\n".join(
            [
                *(
                    f"Port {numbers[name]}, which the {wanted[name]} wants, {reason}."
                    for name, reason in problems.items()
                ),
                f"End what listens there, or choose another:  make run {choice}",
            ]
        )


def free(count: int) -> list[int]:
    """Return so many different ports that nothing listens on now."""
    candidates = random.sample(FREE_RANGE, k=len(FREE_RANGE))
    return list(islice((port for port in candidates if obstacle(port) is None), count))


def variable(name: str) -> str:
    """Return the environment variable that chooses the port of the service ``name``."""
    return f"{name.upper()}_PORT"


def obstacle(port: int) -> str | None:
    """Return what keeps a service from listening on ``port``, or None when nothing does."""
    with socket.socket() as listener:
        # A bind alone is not enough: macOS lets one pass beside a listener on all addresses.
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
    """Return whether something listens on ``port``; an overloaded listener counts as one."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True
