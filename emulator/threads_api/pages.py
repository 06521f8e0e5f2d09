"""The pages that a browser shows: posts, profiles, pictures, and the emulator's front page.

An image or a video must have a public https address, which nothing on this machine has. So the addresses
below ``SAMPLES`` stand for files of the emulator: its pages show them from ``/samples/``.
"""

from __future__ import annotations

import colorsys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, make_response, render_template, send_from_directory

from emulator.threads_api import discovery, publishing, replies
from emulator.threads_api.edge import current_view, current_world
from emulator.threads_api.fields import permalink

if TYPE_CHECKING:
    from emulator.threads_api.model import Account, Post

pages = Blueprint("pages", __name__)

#: From other servers a page loads only the images and videos of its posts.
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; "
        "img-src 'self' data: http: https:; media-src 'self' http: https:"
    )
}
_HUES = 360

SAMPLES = "https://samples.example/"
"""What the addresses of the samples begin with. ``.example`` belongs to nobody (RFC 2606)."""

_SAMPLE_FILES = Path(__file__).with_name("samples")


@pages.get("/")
def front() -> Response:
    """Show the accounts, the latest posts, and links to the controls."""
    world = current_world()
    posts = [post for account_id in world.accounts for post in publishing.listed_posts(world, account_id)]
    posts.sort(key=lambda post: post.published_at, reverse=True)
    return render_page("front.html", people=world.accounts.values(), posts=posts[:50])


@pages.get("/@<username>")
def profile(username: str) -> Response:
    """Show an account and its posts."""
    account = _account(username)
    posts = [post for post in discovery.public_posts(current_world()) if post.account_id == account.id]
    return render_page("profile.html", account=account, posts=posts)


@pages.get("/@<username>/post/<shortcode>")
def post_page(username: str, shortcode: str) -> Response:
    """Show a post. This is its permalink."""
    account = _account(username)
    post = _post(account, shortcode)
    parent = current_world().every_post.get(post.content.get("reply_to_id", ""))
    answers = replies.direct(current_world(), post)
    return render_page("post.html", account=account, post=post, parent=parent, replies=answers)


@pages.get("/avatars/<account_id>.svg")
def avatar(account_id: str) -> Response:
    """Draw an account's picture: an initial on two colours, which follow from the username."""
    account = current_world().everybody.get(account_id)
    if account is None:
        abort(404)
    seed = zlib.crc32(account.username.encode())
    page = render_template(
        "avatar.svg",
        initial=(account.name or account.username)[:1].upper(),
        first=_colour(seed % _HUES),
        second=_colour((seed // _HUES) % _HUES),
    )
    return make_response(page, {"Content-Type": "image/svg+xml", "Cache-Control": "max-age=60"})


@pages.get("/samples/<name>")
def sample(name: str) -> Response:
    """Serve a sample: a small image or video."""
    return send_from_directory(_SAMPLE_FILES, name, max_age=3600)


@pages.app_template_filter("shown")
def shown_address(url: str) -> str:
    """Return where a page finds an image or a video."""
    return f"/samples/{url.removeprefix(SAMPLES)}" if url.startswith(SAMPLES) else url


def _colour(hue: int) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue / _HUES, 0.55, 0.6)
    return f"#{int(red * 255):02x}{int(green * 255):02x}{int(blue * 255):02x}"


def _account(username: str) -> Account:
    found = (it for it in current_world().everybody.values() if it.username == username.lower())
    return next(found, None) or abort(404)


def _post(account: Account, shortcode: str) -> Post:
    now = current_world().now()
    for post in current_world().every_post.values():
        if post.shortcode == shortcode and post.account_id == account.id and not post.gone(now):
            return post
    return abort(404)


def render_page(template: str, **values: object) -> Response:
    """Render a page. Each template gets the world's accounts, containers and posts, and links to posts."""
    world, view = current_world(), current_view()
    page = render_template(
        template,
        accounts=world.everybody,
        containers=world.containers,
        all_posts=world.every_post,
        link=lambda post: permalink(view, post),
        **values,
    )
    return make_response(page, _PAGE_HEADERS)
