"""The contract of writes: what becomes of a document, when a precondition fails, and which paths are refused.

The same tests run against the emulator, in ``tests/e2e``.
"""

from datetime import UTC, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)
from google.cloud.firestore import DELETE_FIELD, Client, DocumentReference

from tests.firestore.contract import OneDocument

Fields = dict[str, Any]

MERGES: list[tuple[Fields | None, Fields, Fields]] = [
    ({"a": 1}, {}, {"a": 1}),
    (None, {}, {}),
    (None, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
    ({"a": {"x": {"p": 1}}}, {"a": {"x": {"q": 2}}}, {"a": {"x": {"p": 1, "q": 2}}}),
    ({"a": {"x": 1}}, {"a": {}}, {"a": {}}),
    ({"a": 5}, {"a": {"y": 2}}, {"a": {"y": 2}}),
    ({"a": [{"x": 1}]}, {"a": [{"y": 1}]}, {"a": [{"y": 1}]}),
    ({"a": 1}, {"x.y": 2}, {"a": 1, "x.y": 2}),
    ({"a": 1}, {"a": DELETE_FIELD}, {}),
    (None, {"a": DELETE_FIELD}, {}),
    ({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"x": DELETE_FIELD}}, {"a": {"y": 2}, "b": 1}),
    ({"a": {"x": 1}}, {"a": {"x": DELETE_FIELD}}, {"a": {}}),
    ({"a": 5}, {"a": {"x": DELETE_FIELD}}, {"a": 5}),
    ({"a": 1}, {"b": {"x": DELETE_FIELD}}, {"a": 1}),
]
"""A document, what is merged into it, and the result."""

UPDATES: list[tuple[Fields, Fields, Fields]] = [
    ({"a": 1, "b": 2}, {"a": None}, {"a": None, "b": 2}),
    ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"y": 2}}),
    ({"a": {"x": 1}}, {"a.y": 2}, {"a": {"x": 1, "y": 2}}),
    ({"a": {"b": {"c": 1, "d": 2}}}, {"a.b": {"c": 3}}, {"a": {"b": {"c": 3}}}),
    ({"a": 5}, {"a.y": 2}, {"a": {"y": 2}}),
    ({"a": 5}, {"b.x.y": 2, "b.x.z": 3}, {"a": 5, "b": {"x": {"y": 2, "z": 3}}}),
    ({"a": 1}, {"`a.b`.c": 2}, {"a": 1, "a.b": {"c": 2}}),
    ({"a": 1}, {"a": {"q.w": 1}, "b": {}}, {"a": {"q.w": 1}, "b": {}}),
    ({"a": 1}, {"1a": 1, "a-b": 2, "é.x": 3}, {"a": 1, "1a": 1, "a-b": 2, "é": {"x": 3}}),
    ({"a": 1, "b": 2}, {"a": DELETE_FIELD, "zz": DELETE_FIELD}, {"b": 2}),
    ({"a": {"x": 1}}, {"a.x": DELETE_FIELD}, {"a": {}}),
    ({"a": 5}, {"a.x": DELETE_FIELD, "b.x": DELETE_FIELD}, {"a": 5}),
]
"""A document, its update, and the result."""

BAD_PATHS = ["", "things", "things/a/b", "/things/a", "things//"]
"""Paths that lead to no document."""

BAD_IDS = ["", ".", "..", "__x__", "é" * 751]
"""What the server takes for no document's id."""


