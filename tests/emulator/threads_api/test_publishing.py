"""From a container to a post, and what may be done with a post."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.emulator.threads_api.client import error_of, race

if TYPE_CHECKING:
    import requests

    from tests.emulator.threads_api.client import Client

DAY = 24 * 3600
IMAGE = {"media_type": "IMAGE", "image_url": "https://cdn.example/a.jpg"}
VIDEO = {"media_type": "VIDEO", "video_url": "https://cdn.example/a.mp4"}
TEXT = {"media_type": "TEXT", "text": "hello"}


def status(client: Client, token: str, container: str) -> dict[str, str]:
    """Return what a container says of itself."""
    answer: dict[str, str] = client.get(f"/v1.0/{container}", token, fields="status,error_message").json()
    assert answer.pop("id") == container
    return answer


def publish(client: Client, token: str, container: str) -> requests.Response:
    """Publish a container."""
    return client.post("/v1.0/me/threads_publish", token, creation_id=container)


def test_text_is_published_in_one_call(client: Client) -> None:
    """With auto_publish_text the id in the answer is the media id, and there is no container."""
    token = client.token()
    media_id = client.publish(token)
    assert client.get(f"/{media_id}", token, fields="text").json()["text"] == "hello"
    assert client.see("containers") == []


def test_text_container_is_finished_at_once(client: Client) -> None:
    """A text needs no processing; the post has another id than its container."""
    token = client.token()
    container = client.container(token, **TEXT)
    assert status(client, token, container) == {"status": "FINISHED"}
    media_id = publish(client, token, container).json()["id"]
    assert media_id != container
    assert status(client, token, container) == {"status": "PUBLISHED"}
    assert client.see("posts")[0]["container_id"] == container


@pytest.mark.parametrize(("form", "seconds"), [(IMAGE, 1), (VIDEO, 3)])
def test_media_is_processed_first(client: Client, form: dict[str, str], seconds: int) -> None:
    """Image and video are IN_PROGRESS for a while, by the emulator's clock."""
    token = client.token()
    client.control("clock", freeze=True)
    container = client.container(token, **form)
    client.advance(seconds - 0.1)
    assert status(client, token, container) == {"status": "IN_PROGRESS"}
    client.advance(0.1)
    assert status(client, token, container) == {"status": "FINISHED"}
    assert publish(client, token, container).status_code == 200


def test_publishing_before_finished_is_not_found(client: Client) -> None:
    """Publishing too early is 24/4279009, said to be not transient; nothing is published."""
    token = client.token()
    answer = publish(client, token, client.container(token, **VIDEO))
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["code"], error["error_subcode"], error["is_transient"]) == (24, 4279009, False)
    assert error["message"] == "The requested resource does not exist"
    assert client.see("posts") == []


def test_container_is_published_once(client: Client) -> None:
    """A second publish of the same container is an error, and there is still one post."""
    token = client.token()
    container = client.container(token, **TEXT)
    assert publish(client, token, container).status_code == 200
    again = publish(client, token, container)
    assert (again.status_code, error_of(again)) == (400, (100, None))
    assert len(client.see("posts")) == 1


def test_one_of_twenty_publishers_wins(client: Client) -> None:
    """Of twenty publishes of one container at the same time, exactly one makes a post."""
    token = client.token()
    container = client.container(token, **TEXT)
    form = {"creation_id": container, "access_token": token}
    assert race(f"{client.url}/me/threads_publish", form) == [200] + [400] * 19
    assert len(client.see("posts")) == 1


def test_unpublished_container_expires_after_a_day(client: Client) -> None:
    """After 24 hours a container is EXPIRED and cannot be published."""
    token = client.token()
    client.control("clock", freeze=True)
    container = client.container(token, **TEXT)
    client.advance(DAY - 1)
    assert status(client, token, container) == {"status": "FINISHED"}
    client.advance(1)
    assert status(client, token, container) == {"status": "EXPIRED"}
    assert error_of(publish(client, token, container)) == (24, 4279009)


