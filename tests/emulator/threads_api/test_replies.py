"""Replies: whose they are, in which order, who hides and who approves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.emulator.threads_api.client import error_of

if TYPE_CHECKING:
    from tests.emulator.threads_api.client import Client


@dataclass(frozen=True)
class Tree:
    """A post with two replies of somebody else, the first of which was answered by the post's owner."""

    mine: str
    theirs: str
    root: str
    first: str
    answer: str
    second: str


@pytest.fixture
def tree(client: Client) -> Tree:
    """Publish a tree, a second apart."""
    mine, theirs = client.token(), client.token(account_id=client.account(username="other"))
    client.control("clock", freeze=True)

    def publish(token: str, text: str, **form: str) -> str:
        client.advance(1)
        return client.publish(token, text, **form)

    root = publish(mine, "root")
    first = publish(theirs, "first", reply_to_id=root)
    answer = publish(mine, "answer", reply_to_id=first)
    return Tree(mine, theirs, root, first, answer, publish(theirs, "second", reply_to_id=root))


def listed(client: Client, token: str, path: str, **query: str) -> list[str]:
    """Return the ids of a list."""
    return [entry["id"] for entry in client.get(f"/v1.0/{path}", token, **query).json()["data"]]


def field(client: Client, token: str, node: str, name: str) -> object:
    """Return one field of a node."""
    return client.get(f"/{node}", token, fields=name).json().get(name)


def test_replies_are_direct_and_a_conversation_is_all(client: Client, tree: Tree) -> None:
    """Both lists begin with the newest; ``reverse=false`` turns them round."""
    assert listed(client, tree.mine, f"{tree.root}/replies") == [tree.second, tree.first]
    assert listed(client, tree.mine, f"{tree.root}/replies", reverse="false") == [tree.first, tree.second]
    whole = [tree.first, tree.answer, tree.second]
    assert listed(client, tree.mine, f"{tree.root}/conversation", reverse="false") == whole
    assert listed(client, tree.mine, f"{tree.root}/conversation") == whole[::-1]


def test_a_reply_says_whose_it_is(client: Client, tree: Tree) -> None:
    """``is_reply_owned_by_me`` depends on who asks, and only replies have it; so it is with other fields."""
    assert field(client, tree.mine, tree.answer, "is_reply_owned_by_me") is True
    assert field(client, tree.theirs, tree.answer, "is_reply_owned_by_me") is False
    assert field(client, tree.mine, tree.root, "is_reply_owned_by_me") is None
    assert field(client, tree.mine, tree.root, "owner") == {"id": client.account()}
    assert field(client, tree.theirs, tree.root, "owner") is None
    assert field(client, tree.mine, tree.first, "reply_audience") is None
    assert field(client, tree.theirs, tree.first, "reply_audience") == "EVERYONE"
    assert field(client, tree.mine, tree.answer, "root_post") == {"id": tree.root}
    assert field(client, tree.mine, tree.answer, "replied_to") == {"id": tree.first}


def test_hiding_a_reply_hides_what_is_below(client: Client, tree: Tree) -> None:
    """The owner of the post hides and shows top-level replies, and nobody anything else."""
    hide = f"/{tree.first}/manage_reply"
    assert field(client, tree.mine, tree.first, "hide_status") == "NOT_HUSHED"
    assert client.post(hide, tree.mine, hide="true").json() == {"success": True}
    assert field(client, tree.mine, tree.answer, "hide_status") == "HIDDEN"
    assert field(client, tree.mine, tree.second, "hide_status") == "NOT_HUSHED"
    client.post(hide, tree.mine, hide="false")
    assert field(client, tree.mine, tree.answer, "hide_status") == "UNHUSHED"
    assert error_of(client.post(hide, tree.theirs, hide="true")) == (100, 33)
    assert error_of(client.post(f"/{tree.root}/manage_reply", tree.mine, hide="true")) == (100, 33)
    assert error_of(client.post(f"/{tree.answer}/manage_reply", tree.mine, hide="true")) == (100, None)
    assert error_of(client.post(hide, tree.mine)) == (100, None)
    assert error_of(client.post(hide, tree.mine, hide="maybe")) == (100, None)


def test_a_reply_may_need_approval(client: Client) -> None:
    """It is out once it is approved; an ignored one still can be. One's own replies need none."""
    mine, theirs = client.token(), client.token(account_id=client.account(username="other"))
    stranger = client.token(account_id=client.account(username="stranger"))
    root = client.publish(mine, enable_reply_approvals="true")
    own, reply = client.publish(mine, reply_to_id=root), client.publish(theirs, reply_to_id=root)
    pending, review = f"{root}/pending_replies", f"/{reply}/manage_pending_reply"

    assert listed(client, mine, f"{root}/replies") == [own]
    assert listed(client, mine, pending) == [reply]
    assert field(client, mine, reply, "reply_approval_status") == "pending"
    assert field(client, theirs, reply, "text") == "hello"
    assert error_of(client.get(f"/{reply}", stranger)) == (100, 33)

    client.post(review, mine, approve="false")
    assert listed(client, mine, pending, approval_status="pending") == []
    assert listed(client, mine, pending, approval_status="ignored") == [reply]
    assert client.post(review, mine, approve="true").json() == {"success": True}
    assert listed(client, mine, pending) == []
    assert listed(client, mine, f"{root}/replies", reverse="false") == [own, reply]
    assert field(client, mine, reply, "reply_approval_status") is None
    assert error_of(client.post(review, mine, approve="true")) == (100, 33)


def test_pending_replies_are_asked_for_rightly(client: Client) -> None:
    """The status is case-sensitive, and a post without approvals has no such list."""
    token = client.token()
    root, plain = client.publish(token, enable_reply_approvals="true"), client.publish(token)
    answer = client.get(f"/{root}/pending_replies", token, approval_status="PENDING")
    assert error_of(answer) == (100, None)
    assert error_of(client.get(f"/{plain}/pending_replies", token)) == (100, 33)


def test_replies_need_their_permissions(client: Client, tree: Tree) -> None:
    """Reading needs one permission, managing another."""
    token = client.token(scopes=["threads_basic"])
    for name in ("replies", "conversation", "pending_replies"):
        assert error_of(client.get(f"/{tree.root}/{name}", token)) == (10, None)
    for name in ("manage_reply", "manage_pending_reply"):
        assert error_of(client.post(f"/{tree.first}/{name}", token, hide="true")) == (10, None)
