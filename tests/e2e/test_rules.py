"""firestore.rules, tried on the Firestore emulator with the ID tokens of real users.

Who may do what to which document, through the same REST API that Firebase's own clients use.
"""

from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.e2e.world import Firebase, SignedIn

ACTORS = ("owner", "stranger", "anonymous")
OPERATIONS = ("get", "list", "create", "update", "delete")

SUMMARY = "users/{uid}/integrations/threads"
DOCUMENTS = {
    "summary": SUMMARY,
    "account": f"{SUMMARY}/accounts/1",
    "post": f"{SUMMARY}/posts/1",
    "state": "oauthStates/1",
    "pending": "threadsPendingConnections/1",
    "claim": "threadsClaims/1",
    "deletion": "threadsDeletions/1",
    "user": "users/{uid}",
    "sibling": "users/{uid}/integrations/instagram",
    "deeper": f"{SUMMARY}/posts/1/drafts/1",
}
ALLOWED = {("owner", "get", "summary"), ("owner", "get", "post"), ("owner", "list", "post")}

FIELDS = {"fields": {"status": {"stringValue": "changed"}}}
TIMEOUT = 30


@dataclass(frozen=True)
class Rest:
    """Firestore's REST API, as one caller."""

    url: str
    token: str | None

    def status(self, operation: str, path: str) -> int:
        """Return the HTTP status of an operation on a document, or for list on its collection."""
        collection, _, name = path.rpartition("/")
        method, address, options = {
            "get": ("GET", path, {}),
            "list": ("GET", collection, {}),
            "create": ("POST", collection, {"params": {"documentId": f"{name}-new"}, "json": FIELDS}),
            "update": ("PATCH", path, {"params": {"currentDocument.exists": "true"}, "json": FIELDS}),
            "delete": ("DELETE", path, {}),
        }[operation]
        return self._send(method, address, **options).status_code

    def _send(self, method: str, address: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return requests.request(method, f"{self.url}/{address}", headers=headers, timeout=TIMEOUT, **options)


@pytest.fixture
def people(firebase: Firebase) -> dict[str, SignedIn | None]:
    """Return the actors; the owner's documents are all there."""
    owner = firebase.sign_in()
    for path in DOCUMENTS.values():
        firebase.write(path.format(uid=owner.uid), {"status": "kept"})
    return {"owner": owner, "stranger": firebase.sign_in(), "anonymous": None}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_only_the_owner_reads_and_nobody_writes(
    firebase: Firebase, people: dict[str, SignedIn | None], document: str
) -> None:
    """Summary and posts are their owner's to read; everything else is the server's alone."""
    owner = people["owner"]
    assert owner is not None
    path = DOCUMENTS[document].format(uid=owner.uid)
    for actor in ACTORS:
        person = people[actor]
        rest = Rest(firebase.rest, person.id_token if person else None)
        for operation in OPERATIONS:
            expected = 200 if (actor, operation, document) in ALLOWED else 403
            assert rest.status(operation, path) == expected, (actor, operation, path)
    assert firebase.read(path) == {"status": "kept"}
