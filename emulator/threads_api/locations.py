"""The locations that can be found and tagged. Six places, always the same. No HTTP here.

Source: Meta, "Location tagging", "Reference > Location search" and "Reference > Locations".
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.threads_api.fields import Table, View


@dataclass(frozen=True)
class Location:
    """A place."""

    id: str
    name: str
    address: str
    city: str
    country: str
    latitude: float
    longitude: float
    postal_code: str


#: The first is the one of Meta's sample.
LOCATIONS = {
    place.id: place
    for place in (
        Location(
            "110843418940484",
            "Facebook Headquarters",
            "1 Hacker Way",
            "Menlo Park",
            "USA",
            37.48375115774628,
            -122.14892131843617,
            "94025",
        ),
        Location(
            "110843418940501",
            "Burgess Park",
            "701 Laurel St",
            "Menlo Park",
            "USA",
            37.4527,
            -122.1780,
            "94025",
        ),
        Location(
            "110843418940529",
            "Tea & Tides",
            "4 Harbour Row",
            "Margate",
            "United Kingdom",
            51.3909,
            1.3805,
            "CT9 1JD",
        ),
        Location(
            "110843418940533",
            "Markthalle Neun",
            "Eisenbahnstraße 42",
            "Berlin",
            "Germany",
            52.5021,
            13.4317,
            "10997",
        ),
        Location(
            "110843418940547",
            "Bondi Beach",
            "Queen Elizabeth Dr",
            "Sydney",
            "Australia",
            -33.8908,
            151.2743,
            "2026",
        ),
        Location(
            "110843418940551",
            "Lekki Market",
            "Lekki-Epe Expressway",
            "Lagos",
            "Nigeria",
            6.4361,
            3.5262,
            "106104",
        ),
    )
}


def _shown(name: str) -> Callable[[View, Any], object]:
    return lambda _view, place: getattr(place, name)


LOCATION_FIELDS: Table = {
    name: _shown(name)
    for name in ("id", "name", "address", "city", "country", "latitude", "longitude", "postal_code")
}

#: What a search shows if no field is asked for: all, as in Meta's sample.
ALL_LOCATION_FIELDS = ",".join(LOCATION_FIELDS)


def search(query: str, near: tuple[float, float] | None) -> list[Location]:
    """Return the places whose words contain the query; with coordinates the nearest one first."""
    wanted = query.casefold().split()
    found = [place for place in LOCATIONS.values() if all(word in _words(place) for word in wanted)]
    if near is not None:
        latitude, longitude = near
        found.sort(key=lambda place: hypot(place.latitude - latitude, place.longitude - longitude))
    return found


def _words(place: Location) -> str:
    return f"{place.name} {place.address} {place.city} {place.country} {place.postal_code}".casefold()
