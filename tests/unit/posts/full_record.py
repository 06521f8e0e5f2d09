"""A record with all fields that a document can have."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from threads.posts.content import Content
from threads.posts.ledger import Record, new_record


def full_record(content: Content, now: datetime) -> Record:
    """Return a record like no post's: no field has its default value, so its document has them all."""
    record = new_record("1", content, now, scheduled_time=now)
    unset = {
        field.name: field.default for field in fields(Record) if getattr(record, field.name) == field.default
    }
    changes: dict[str, Any] = {
        name: _value(name, default, now) for name, default in unset.items() if name != "state"
    }
    return replace(record, **changes)


def _value(name: str, default: object, now: datetime) -> object:
    """Return a value that a field does not have by itself."""
    if default == ():
        return ({"id": "2", "replaced": 0},)
    if default is not None:
        return type(default)(1)  # type: ignore[call-arg]
    if name == "error":
        return {"code": "conflict", "nextAction": "wait"}
    return now if name.endswith(("_at", "_until", "_since")) else "x"
