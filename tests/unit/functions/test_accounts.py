"""th_accounts: the cards, what the user chooses for an account, and disconnecting one."""

import json
from typing import Any

import pytest
from flask import Response

from tests.unit.serving import door, serve
from tests.unit.world import ACCOUNT, NOW, UID, World, summary_path
from threads.functions.accounts import th_accounts
from threads.functions.callers import Task

OTHER = "17841400000000000"


def accounts(world: World, **request: Any) -> Response:
    """Return what th_accounts answers."""
    return serve(th_accounts, world.connections, door(world).user, **request)


def patch(world: World, body: Any) -> Response:
    """Send a choice."""
    return accounts(world, method="PATCH", json=body)


def two() -> World:
    """Return a world with two accounts, and another user's."""
    world = World()
    world.connect(OTHER)
    world.connect("3", uid="bob")
    return world


def cards(response: Response) -> dict[str, Any]:
    """Return the answered cards by their accounts."""
    return {card["accountId"]: card for card in (response.get_json() or {})["accounts"]}


def test_the_default_account_is_chosen() -> None:
    """The named account becomes the default one, and stands first; everything else stays."""
    world = two()
    before = world.everything()
    answer = patch(world, {"accountId": OTHER, "default": True})
    assert answer.status_code == 200
    assert (answer.get_json() or {})["defaultAccountId"] == OTHER
    assert [*cards(answer)] == [OTHER, ACCOUNT]
    changed = {"defaultAccountId": OTHER, "updatedAt": NOW}
    assert world.everything() == before | {summary_path(UID): before[summary_path(UID)] | changed}


@pytest.mark.parametrize("choice", [True, False])
def test_reposting_is_switched(choice: bool) -> None:  # noqa: FBT001 - a column
    """The choice is stored on the account's own card, and on no other."""
    world = two()
    answer = patch(world, {"accountId": OTHER, "enabled_for_repost": choice})
    assert cards(answer)[OTHER]["enabled_for_repost"] is choice
    assert world.card(OTHER)["enabled_for_repost"] is choice
    assert "enabled_for_repost" not in world.card(ACCOUNT)
    assert (answer.get_json() or {})["defaultAccountId"] == ACCOUNT


def test_both_are_chosen_at_once() -> None:
    """One request may change both, in one commit."""
    world = two()
    patch(world, {"accountId": OTHER, "enabled_for_repost": True, "default": True})
    summary = world.summary() or {}
    assert (summary["accounts"][OTHER]["enabled_for_repost"], summary["defaultAccountId"]) == (True, OTHER)
    assert world.wire.commits == 1


BAD_CHOICES: list[tuple[Any, str]] = [
    ({}, "accountId"),
    ({"accountId": ACCOUNT}, "enabled_for_repost or default"),
    ({"accountId": ACCOUNT, "enabled_for_repost": None, "default": None}, "enabled_for_repost or default"),
    ({"default": True}, "accountId"),
    ({"accountId": "", "default": True}, "accountId"),
    ({"accountId": 7, "default": True}, "must be a text"),
    ({"accountId": "1" * 300, "default": True}, "characters"),
    ({"accountId": ACCOUNT, "default": False}, "name the account to use instead"),
    ({"accountId": ACCOUNT, "default": False, "enabled_for_repost": True}, "name the account to use instead"),
    ({"accountId": ACCOUNT, "default": "yes"}, "true or false"),
    ({"accountId": ACCOUNT, "enabled_for_repost": 1}, "true or false"),
    ({"accountId": ACCOUNT, "default": True, "status": "active"}, "not known"),
    ([], "JSON object"),
]


@pytest.mark.parametrize(("body", "said"), BAD_CHOICES, ids=range(len(BAD_CHOICES)))
def test_an_unclear_choice_changes_nothing(body: Any, said: str) -> None:
    """A body that lacks the account or the change is a 400, and its message names what is wrong."""
    world = two()
    before = world.everything()
    answer = patch(world, body)
    assert answer.status_code == 400
    assert said in (answer.get_json() or {})["error"]["message"]
    assert world.everything() == before


@pytest.mark.parametrize("account_id", ["3", "17841400000000001", "x", "a/b", "__x__", "accounts.1"])
def test_an_account_of_another_user_does_not_exist(account_id: str) -> None:
    """A user can neither change nor disconnect an unknown account, or another user's."""
    world = two()
    before = world.everything()
    choice = {"accountId": account_id, "default": True, "enabled_for_repost": True}
    for answer in (
        patch(world, choice),
        accounts(world, method="DELETE", query_string={"accountId": account_id}),
    ):
        assert (answer.status_code, (answer.get_json() or {})["error"]["code"]) == (404, "account_not_found")
    assert world.everything() == before


