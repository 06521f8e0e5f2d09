"""The Firestore that the contract's tests run on here; in ``tests/e2e`` they run on the emulator."""

import pytest
from google.cloud import firestore

from tests.firestore.client import Client


@pytest.fixture
def client() -> firestore.Client:
    """Return a client of an empty Firestore."""
    return Client().provide()