class TestWrites(OneDocument):
    """What each write does, and refuses to do."""

    def test_a_new_document_is_created_once(self, document: DocumentReference) -> None:
        """A second creation fails, and changes nothing."""
        written = document.create({"a": 1})
        with pytest.raises(AlreadyExists):
            document.create({"a": 2})
        assert document.get().to_dict() == {"a": 1}
        assert document.get().update_time == written.update_time

    def test_a_document_that_is_not_there_is_found_as_such(self, document: DocumentReference) -> None:
        """Its snapshot has a place, and nothing else."""
        snapshot = document.get()
        assert not snapshot.exists
        assert (snapshot.id, snapshot.reference.path) == ("a", "things/a")
        assert snapshot.to_dict() is snapshot.update_time is snapshot.get("a") is None

    def test_an_empty_document_is_there(self, document: DocumentReference) -> None:
        """A document need not have a field."""
        document.create({})
        assert document.get().exists
        assert document.get().to_dict() == {}

    def test_a_set_replaces_all_fields(self, document: DocumentReference) -> None:
        """It also creates a document."""
        document.set({"a": 1, "b": 1})
        document.set({"b": 2})
        assert document.get().to_dict() == {"b": 2}

    @pytest.mark.parametrize(("before", "merged", "after"), MERGES)
    def test_a_merge_keeps_other_fields(
        self, document: DocumentReference, before: Fields | None, merged: Fields, after: Fields
    ) -> None:
        """Maps are merged field by field, and an empty map replaces what is there."""
        if before is not None:
            document.set(before)
        document.set(merged, merge=True)
        assert document.get().to_dict() == after

    @pytest.mark.parametrize(("before", "change", "after"), UPDATES)
    def test_an_update_changes_the_named_fields(
        self, document: DocumentReference, before: Fields, change: Fields, after: Fields
    ) -> None:
        """A name is a path, whose dots lead into maps; a map replaces what is there."""
        document.set(before)
        document.update(change)
        assert document.get().to_dict() == after

    def test_the_fields_may_be_any_mapping(self, document: DocumentReference) -> None:
        """The maps in it may not (see the values)."""
        change: Any = MappingProxyType({"a": 1})
        document.create(change)
        document.update(change)
        document.set(change, merge=True)
        assert document.get().to_dict() == {"a": 1}

    def test_a_deleted_document_is_gone(self, document: DocumentReference) -> None:
        """Deleting it again does no harm."""
        document.set({"a": 1})
        document.delete()
        document.delete()
        assert not document.get().exists

    @pytest.mark.parametrize(
        "change", [{"a.b": 1, "a": 1}, {"a": {"b": DELETE_FIELD}}, {}, {"a..b": 1}, {"": 1}]
    )
    def test_some_updates_are_refused(self, document: DocumentReference, change: Fields) -> None:
        """No update of two things in one, of nothing, or with a field to delete inside a map."""
        document.set({"a": 1})
        with pytest.raises((ValueError, TypeError)):
            document.update(change)
        assert document.get().to_dict() == {"a": 1}

    @pytest.mark.parametrize("fields", [{"a": DELETE_FIELD}, {"a": {"b": DELETE_FIELD}}])
    def test_a_whole_document_deletes_no_field(self, document: DocumentReference, fields: Fields) -> None:
        """Only an update and a merge do."""
        with pytest.raises(ValueError, match="DELETE_FIELD"):
            document.create(fields)
        with pytest.raises(ValueError, match="DELETE_FIELD"):
            document.set(fields)


