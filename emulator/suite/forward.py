"""Lets days pass in a running suite, and calls the functions that Cloud Scheduler calls (``make forward``).

The clocks of the Threads and Cloud Tasks emulators are put forward. The functions go by Firestore's clock,
which cannot be: so every time in every document is put back by as much. With no days, only the functions are
called. What they do is shown by the suite, where it runs. A token that was due for over a day is logged as an
error (``overdue``), because nobody has called in between.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

from emulator.suite.addresses import Addresses
from emulator.suite.ports import PortError, Ports
from emulator.suite.scheduler import Scheduler, read_schedules

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

TIMEOUT_SECONDS = 30


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Let time pass in the suite on the chosen ports, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m emulator.suite.forward", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--days", type=float, default=0, help="how many days pass; 0 by default")
    by = timedelta(days=parser.parse_args(arguments).days)
    try:
        suite = Addresses(Ports.chosen(environ))
        changed = forward(suite, by)
        print(f"{by.total_seconds() / 86400:g} days have passed for {changed} documents.")  # noqa: T201
        for name in read_schedules():
            print(f"{name} answered {Scheduler(suite).call(name)}.")  # noqa: T201 - the answer
    except (PortError, requests.RequestException) as error:
        print(f"✗ The suite does not answer ({type(error).__name__}). Start it:  make run")  # noqa: T201
        return 1
    return 0


def forward(suite: Addresses, by: timedelta) -> int:
    """Let time pass, and return how many documents Firestore has."""
    for url in (suite.threads_url, suite.tasks_url):
        with requests.Session() as session:
            session.trust_env = False
            body = {"advance_seconds": by.total_seconds()}
            session.post(f"{url}/_emulator/clock", json=body, timeout=TIMEOUT_SECONDS).raise_for_status()
    os.environ.update(suite.environment)
    from google.cloud import firestore  # noqa: PLC0415 - reads the variables

    client = firestore.Client(project=suite.project)
    return sum(
        _put_back(document, by) for collection in client.collections() for document in _below(collection)
    )


def _below(collection: Any) -> "Sequence[DocumentReference]":
    """Return all documents in a collection and below them, also below those that do not exist themselves."""
    found: list[DocumentReference] = []
    for document in collection.list_documents():
        found.append(document)
        for inner in document.collections():
            found += _below(inner)
    return found


def _put_back(document: "DocumentReference", by: timedelta) -> bool:
    """Put the times in a document back, and return whether it exists."""
    fields = document.get().to_dict()
    if fields is None:
        return False
    document.set(_earlier(fields, by))
    return True


def _earlier(value: Any, by: timedelta) -> Any:
    if isinstance(value, datetime):
        return value - by
    if isinstance(value, dict):
        return {name: _earlier(inner, by) for name, inner in value.items()}
    if isinstance(value, list):
        return [_earlier(inner, by) for inner in value]
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