def test_a_disconnection_answers_what_is_left() -> None:
    """The answer has the cards that are left, and how many posts were cancelled."""
    world = two()
    answer = accounts(world, method="DELETE", query_string={"accountId": ACCOUNT}).get_json() or {}
    assert (answer["ok"], answer["cancelled"], answer["connectedCount"]) == (True, 0, 1)
    assert ([card["accountId"] for card in answer["accounts"]], answer["defaultAccountId"]) == (
        [OTHER],
        OTHER,
    )


@pytest.mark.parametrize(
    "query", ["", "accountId=", "accountId=1&accountId=2", "accountid=1", "accountId=%ff"]
)
def test_a_disconnection_names_its_account(query: str) -> None:
    """A request that does not name one account disconnects nothing."""
    world = two()
    before = world.everything()
    answer = accounts(world, method="DELETE", query_string=query)
    assert (answer.status_code, world.everything()) == (400, before)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_without_an_id_token_nothing_is_shown_or_changed(method: str) -> None:
    """Every method needs a signed-in user."""
    world = two()
    before = world.everything()
    body = {"accountId": ACCOUNT, "default": True}
    answer = accounts(world, method=method, query_string={"accountId": ACCOUNT}, json=body, uid=None)
    assert (answer.status_code, world.everything()) == (401, before)


def test_cards_are_answered_as_they_are() -> None:
    """A GET answers the user's own cards, and changes nothing."""
    world = two()
    card = {**world.card("3", "bob"), "expiresAt": NOW}
    world.database.put(summary_path("bob"), {**(world.summary("bob") or {}), "accounts": {"3": card}})
    answer = accounts(world, uid="bob").get_json() or {}
    assert answer == {
        "ok": True,
        "accounts": [
            {
                "accountId": "3",
                "canPublish": True,
                "status": "active",
                "username": "user3",
                "expiresAt": "2026-05-01T12:00:00Z",
            }
        ],
        "defaultAccountId": "3",
        "connectedCount": 1,
    }
    assert world.wire.commits == 0


def test_a_card_of_a_newer_version_hides_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    """Cards are shown as far as they are understood. One that is none is left out, and the log names it."""
    world = two()
    odd = {"username": 7, "status": "dormant", "seen": [{"at": NOW}], "raw": b"\x00"}
    summary = world.summary() or {}
    there = {**summary["accounts"], "8": odd, "9": "a card of another kind"}
    world.database.put(summary_path(UID), {**summary, "accounts": there})
    answer = accounts(world)
    shown = cards(answer)
    assert answer.status_code == 200
    assert shown.keys() == {ACCOUNT, OTHER, "8"}
    at = "2026-05-01T12:00:00Z"
    assert shown["8"] == {**odd, "accountId": "8", "canPublish": True, "seen": [{"at": at}], "raw": None}
    assert json.loads(capsys.readouterr().out)["unreadable"] == ["9"]


# --- forgetting a user --------------------------------------------------------------------------------------


def as_server(world: World, **request: Any) -> Response:
    """Return what the app's server is answered."""
    return serve(th_accounts, world.connections, lambda _request: Task(), **request)


def test_a_user_forgets_all_accounts() -> None:
    """The user's own token forgets this user, and nobody else."""
    world = two()
    answer = accounts(world, method="DELETE", query_string="all=true")
    body = answer.get_json() or {}
    assert (answer.status_code, body["ok"], body["status"]) == (202, True, "running")
    assert world.database.fields(f"threadsDeletions/{body['code']}")
    assert (world.account_ids(), world.account_ids("bob")) == ([], ["3"])


def test_the_apps_server_forgets_a_user() -> None:
    """It names the user."""
    world = two()
    assert as_server(world, method="DELETE", query_string="all=true&userId=bob").status_code == 202
    assert (len(world.account_ids()), world.account_ids("bob")) == (2, [])


@pytest.mark.parametrize("query", ["all=false", "all=true&accountId=3", "all=true&userId=bob", "all="])
def test_a_user_forgets_all_or_one(query: str) -> None:
    """Anything in between is refused, and so is another user's name."""
    world = two()
    assert accounts(world, method="DELETE", query_string=query).status_code == 400
    assert len(world.account_ids()) == 2


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("GET", "", 403),
        ("PATCH", "", 403),
        ("DELETE", "", 400),
        ("DELETE", "userId=bob", 400),
        ("DELETE", "all=true", 400),
        ("DELETE", "all=true&userId=a/b", 400),
        ("DELETE", "all=true&userId=bob&accountId=3", 400),
    ],
)
def test_the_apps_server_may_do_nothing_else(method: str, query: str, status: int) -> None:
    """A service account sees no cards and changes no account."""
    world = two()
    before = world.everything()
    assert as_server(world, method=method, query_string=query).status_code == status
    assert world.everything() == before