class TestVersions(OneDocument):
    """A document's version is the moment of its last change, and the precondition of the next one."""

    def test_a_change_makes_a_later_version(self, document: DocumentReference) -> None:
        """Every kind of change does, and its answer has the version."""
        versions = [
            document.create({"a": 1}).update_time,
            document.update({"a": 2}).update_time,
            document.update({"a": 2.0}).update_time,
            document.set({"a": 3}, merge=True).update_time,
            document.set({}).update_time,
        ]
        assert versions == sorted(set(versions))
        assert document.get().update_time == versions[-1]
        assert document.delete() > versions[-1]

    def test_what_changes_nothing_makes_no_version(self, document: DocumentReference) -> None:
        """The version is that of the last real change."""
        version = document.create({"a": {"b": [1]}}).update_time
        assert document.update({"a.b": [1]}).update_time == version
        assert document.set({"a": {"b": [1]}}, merge=True).update_time == version
        assert document.set({"a": {"b": [1]}}).update_time == version
        assert document.get().update_time == version

    def test_a_document_that_has_not_changed_is_changed(
        self, client: Client, document: DocumentReference
    ) -> None:
        """The version may come from an answer to a write or from a snapshot, and be any aware datetime."""
        version = document.create({"a": 1}).update_time
        document.update({"a": 2}, option=client.write_option(last_update_time=version))
        read = document.get().update_time
        version = document.update({"a": 3}, client.write_option(last_update_time=read)).update_time
        document.update({"a": 4}, client.write_option(last_update_time=version.astimezone(UTC)))
        document.delete(client.write_option(last_update_time=document.get().update_time))
        assert not document.get().exists

    def test_a_document_that_has_changed_is_left_alone(
        self, client: Client, document: DocumentReference
    ) -> None:
        """Neither an update nor a deletion overtakes another writer."""
        unchanged = client.write_option(last_update_time=document.create({"a": 1}).update_time)
        document.update({"a": 2})
        with pytest.raises(FailedPrecondition):
            document.update({"a": 3}, unchanged)
        with pytest.raises(FailedPrecondition):
            document.delete(unchanged)
        assert document.get().to_dict() == {"a": 2}

    def test_a_version_does_not_outlive_its_document(
        self, client: Client, document: DocumentReference
    ) -> None:
        """One that was deleted and created again has changed."""
        unchanged = client.write_option(last_update_time=document.create({"a": 1}).update_time)
        document.delete()
        with pytest.raises(FailedPrecondition):
            document.update({"a": 2}, unchanged)
        with pytest.raises(FailedPrecondition):
            document.delete(unchanged)
        document.create({"a": 1})
        with pytest.raises(FailedPrecondition):
            document.update({"a": 2}, unchanged)

    def test_a_version_of_the_future_is_refused(self, client: Client, document: DocumentReference) -> None:
        """The server knows that the document has never had it."""
        version = document.create({"a": 1}).update_time + timedelta(days=1)
        with pytest.raises(InvalidArgument):
            document.update({"a": 2}, client.write_option(last_update_time=version))

    def test_without_a_version_a_document_must_be_there(
        self, client: Client, document: DocumentReference
    ) -> None:
        """An update never creates a document; a deletion asks for one only when told to."""
        with pytest.raises(NotFound):
            document.update({"a": 1})
        with pytest.raises(NotFound):
            document.update({"a": 1}, None)
        with pytest.raises(NotFound):
            document.delete(client.write_option(exists=True))
        assert not document.get().exists

    def test_an_empty_version_is_no_precondition(self, client: Client, document: DocumentReference) -> None:
        """The version of a document that is not there is None, with which an update creates it."""
        nothing = client.write_option(last_update_time=document.get().update_time)
        document.update({"a": 1}, nothing)
        document.update({"b": 2}, nothing)
        assert document.get().to_dict() == {"a": 1, "b": 2}

    @pytest.mark.parametrize("version", [0, 1.5, object()])
    def test_a_version_is_a_moment(
        self, client: Client, document: DocumentReference, version: object
    ) -> None:
        """Anything else is a mistake of the caller's."""
        document.create({"a": 1})
        with pytest.raises(TypeError):
            document.update({"a": 2}, client.write_option(last_update_time=version))

    def test_an_option_says_one_thing(self, client: Client, document: DocumentReference) -> None:
        """A version, or whether the document is there; the latter is not for updates."""
        with pytest.raises(TypeError):
            client.write_option()
        with pytest.raises(TypeError):
            client.write_option(last_update_time=None, exists=True)
        with pytest.raises(ValueError, match="option"):
            document.update({"a": 1}, client.write_option(exists=True))


