"""Serves publish_threads as functions-framework does, in swift time, and counts its calls to Firestore.

    python -m tests.faults.serve <port> <file>

It loads everything, and listens when it is told so by a line on its input: until then the one before it
serves. Each call to Firestore adds a letter to the file.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

import grpc
from functions_framework import create_app
from functions_framework._http import create_server
from google.cloud.firestore import Client

from emulator.suite.ports import HOST
from tests.e2e.functions import ROOT
from tests.faults.stage import in_time, publish_with
from tests.faults.swift import Swift
from threads import app
from threads.graph import client

Call = Callable[..., Any]

LETTERS = {"Commit": "c", "BatchGetDocuments": "g", "RunQuery": "q"}
"""What stands for each call."""


class Counter(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Notes each call on a channel, at once: the process may be killed at any moment."""

    def __init__(self, path: str) -> None:
        """Take the file to add to."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def intercept_unary_unary(self, continuation: Call, details: Any, request: Any) -> Any:
        """Note a call with one answer."""
        return self._note(continuation, details, request)

    def intercept_unary_stream(self, continuation: Call, details: Any, request: Any) -> Any:
        """Note a call with a stream of answers."""
        return self._note(continuation, details, request)

    def _note(self, continuation: Call, details: Any, request: Any) -> Any:
        os.write(self._file, LETTERS.get(details.method.rpartition("/")[2], "?").encode())
        return continuation(details, request)


def main(port: int, path: str) -> None:
    """Serve until the process is ended."""
    swift = Swift.from_environment(os.environ)
    _count_calls(Counter(path))
    client.CALL_DEADLINE /= swift.speed
    publish_with(in_time(app._publishing, now=swift.now, sleep=swift.sleep))
    function = create_app("publish_threads", str(ROOT / "main.py"))  # type: ignore[no-untyped-call]
    if sys.stdin.readline():
        create_server(function, debug=False).run(HOST, port)  # type: ignore[no-untyped-call]


def _count_calls(counter: Counter) -> None:
    channel = Client._emulator_channel

    def counted(made: Client, transport: Any) -> Any:
        return grpc.intercept_channel(channel(made, transport), counter)  # type: ignore[no-untyped-call]

    Client._emulator_channel = counted  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
