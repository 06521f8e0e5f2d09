"""Unit tests as checks of a mutant: each runs as the plain function that it is, with all sets of arguments.

Pytest itself would collect, capture and report for each of them. Here, hundreds take a second.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import pytest

from threads.base.errors import ServiceError


def is_promise(key: str) -> bool:
    """Return whether a key names a unit test, as ``unit/accounts/test_vault.py::test_keys_rotate``."""
    return "::" in key


def is_broken(key: str) -> bool:
    """Return whether a unit test fails. That code breaks for another reason is raised."""
    file, _, name = key.partition("::")
    test = getattr(import_module(f"tests.{file.removesuffix('.py').replace('/', '.')}"), name)
    try:
        for given in _arguments(test):
            test(**given)
    except (AssertionError, pytest.fail.Exception, ServiceError):
        return True
    return False


def _arguments(test: Callable[..., None]) -> Iterator[Mapping[str, Any]]:
    """Yield the sets of arguments that ``pytest.mark.parametrize`` gives to a test."""
    sets: list[dict[str, Any]] = [{}]
    for mark in getattr(test, "pytestmark", ()):
        names, values = mark.args[0], [*mark.args[1]]
        if isinstance(names, str):
            names, values = [names], [(value,) for value in values]
        sets = [{**given, **dict(zip(names, value, strict=True))} for given in sets for value in values]
    yield from sets
