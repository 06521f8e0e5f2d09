"""The controls that both emulators have: reset, clock, settings, lists, and malformed requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from emulator.base.control import add_list, json_body, make_app, make_controls
from emulator.base.settings import Settings
from emulator.base.world import World

if TYPE_CHECKING:
    from flask.testing import FlaskClient

START = {"colour": "red", "seconds": 1.0, "count": 250, "loud": True}


@dataclass(frozen=True)
class Chosen(Settings):
    """A setting of each kind."""

    WORDS: ClassVar = {"colour": ("red", "blue")}

    colour: str = "red"
    seconds: float = 1.0
    count: int = 250
    loud: bool = True


@dataclass
class Shape:
    """An entry of a list."""

    corners: int

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the control shows it."""
        return {"corners": self.corners}


@dataclass
class Shapes(World[Chosen]):
    """A world with two lists."""

    drawn: list[Shape] = field(default_factory=lambda: [Shape(3), Shape(4)])
    erased: list[Shape] = field(default_factory=lambda: [Shape(5)])

    def __post_init__(self) -> None:
        """Begin at the start."""
        super().__init__(Chosen())


@pytest.fixture
def world() -> Shapes:
    """Return a world in which nothing has happened yet."""
    return Shapes()


@pytest.fixture
def client(world: Shapes) -> FlaskClient:
    """Return a client of an emulator that has the shared controls, a list, and one control of its own."""
    control = make_controls()
    add_list(control, "shapes", lambda world: world.drawn, lambda world: world.erased)

    @control.post("/take")
    def take() -> dict[str, Any]:
        body = json_body()
        taken = {
            "name": body.text("name"),
            "count": body.count("count", 1),
            "wait": body.seconds("wait").total_seconds(),
            "words": body.texts("words", []),
            "is_null": body.null("nothing"),
            "inner": body.inner("inner").rest(),
        }
        body.finish()
        return taken

    return make_app("shapes", world, control).test_client()


def test_the_clock_advances_freezes_and_runs_on(client: FlaskClient) -> None:
    """The clock can be put forward, frozen, moved while it is frozen, and started again."""
    start = client.post("/_emulator/clock", json={"freeze": True}).get_json()
    moved = client.post("/_emulator/clock", json={"advance_seconds": 100}).get_json()
    assert moved == client.get("/_emulator/clock").get_json()
    assert (moved["unix"], moved["frozen"]) == (pytest.approx(start["unix"] + 100), True)
    running = client.post("/_emulator/clock", json={"freeze": False}).get_json()
    assert running["unix"] == pytest.approx(start["unix"] + 100, abs=1)
    assert running["frozen"] is False


def test_settings_change(client: FlaskClient) -> None:
    """Those that are named; the others stay."""
    assert client.get("/_emulator/settings").json == START
    changed = client.post("/_emulator/settings", json={"seconds": 0, "colour": "blue"}).get_json()
    assert changed == START | {"seconds": 0, "colour": "blue"}
    assert client.get("/_emulator/settings").json == changed


def test_a_reset_brings_back_real_time_and_the_first_settings(client: FlaskClient) -> None:
    """Whatever was changed before."""
    before = client.get("/_emulator/clock").get_json()
    client.post("/_emulator/clock", json={"advance_seconds": 1000, "freeze": True})
    client.post("/_emulator/settings", json={"loud": False})
    assert client.post("/_emulator/reset").json == {"ok": True}
    after = client.get("/_emulator/clock").get_json()
    assert (after["unix"], after["frozen"]) == (pytest.approx(before["unix"], abs=5), False)
    assert client.get("/_emulator/settings").json == START


def test_a_list_is_shown_and_emptied(client: FlaskClient, world: Shapes) -> None:
    """DELETE also empties a list that is not shown."""
    assert client.get("/_emulator/shapes").json == {"shapes": [{"corners": 3}, {"corners": 4}]}
    assert client.delete("/_emulator/shapes").json == {"ok": True}
    assert client.get("/_emulator/shapes").json == {"shapes": []}
    assert world.erased == []


def test_a_control_takes_a_json_object(client: FlaskClient) -> None:
    """Each field has its type, and may have a default."""
    sent = {"name": "a", "count": 2, "wait": 0.5, "words": ["b"], "nothing": None, "inner": {"c": 1}}
    taken = {"name": "a", "count": 2, "wait": 0.5, "words": ["b"], "is_null": True, "inner": {"c": 1}}
    assert client.post("/_emulator/take", json=sent).json == taken
    defaults = {"name": "a", "count": 1, "wait": 0.0, "words": [], "is_null": False, "inner": {}}
    assert client.post("/_emulator/take", json={"name": "a"}).json == defaults


@pytest.mark.parametrize(
    ("control", "body", "complaint"),
    [
        ("clock", None, "the body must be a JSON object"),
        ("clock", [], "the body must be a JSON object"),
        ("clock", {"advance_seconds": "60"}, "advance_seconds must be a number"),
        ("clock", {"advance_seconds": -1}, "advance_seconds must be a number"),
        ("clock", {"advance_seconds": 1e300}, "advance_seconds must be a number"),
        ("clock", {"freeze": 1}, "freeze must be true or false"),
        ("clock", {"forward": 1}, "unknown fields: forward"),
        ("settings", {"nonsense": 1}, "there is no setting nonsense; there are colour, seconds, count, loud"),
        ("settings", {"seconds": "1"}, "seconds must be like 1.0"),
        ("settings", {"count": 1.5}, "count must be like 250"),
        ("settings", {"count": -1}, "count must be like 250"),
        ("settings", {"loud": 1}, "loud must be like True"),
        ("settings", {"colour": "green"}, "colour must be one of red, blue"),
        ("take", {}, "the body needs name"),
        ("take", {"name": 5}, "name must be text"),
        ("take", {"name": "a", "count": 0}, "count must be a number from 1"),
        ("take", {"name": "a", "count": 1.5}, "count must be a whole number"),
        ("take", {"name": "a", "count": True}, "count must be a number"),
        ("take", {"name": "a", "words": "b"}, "words must be a list"),
        ("take", {"name": "a", "words": [1]}, "words must be a list of texts"),
        ("take", {"name": "a", "inner": []}, "inner must be a JSON object"),
        ("take", {"name": "a", "nothing": 1}, "unknown fields: nothing"),
    ],
)
def test_a_malformed_request_is_refused(client: FlaskClient, control: str, body: Any, complaint: str) -> None:
    """It is answered 400 with what is wrong, and changes nothing."""
    answer = client.post(f"/_emulator/{control}", json=body)
    assert answer.status_code == 400
    assert complaint in answer.get_json()["error"]
    assert client.get("/_emulator/settings").json == START
