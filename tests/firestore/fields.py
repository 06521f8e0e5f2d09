"""Fields by their paths: the names that lead through a document's maps to a value."""

from typing import Any, Final

from google.cloud.firestore_v1.field_path import parse_field_path

from tests.firestore.values import Fields

Path = tuple[str, ...]

NOTHING: Final = object()
"""What is found where there is no field."""


def parsed(path: str) -> Path:
    """Return the names of a path as queries take it.

    Raises:
        ValueError: it is not a field path.

    """
    if names := tuple(parse_field_path(path)):
        return names
    raise ValueError("A field path is empty.")


def find(fields: Fields, path: Path) -> Any:
    """Return the value at a path, or NOTHING."""
    found: Any = fields
    for name in path:
        if type(found) is not dict or name not in found:
            return NOTHING
        found = found[name]
    return found


def put(fields: Fields, path: Path, value: Any) -> None:
    """Change what is at a path. The maps on the way are replaced, as they are shared."""
    *above, last = path
    for name in above:
        inner = fields.get(name)
        copy = dict(inner) if type(inner) is dict else {}
        fields[name] = copy
        fields = copy
    fields[last] = value


def remove(fields: Fields, path: Path) -> None:
    """Take away what is at a path, if anything; the maps on the way are replaced."""
    if find(fields, path) is not NOTHING:
        put(fields, path, None)
        for name in path[:-1]:
            fields = fields[name]
        del fields[path[-1]]
