"""The writes of a commit: what the real client accepts, preconditions, and the effect on a document."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.cloud.firestore import DELETE_FIELD, ExistsOption, LastUpdateOption, WriteOption
from google.cloud.firestore_v1.field_path import FieldPath

from tests.firestore.errors import refusal
from tests.firestore.fields import Path, put, remove
from tests.firestore.values import Fields, stored, stored_fields, stored_name
from tests.firestore.versions import read_version

Verb = Literal["create", "set", "update", "delete"]


class Write(NamedTuple):
    """One write, checked and converted."""

    verb: Verb
    path: str
    fields: Fields
    """New values of the document's own fields."""
    deep: Sequence[tuple[Path, Any]] = ()
    """New values at deeper paths; a field with DELETE_FIELD goes."""
    keeps_others: bool = False
    exists: bool | None = None
    """Whether the document must be there."""
    version: datetime | None = None
    """The version that the document must have."""

    def check(self, version: datetime | None) -> None:
        """Compare the document's version, None where it is not there, with the precondition.

        Raises:
            AlreadyExists: a new document is there.
            NotFound: one that must be there is not.
            FailedPrecondition: it has changed.
            InvalidArgument: it has never had this version.

        """
        if self.version is not None:
            if self.version == version:
                return
            if version is not None and self.version > version:
                raise refusal(
                    InvalidArgument, f"Invalid base version of {self.path}, greater than the stored one."
                )
            raise refusal(FailedPrecondition, f"The version of {self.path} is {version}, not {self.version}.")
        if self.exists and version is None:
            raise refusal(NotFound, f"There is no {self.path} to {self.verb}.")
        if self.exists is False and version is not None:
            raise refusal(AlreadyExists, f"There is a {self.path}.")

    def applied(self, before: Fields | None) -> Fields:
        """Return the fields that a document has after the write."""
        if before is None or not self.keeps_others:
            before = {}
        after = {**before, **self.fields}
        for path, value in self.deep:
            if value is DELETE_FIELD:
                remove(after, path)
            else:
                put(after, path, value)
        return after


def creation(path: str, fields: Mapping[str, Any]) -> Write:
    """Return the write of ``create``."""
    return Write("create", path, stored_fields(fields), exists=False)


def setting(path: str, fields: Mapping[str, Any], merge: bool) -> Write:  # noqa: FBT001 - as the real one
    """Return the write of ``set``."""
    if merge is False:
        return Write("set", path, stored_fields(fields))
    if merge is not True:
        raise NotImplementedError("The in-memory Firestore merges all fields or none.")
    return Write("set", path, {}, tuple(_leaves(fields)), keeps_others=True)


def updating(path: str, changes: Mapping[str, Any], option: WriteOption | None) -> Write:
    """Return the write of ``update``, whose names are field paths."""
    if not changes:
        raise ValueError("Cannot update with an empty document.")
    if isinstance(option, ExistsOption):
        raise ValueError("you must not pass an explicit write option to update.")  # noqa: TRY004
    fields: Fields = {}
    deep: list[tuple[Path, Any]] = []
    for name, value in changes.items():
        parts = _PATHS[name]
        if value is DELETE_FIELD:
            deep.append((parts, value))
        elif len(parts) == 1:
            fields[parts[0]] = stored(value)
        else:
            deep.append((parts, stored(value)))
    if deep:
        _check_overlap([*((name,) for name in fields), *(parts for parts, _ in deep)])
    return Write("update", path, fields, deep, keeps_others=True, **_precondition(option, exists=True))


def deletion(path: str, option: WriteOption | None) -> Write:
    """Return the write of ``delete``."""
    return Write("delete", path, {}, **_precondition(option, exists=None))


def _precondition(option: WriteOption | None, *, exists: bool | None) -> dict[str, Any]:
    """Return the precondition of an option. For the real client, a version of None is none."""
    if option is None:
        return {"exists": exists}
    if isinstance(option, ExistsOption) and option._exists:
        return {"exists": True}
    if not isinstance(option, LastUpdateOption):
        raise NotImplementedError(f"The in-memory Firestore does not know the option {option!r}.")
    return {"version": read_version(option._last_update_time)}


def _leaves(fields: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the paths and values that ``set`` merges; an empty map is a value."""
    for name, value in fields.items():
        parts = (*above, stored_name(name))
        if isinstance(value, dict) and value:
            yield from _leaves(value, parts)
        else:
            yield parts, value if value is DELETE_FIELD else stored(value)


def _check_overlap(paths: Sequence[Path]) -> None:
    known = set(paths)
    for path in paths:
        if any(path[:length] in known for length in range(1, len(path))):
            raise ValueError(f"Conflicting field path: {'.'.join(path)}")
    if len(known) < len(paths):
        raise ValueError("Conflicting field path: one is there twice.")


class _Paths(dict[str, Path]):
    """The names in field paths, each path parsed once."""

    def __missing__(self, path: str) -> Path:
        parts = tuple(stored_name(name) for name in FieldPath.from_string(path).parts)
        if len(self) > _PATHS_KEPT:
            self.clear()
        self[path] = parts
        return parts


_PATHS_KEPT = 10_000
_PATHS = _Paths()