@pytest.mark.parametrize("form", [IMAGE, VIDEO])
def test_processing_can_be_scripted_to_fail(client: Client, form: dict[str, str]) -> None:
    """A scripted failure shows ERROR with its message after processing; the next container is fine."""
    client.control("media", error_message="INVALID_DURATION", processing_seconds=10)
    token = client.token()
    failing, fine = client.container(token, **form), client.container(token, **form)
    assert status(client, token, failing) == {"status": "IN_PROGRESS"}
    client.advance(10)
    assert status(client, token, failing) == {"status": "ERROR", "error_message": "INVALID_DURATION"}
    assert status(client, token, fine) == {"status": "FINISHED"}
    assert error_of(publish(client, token, failing)) == (100, None)


def test_processing_can_be_scripted_never_to_finish(client: Client) -> None:
    """A scripted hang stays IN_PROGRESS until it expires; only the scripted kind and number are concerned."""
    client.control("media", never_finishes=True, media_type="VIDEO", times=2)
    token = client.token()
    image, *videos = [client.container(token, **form) for form in (IMAGE, VIDEO, VIDEO, VIDEO)]
    client.advance(DAY - 60)
    seen = [status(client, token, container)["status"] for container in (image, *videos)]
    assert seen == ["FINISHED", "IN_PROGRESS", "IN_PROGRESS", "FINISHED"]


def test_other_peoples_containers_cannot_be_published(client: Client) -> None:
    """A container belongs to the account that made it."""
    container = client.container(client.token(account_id=client.account(username="other")), **TEXT)
    assert error_of(publish(client, client.token(), container)) == (24, 4279009)


def test_publishing_needs_its_scope_and_a_creation_id(client: Client) -> None:
    """Without threads_content_publish it is a permission error; without creation_id error 100."""
    token = client.token()
    container = client.container(token, **TEXT)
    assert error_of(publish(client, client.token(scopes=["threads_basic"]), container)) == (10, None)
    assert error_of(client.post("/me/threads_publish", token)) == (100, None)


def carousel(client: Client, token: str, count: int = 2) -> list[str]:
    """Create finished carousel items."""
    items = [client.container(token, **IMAGE, is_carousel_item="true") for _ in range(count)]
    client.advance(1)
    return items


def test_carousel_is_one_post(client: Client) -> None:
    """A carousel of finished items is published as one post, and counts as one."""
    token = client.token()
    items = carousel(client, token, 20)
    parent = client.container(token, media_type="CAROUSEL", children=",".join(items), text="all")
    assert status(client, token, parent) == {"status": "IN_PROGRESS"}
    client.advance(1)
    media_id = publish(client, token, parent).json()["id"]
    seen = client.get(f"/{media_id}", token, fields="media_type,children").json()
    assert seen["media_type"] == "CAROUSEL_ALBUM"
    assert [child["id"] for child in seen["children"]["data"]] == items
    assert client.get("/me/threads_publishing_limit", token).json() == {"data": [{"quota_usage": 1}]}


@pytest.mark.parametrize("count", [1, 21])
def test_carousel_has_2_to_20_children(client: Client, count: int) -> None:
    """Fewer or more children are refused."""
    token = client.token()
    children = ",".join(carousel(client, token, count))
    answer = client.post("/me/threads", token, media_type="CAROUSEL", children=children)
    assert error_of(answer) == (100, None)


def test_children_must_be_finished_items_of_the_account(client: Client) -> None:
    """Unready, failed, plain or foreign containers do not become children."""
    token = client.token()
    good = carousel(client, token, 1)[0]
    client.control("media", error_message="UNKNOWN")
    failed = client.container(token, **IMAGE, is_carousel_item="true")
    unready = client.container(token, **VIDEO, is_carousel_item="true")
    plain = client.container(token, **TEXT)
    foreign = client.container(
        client.token(account_id=client.account(username="other")), **IMAGE, is_carousel_item="true"
    )
    invalid = (100, 4279004)
    errors = {failed: invalid, unready: invalid, plain: (100, None), foreign: invalid, "123": invalid}
    for child, error in errors.items():
        answer = client.post("/me/threads", token, media_type="CAROUSEL", children=f"{good},{child}")
        assert error_of(answer) == error


def test_carousel_item_is_not_a_post(client: Client) -> None:
    """An item is published with its carousel only."""
    token = client.token()
    assert error_of(publish(client, token, carousel(client, token, 1)[0])) == (100, None)


