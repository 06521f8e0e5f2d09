"""A seed file: accounts, posts and replies from the start, with the same ids each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from emulator.base.json_body import Malformed
from emulator.threads_api import World, serve
from emulator.threads_api.seed_file import read_seed, read_seed_file
from tests.emulator.threads_api.client import APP, Client
from tests.emulator.threads_api.test_main import process, ready_url
from tests.pages import Page

PAGE = Page(Path(__file__).parents[3] / "docs" / "threads-emulator.md")


def example() -> dict[str, Any]:
    """Return the file on the page."""
    [block] = [block for block in PAGE.blocks("json") if '"accounts"' in block]
    parsed: dict[str, Any] = json.loads(block)
    return parsed


def listed(url: str) -> list[dict[str, Any]]:
    """Return what Ada's list shows, and below it the replies to her first post."""
    client = Client(url)
    fields = "id,username,text,media_type,timestamp"
    posts = client.get("/v1.0/me/threads", "token-of-ada", fields=fields).json()["data"]
    replies = client.get(f"/v1.0/{posts[-1]['id']}/replies", "token-of-ada", fields=fields).json()["data"]
    return [*posts, *replies]


def test_the_file_of_the_page_is_what_there_is_also_after_a_reset() -> None:
    """Accounts, posts and a reply are there for the token of the file, and keep their ids."""
    with serve(World([APP], plant=read_seed(example()).plant)) as emulator:
        first = listed(emulator.url)
        assert [(it["username"], it.get("text"), it["media_type"]) for it in first] == [
            ("ada", None, "IMAGE"),
            ("ada", "Hello", "TEXT_POST"),
            ("ben", "Hi Ada", "TEXT_POST"),
        ]
        assert [it["username"] for it in emulator.accounts()] == ["ada", "ben"]
        emulator.reset()
        again = listed(emulator.url)
    assert [it["id"] for it in again] == [it["id"] for it in first]
    assert all(int(it["id"]) > 2**53 for it in first)
    ids = [account.id for account in World([APP], plant=read_seed(example()).plant).accounts.values()]
    assert ids == [it["id"] for it in emulator.accounts()]


def test_a_seeded_token_publishes_and_can_be_refreshed() -> None:
    """Everything that an account can do works with it; seeded posts use no quota."""
    with serve(World([APP], plant=read_seed(example()).plant)) as emulator:
        client = Client(emulator.url)
        limit = client.get("/v1.0/me/threads_publishing_limit", "token-of-ada").json()["data"][0]
        assert limit["quota_usage"] == 0
        new = client.publish("token-of-ada", "mine")
        assert client.get(f"/v1.0/{new}", "token-of-ada", fields="text").json()["text"] == "mine"
        refreshed = client.get("/refresh_access_token", "token-of-ada", grant_type="th_refresh_token")
        assert refreshed.json()["access_token"]


def test_the_command_takes_a_file(tmp_path: Path) -> None:
    """``--seed`` begins with it; a file that is wrong ends the command with a sentence."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(example()))
    with process("--seed", str(file)) as running:
        answer = requests.get(
            f"{ready_url(running)}/v1.0/me?fields=username&access_token=token-of-ada", timeout=10
        )
        assert answer.json()["username"] == "ada"
    file.write_text(json.dumps({"posts": [{"by": "nobody", "text": "x"}]}))
    with process("--seed", str(file)) as running:
        assert running.wait(10) == 1
        assert running.stderr is not None
        assert running.stderr.read() == "posts: there is no account nobody\n"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"people": []}, "the seed file has unknown fields: people"),
        ({"accounts": {}}, "accounts must be a list"),
        ({"accounts": ["ada"]}, r"accounts\[0\] must be a JSON object"),
        ({"accounts": [{}]}, r"accounts\[0\] needs username"),
        ({"accounts": [{"username": "a b"}]}, r"accounts\[0\]: username must have"),
        ({"accounts": [{"username": "a", "id": "x"}]}, r"accounts\[0\]: an id has only digits"),
        ({"accounts": [{"username": "a", "token": "short"}]}, r"accounts\[0\]: a token has 8 or more"),
        ({"accounts": [{"username": "a"}, {"username": "A"}]}, "each username must be another one"),
        ({"posts": [{"text": "x"}]}, r"posts\[0\] needs by"),
        ({"posts": [{"by": "ada"}]}, r"posts\[0\]: a post has text"),
        ({"posts": [{"by": "ada", "text": "x", "colour": "red"}]}, r"posts\[0\]: .*colour.* is not known"),
        ({"posts": [{"by": "ada", "text": "x", "topic_tag": "a.b"}]}, r"posts\[0\]: .*topic_tag"),
        ({"posts": [{"by": "ada", "text": "x", "reply_to": "7"}]}, r"posts\[0\]: there is no post 7 before"),
        ({"posts": [{"by": "ada", "text": "x", "hours_ago": -1}]}, "hours_ago must be a number from 0"),
        ({"posts": 2 * [{"by": "ada", "text": "x", "key": "k"}]}, r"posts\[1\]: id and key must be new"),
    ],
)
def test_a_mistake_names_its_entry(changed: dict[str, Any], complaint: str) -> None:
    """Whoever has written the file sees where it is wrong."""
    with pytest.raises(Malformed, match=complaint):
        read_seed({**example(), **changed})


def test_a_file_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    """There is no such file, or it is not JSON."""
    with pytest.raises(Malformed, match="cannot be read"):
        read_seed_file(tmp_path / "none.json")
    (tmp_path / "odd.json").write_text("{")
    with pytest.raises(Malformed, match="cannot be read"):
        read_seed_file(tmp_path / "odd.json")
