"""The contract of the in-memory Firestore, kept by the emulator: unit tests run on nothing else."""

import pytest
from google.cloud.firestore import Client

from tests.e2e.world import Firebase
from tests.firestore.test_queries import TestGroups, TestQueries
from tests.firestore.test_values import TestValues
from tests.firestore.test_writes import TestBatches, TestPlaces, TestVersions, TestWrites

__all__ = [
    "TestBatches",
    "TestGroups",
    "TestPlaces",
    "TestQueries",
    "TestValues",
    "TestVersions",
    "TestWrites",
]


@pytest.fixture
def client(whole_firebase: Firebase) -> Client:
    """Return a client of the emulator, which is empty."""
    whole_firebase.clear()
    return whole_firebase.client