def test_posts_and_replies_have_their_own_limits(client: Client) -> None:
    """Past the limit publishing is refused until the oldest use is a day old; creating is not counted."""
    client.control("settings", posts_per_day=2, replies_per_day=1)
    token = client.token()
    root = client.publish(token)
    client.advance(3600)
    client.publish(token)
    container = client.container(token, **TEXT)
    assert error_of(publish(client, token, container)) == (4, None)
    client.publish(token, reply_to_id=root)
    refused = client.post("/me/threads", token, **TEXT, auto_publish_text="true", reply_to_id=root)
    assert error_of(refused) == (4, None)
    client.advance(DAY - 3600)
    assert publish(client, token, container).status_code == 200
    assert error_of(client.post("/me/threads", token, **TEXT, auto_publish_text="true")) == (4, None)


def test_the_documented_limit_is_250(client: Client) -> None:
    """Unless told otherwise, the 251st post of a day is refused."""
    token = client.token()
    for _ in range(250):
        client.publish(token)
    assert error_of(client.post("/me/threads", token, **TEXT, auto_publish_text="true")) == (4, None)


def test_deleting(client: Client) -> None:
    """A deleted post is gone from everywhere, and its place in the limit is not given back."""
    token = client.token()
    post = client.publish(token)
    assert client.delete(f"/v1.0/{post}", token).json() == {"success": True, "deleted_id": post}
    assert error_of(client.get(f"/{post}", token)) == (100, 33)
    assert error_of(client.delete(f"/{post}", token)) == (100, 33)
    assert client.get("/me/threads", token).json() == {"data": []}
    assert client.see("posts")[0]["deleted_at"]
    assert client.get("/me/threads_publishing_limit", token).json()["data"][0]["quota_usage"] == 1


def test_deleting_is_limited_and_needs_its_scope(client: Client) -> None:
    """threads_delete is needed, and a day has so many deletions."""
    client.control("settings", deletions_per_day=1)
    token = client.token()
    first, second = client.publish(token), client.publish(token)
    scopes = ["threads_basic", "threads_content_publish"]
    assert error_of(client.delete(f"/{first}", client.token(scopes=scopes))) == (10, None)
    assert client.delete(f"/{first}", token).status_code == 200
    assert error_of(client.delete(f"/{second}", token)) == (4, None)


def test_other_peoples_posts_cannot_be_deleted(client: Client) -> None:
    """Only one's own posts can be deleted."""
    post = client.publish(client.token(account_id=client.account(username="other")))
    assert error_of(client.delete(f"/{post}", client.token())) == (100, 33)


def test_repost(client: Client) -> None:
    """A repost is a new post that names the original."""
    post = client.publish(client.token(account_id=client.account(username="other")))
    token = client.token()
    answer = client.post(f"/v1.0/{post}/repost", token)
    seen = client.get(f"/{answer.json()['id']}", token, fields="media_type,reposted_post").json()
    assert (seen["media_type"], seen["reposted_post"]) == ("REPOST_FACADE", {"id": post})
    assert error_of(client.post("/123/repost", token)) == (100, 33)


def test_ghost_post_is_gone_after_a_day(client: Client) -> None:
    """A ghost post vanishes by itself after 24 hours."""
    token = client.token()
    post = client.publish(token, is_ghost_post="true")
    assert client.get(f"/{post}", token, fields="ghost_post_status").json()["ghost_post_status"] == "ACTIVE"
    client.advance(DAY)
    assert error_of(client.get(f"/{post}", token)) == (100, 33)


@pytest.mark.parametrize("outcome", ["SUCCESS", "FAILED"])
def test_sharing_to_instagram_tells_its_status(client: Client, outcome: str) -> None:
    """The answer says how sharing went; the post is live either way."""
    client.control("settings", instagram_share=outcome)
    token = client.token()
    form = {**TEXT, "crossreshare_to_ig": "true"}
    at_once = client.post("/me/threads", token, **form, auto_publish_text="true").json()
    later = publish(client, token, client.container(token, **form)).json()
    assert [at_once["crossreshare_to_ig_status"], later["crossreshare_to_ig_status"]] == [outcome] * 2
    assert len(client.see("posts")) == 2
