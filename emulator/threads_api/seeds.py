"""Other people of Threads, and what they have published: a small, made-up world that never changes.

Nobody can sign in as them, and the controls do not list them. They can be looked up, searched, quoted and
replied to, and they mention the first accounts. Meta's official accounts are there because apps with standard
access can look up only those. Two shortcodes are those of Meta's reference and of its Postman collection.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.threads_api.model import Account, Post
from emulator.threads_api.shortcodes import media_id_of

_FIRST_DAY = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def _official(number: int, username: str, name: str, biography: str) -> Account:
    return Account(
        str(17_841_400_000_000_001 + 2 * number), username, name, f"{biography} (made up)", is_verified=True
    )


_THREADS = _official(0, "threads", "Threads", "Say more with Threads.")
_META = _official(1, "meta", "Meta", "Your world.")
_INSTAGRAM = _official(2, "instagram", "Instagram", "Discover what is next.")
_FACEBOOK = _official(3, "facebook", "Facebook", "Connect with friends.")
_PERSON = Account("17841400000000021", "ada.keller", "Ada Keller", "Trains, tea, technology. (made up)")


def _post(number: int, account: Account, shortcode: str, text: str, **more: Any) -> Post:
    content = {"media_type": "TEXT", "text": text, **more}
    published_at = _FIRST_DAY + timedelta(days=number)
    return Post(media_id_of(shortcode), account.id, shortcode, content, published_at)


_WELCOME = _post(
    0, _THREADS, "DCkkKl_OGb1", "Welcome to the #ThreadsAPI. What will you build?", topic_tag="ThreadsAPI"
)

_POSTS = (
    _WELCOME,
    _post(1, _META, "DDzbnVKx57R", "Technology is best when it brings people together."),
    _post(2, _PERSON, "DEaaaaaaaa1", "Reading about the ThreadsAPI on the train.", topic_tag="technology"),
    _post(3, _PERSON, "DEaaaaaaaa5", "A reader, mostly.", reply_to_id=_WELCOME.id),
    _post(
        4,
        _PERSON,
        "DEaaaaaaaa9",
        "Morning, @mira.okafor, @jonas_lind and @tea.and.tides: who is coming to the harbour?",
    ),
    _post(
        5,
        _INSTAGRAM,
        "DEaaaaaaabB",
        "Photographs of weather, by @jonas_lind.",
        media_type="IMAGE",
        image_url="https://example.com/weather.jpg",
        alt_text="Clouds over a harbour",
    ),
    _post(6, _FACEBOOK, "DEaaaaaaabF", "Good morning, Menlo Park.", location_id="110843418940484"),
)

ACCOUNTS = (_THREADS, _META, _INSTAGRAM, _FACEBOOK, _PERSON)


def posts() -> dict[str, Post]:
    """Return the posts by their ids: new objects, which a world may change."""
    return {post.id: Post(**vars(post)) for post in _POSTS}
