"""What the tests of the contract share: their classes run here, and in ``tests/e2e`` on the emulator."""

import pytest
from google.cloud.firestore import Client, DocumentReference


class OneDocument:
    """Tests about one document."""

    @pytest.fixture
    def document(self, client: Client) -> DocumentReference:
        """Return a document that is not there."""
        reference: DocumentReference = client.document("things/a")
        return reference
