"""The proof that one request becomes one post, and one window one account, by the ten thousand faults.

``python -m tests.faults`` runs the rows of the table below, and prints one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Row(NamedTuple):
    """One row of the proof."""

    module: str
    """The file that runs it."""
    what: str
    """What it runs, in a few words."""


ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "F1": Row("ledger_matrix", "the ledger: faults x stops x duplicates"),
        "F2": Row("real_function", "the real function, real servers"),
        "F3": Row("random_load", "random deliveries, 16 at a time"),
        "F4": Row("kills", "kill -9 of the function's process under load"),
        "F5": Row("crowds", "100 deliveries, 100 callbacks at once"),
        "F6": Row("teeth", "every mutant is caught"),
        "F7": Row("endings", "after the faults all posts end (F1's cells)"),
        "F8": Row("composed_matrix", "carousels and threads: faults x stops"),
        "F9": Row("wide_matrix", "the wider world: lists, clocks, owners"),
        "F10": Row("outage", "1,000 accepted posts, a two-hour outage"),
        "F11": Row("connecting", "1,000 connections, a fault in each"),
    }
)