class TestBatches(OneDocument):
    """A batch is carried out as a whole or not at all."""

    def test_all_writes_have_one_version(self, client: Client) -> None:
        """The answer has them in order; what did not change keeps its version, what is gone has none."""
        new, changed, same, gone = (client.document(f"things/{name}") for name in "abcd")
        for document in (changed, same, gone):
            document.set({"a": 1})
        before = same.get().update_time
        batch = client.batch()
        batch.create(new, {"a": 1})
        batch.update(
            changed, {"a": 2}, option=client.write_option(last_update_time=changed.get().update_time)
        )
        batch.set(same, {"a": 1}, merge=True)
        batch.delete(gone)
        versions = [written.update_time for written in batch.commit()]
        assert versions == [new.get().update_time, changed.get().update_time, before, None]
        assert versions[0] == versions[1]
        assert not gone.get().exists

    @pytest.mark.parametrize("fails_first", [True, False])
    def test_one_failure_prevents_all(self, client: Client, *, fails_first: bool) -> None:
        """Wherever in the batch it is."""
        there, new = client.document("things/a"), client.document("things/b")
        there.set({"a": 1})
        batch = client.batch()
        if fails_first:
            batch.create(there, {})
        batch.create(new, {})
        if not fails_first:
            batch.update(client.document("things/c"), {"a": 1})
        with pytest.raises(AlreadyExists if fails_first else NotFound):
            batch.commit()
        assert not new.get().exists

    def test_the_first_failure_is_told(self, client: Client) -> None:
        """Of two preconditions that do not hold, the answer is about the first."""
        there, missing = client.document("things/a"), client.document("things/b")
        there.set({"a": 1})
        batch = client.batch()
        batch.create(there, {})
        batch.update(missing, {"a": 1})
        with pytest.raises(AlreadyExists):
            batch.commit()
        batch = client.batch()
        batch.update(missing, {"a": 1})
        batch.create(there, {})
        with pytest.raises(NotFound):
            batch.commit()

    def test_a_batch_is_carried_out_once(self, client: Client) -> None:
        """It is empty then, and an empty one does nothing."""
        batch = client.batch()
        batch.create(client.document("things/a"), {})
        assert len(batch.commit()) == 1
        assert batch.commit() == []

    def test_what_is_added_to_a_batch_stays_as_it_is(
        self, client: Client, document: DocumentReference
    ) -> None:
        """A change of the caller's values before the commit comes too late."""
        fields: Fields = {"a": [{"b": 1}]}
        batch = client.batch()
        batch.create(document, fields)
        fields["a"][0]["b"] = 2
        batch.commit()
        assert document.get().to_dict() == {"a": [{"b": 1}]}


class TestPlaces:
    """Where documents may be."""

    def test_a_place_has_one_name(self, client: Client) -> None:
        """All ways to it lead to equal references."""
        document = client.collection("users").document("ada").collection("posts").document("1")
        assert (document.path, document.id) == ("users/ada/posts/1", "1")
        assert document == client.document("users/ada/posts/1")
        assert document == client.document("users", "ada", "posts", "1")
        assert document == client.collection("users/ada/posts").document("1")
        assert document == client.collection("users").document("ada/posts/1")
        assert document != client.document("users/ada/posts/2")
        assert len({document, client.document("users/ada/posts/1")}) == 1
        assert client.collection("users/ada/posts").id == "posts"

    @pytest.mark.parametrize("path", BAD_PATHS)
    def test_a_document_is_in_a_collection(self, client: Client, path: str) -> None:
        """A path has a document's name after each collection's."""
        with pytest.raises(ValueError, match="even number"):
            client.document(path)

    def test_an_id_may_not_lead_elsewhere(self, client: Client) -> None:
        """An id with a slash is a path, and refused where it is no document's."""
        with pytest.raises(ValueError, match="even number"):
            client.collection("things").document("a/b")
        with pytest.raises(ValueError, match="odd number"):
            client.collection("things/a")
        with pytest.raises(ValueError, match="collection_id"):
            client.collection_group("things/a")

    @pytest.mark.parametrize("name", BAD_IDS)
    def test_the_server_refuses_some_ids(self, client: Client, name: str) -> None:
        """With the call, not before."""
        document = client.collection("things").document(name)
        with pytest.raises(InvalidArgument):
            document.set({"a": 1})

    @pytest.mark.parametrize("name", ["__x", "____", "a b", "a.b", "é" * 750, "*[]~`"])
    def test_other_ids_are_good(self, client: Client, name: str) -> None:
        """Even strange ones."""
        document = client.collection("things").document(name)
        document.set({"a": 1})
        assert document.get().id == name

    def test_several_documents_are_read_at_once(self, client: Client) -> None:
        """Each once, whether it is there or not."""
        there, missing = client.document("things/a"), client.document("others/b")
        there.set({"a": 1})
        snapshots = {found.reference.path: found for found in client.get_all([there, missing, there])}
        assert snapshots.keys() == {"things/a", "others/b"}
        assert snapshots["things/a"].to_dict() == {"a": 1}
        assert snapshots["things/a"].update_time == there.get().update_time
        assert snapshots["others/b"].to_dict() is None
