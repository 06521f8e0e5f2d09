"""What ``make bench`` makes of its figures: the page, and the picture."""

import pytest

from tests.bench.growth import shown
from tests.bench.page import replaced
from tests.bench.picture import apart

PAGE = """# Page

<!-- make bench ONLY=warm -->

| old |

<!-- end of warm -->

The end.
"""


def test_a_part_replaces_its_own_table_only() -> None:
    """What stands around the two comments stays, and the same table twice changes nothing."""
    once = replaced(PAGE, "warm", ["| new |"])
    assert once == PAGE.replace("| old |", "| new |")
    assert replaced(once, "warm", ["| new |"]) == once


@pytest.mark.parametrize("page", ["", "<!-- end of warm -->\n<!-- make bench ONLY=warm -->\n", PAGE + PAGE])
def test_a_page_without_the_place_is_not_changed(page: str) -> None:
    """The error names the two comments that are missing, or are there twice."""
    with pytest.raises(ValueError, match="no place for warm: <!-- make bench ONLY=warm -->"):
        replaced(page, "warm", ["| new |"])


def test_names_in_the_picture_do_not_cover_each_other() -> None:
    """Names whose lines are close move up, and no further than they must."""
    assert apart([100, 99, 40], gap=10) == [100, 90, 40]


@pytest.mark.parametrize(("documents", "cell"), [([4, 4, 4], "4"), ([5, 5, 11], "5, 5, 11")])
def test_what_does_not_grow_is_one_number(documents: list[int], cell: str) -> None:
    """The table shows at a glance what grows."""
    assert shown(documents) == cell
