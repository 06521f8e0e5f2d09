"""th_accounts: the cards, what the user chooses for an account, and an account's end."""

from typing import Any

import pytest
from flask import Response

from tests.unit.fakes import ACCOUNT, NOW, UID
from tests.unit.serving import serve
from tests.unit.whole_store import WholeWorld
from threads.managing import th_accounts

OTHER = "17841400000000000"


def patch(world: WholeWorld, body: Any, uid: str | None = UID) -> Response:
    """Send a choice."""
    return serve(th_accounts, world, method="PATCH", json=body, uid=uid)


def two() -> WholeWorld:
    """Return a world with two accounts, and another user's."""
    world = WholeWorld()
    world.store.join(OTHER)
    world.store.join("3", "bob")
    return world


def cards(response: Response) -> dict[str, Any]:
    """Return the answered cards by their accounts."""
    return {card["accountId"]: card for card in (response.get_json() or {})["accounts"]}


def test_the_default_account_is_chosen() -> None:
    """The named account becomes the default one, and stands first; everything else stays."""
    world = two()
    before = dict(world.store.cards)
    answer = patch(world, {"accountId": OTHER, "default": True})
    assert answer.status_code == 200
    assert (answer.get_json() or {})["defaultAccountId"] == OTHER
    assert [*cards(answer)] == [OTHER, ACCOUNT]
    assert (world.store.defaults[UID], world.store.cards) == (OTHER, before)


@pytest.mark.parametrize("choice", [True, False])
def test_reposting_is_switched(choice: bool) -> None:  # noqa: FBT001 - a column
    """What the account may be used for is on its card, and on no other one."""
    world = two()
    answer = patch(world, {"accountId": OTHER, "enabled_for_repost": choice})
    assert cards(answer)[OTHER]["enabled_for_repost"] is choice
    assert world.store.cards[UID, OTHER]["enabled_for_repost"] is choice
    assert "enabled_for_repost" not in world.store.cards[UID, ACCOUNT]
    assert (answer.get_json() or {})["defaultAccountId"] == ACCOUNT


def test_both_are_chosen_at_once() -> None:
    """One request may say both, in one commit."""
    world = two()
    commits = world.store.commits
    answer = patch(world, {"accountId": OTHER, "enabled_for_repost": True, "default": True})
    assert (cards(answer)[OTHER]["enabled_for_repost"], world.store.defaults[UID]) == (True, OTHER)
    assert world.store.commits == commits + 1


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
    """What does not say which account, and what to change, is a 400 that says so."""
    world = two()
    before = (dict(world.store.cards), dict(world.store.defaults))
    answer = patch(world, body)
    assert answer.status_code == 400
    assert said in (answer.get_json() or {})["error"]["message"]
    assert (world.store.cards, world.store.defaults) == before


@pytest.mark.parametrize("account_id", ["3", "17841400000000001", "x", "a/b", "__x__", "accounts.1"])
def test_another_ones_account_does_not_exist(account_id: str) -> None:
    """Neither an unknown account nor another user's can be changed, or disconnected."""
    world = two()
    before = (dict(world.store.cards), dict(world.store.defaults))
    choice = {"accountId": account_id, "default": True, "enabled_for_repost": True}
    for answer in (
        patch(world, choice),
        serve(th_accounts, world, method="DELETE", query_string={"accountId": account_id}),
    ):
        assert (answer.status_code, (answer.get_json() or {})["error"]["code"]) == (404, "account_not_found")
    assert (world.store.cards, world.store.defaults) == before


def test_a_disconnection_answers_what_is_left() -> None:
    """The cards that are left are answered, and how many posts were cancelled."""
    world = two()
    answer = serve(th_accounts, world, method="DELETE", query_string={"accountId": ACCOUNT}).get_json() or {}
    assert (answer["ok"], answer["cancelled"], answer["connectedCount"]) == (True, 0, 1)
    assert ([card["accountId"] for card in answer["accounts"]], answer["defaultAccountId"]) == (
        [OTHER],
        OTHER,
    )


@pytest.mark.parametrize(
    "query", ["", "accountId=", "accountId=1&accountId=2", "accountid=1", "accountId=%ff"]
)
def test_a_disconnection_names_its_account(query: str) -> None:
    """Without one account that is named nothing is disconnected."""
    world = two()
    answer = serve(th_accounts, world, method="DELETE", query_string=query)
    assert (answer.status_code, world.store.account_ids()) == (400, [ACCOUNT, OTHER])


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_nobody_is_nobody(method: str) -> None:
    """Without an ID token nothing is shown or changed."""
    world = two()
    body = {"accountId": ACCOUNT, "default": True}
    answer = serve(
        th_accounts, world, method=method, query_string={"accountId": ACCOUNT}, json=body, uid=None
    )
    assert (answer.status_code, world.store.account_ids()) == (401, [ACCOUNT, OTHER])


def test_cards_are_answered_as_they_are() -> None:
    """A GET answers the user's own cards, and changes nothing."""
    world = two()
    world.store.cards["bob", "3"]["expiresAt"] = NOW
    answer = serve(th_accounts, world, uid="bob").get_json() or {}
    assert answer == {
        "ok": True,
        "accounts": [
            {"accountId": "3", "status": "active", "username": "user3", "expiresAt": "2026-05-01T12:00:00Z"}
        ],
        "defaultAccountId": "3",
        "connectedCount": 1,
    }
    assert world.store.commits == 0
