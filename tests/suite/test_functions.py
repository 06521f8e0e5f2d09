"""The functions of the suite, behind Firebase's emulator."""

import time

import psutil
import requests

from emulator.suite.suite import Suite

CLOSING_SECONDS = 1.0
"""Half of what a function's server keeps an idle connection for."""


def ports(processes: set[psutil.Process], status: str, end: str) -> set[int]:
    """Return the ports of one end (``laddr`` or ``raddr``) of the connections of processes."""
    connections = [it for process in processes for it in process.net_connections() if it.status == status]
    return {getattr(it, end).port for it in connections}


def test_no_connection_to_a_function_is_kept(suite: Suite) -> None:
    """A kept one is closed by the function some time, and the request that comes just then fails."""
    assert requests.get(f"{suite.functions_url}/th_accounts", timeout=60).status_code == 401
    members = suite._family.members()
    functions = {it for it in members if "functions-framework" in " ".join(it.cmdline())}
    served = ports(functions, psutil.CONN_LISTEN, "laddr")
    assert served
    ends = time.monotonic() + CLOSING_SECONDS
    while kept := served & ports(members - functions, psutil.CONN_ESTABLISHED, "raddr"):
        assert time.monotonic() < ends, kept
        time.sleep(0.05)
