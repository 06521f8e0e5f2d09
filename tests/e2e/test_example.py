"""The example app in a real browser: connect, publish once whatever happens, schedule, and follow."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from emulator.suite.paths import NODE_MODULES
from tests.e2e.browsing import allow, connect, expected, sign_in, sign_in_and_connect
from tests.e2e.client import build
from tests.e2e.world import CloudTasks, Firebase, Threads, summary_path

AXE = NODE_MODULES / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Build the client and the example."""
    build()


@pytest.fixture
def app(page: Page, firebase: Firebase, threads: Threads) -> Page:
    """Open the example with an empty profile, an empty Firestore and a fresh Threads."""
    assert firebase
    assert threads
    page.goto("/client/example/")
    return page


def write(page: Page, text: str, button: str = "Publish") -> None:
    """Write a text, and press the button."""
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name=button).click()


def key_of(request: Request) -> str:
    """Return the key of a post that is sent."""
    return str(json.loads(request.post_data or "")["idempotencyKey"])


def axe(page: Page) -> list[str]:
    """Return what axe-core finds on the page, whatever its weight."""
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found: list[str] = page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))")
    return found


def test_a_person_connects_chooses_and_publishes(app: Page, threads: Threads) -> None:
    """The page that Threads returns to shows the account; a post is published as the one that is chosen."""
    first, second = threads.accounts()[:2]
    assert axe(app) == []
    sign_in(app, "example@example.com")
    connect(app, first["name"])
    assert app.url.endswith("/client/example/"), "the handle is taken off the address"
    connect(app, second["name"], button="Connect another account")
    app.get_by_role("radio", name=second["username"]).check()
    write(app, "Hello from the example")
    row = app.get_by_role("listitem")
    expect(row).to_contain_text("published")
    expect(row.get_by_role("link", name="See it on Threads")).to_be_visible()
    expect(app.get_by_label("Text")).to_have_value("")
    assert [(it["account_id"], it["content"]["text"]) for it in threads.posts()] == [
        (second["id"], "Hello from the example")
    ]
    assert axe(app) == []


def test_a_scheduled_post_is_published_before_ones_eyes(
    app: Page, threads: Threads, cloud_tasks: CloudTasks
) -> None:
    """The list follows it without Firestore, and another one is cancelled in time."""
    sign_in_and_connect(app, threads, "scheduler@example.com")
    soon = (datetime.now(UTC).astimezone() + timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M")
    for text in ("Good morning", "Rather not"):
        app.get_by_label("Publish at").fill(soon)
        write(app, text, "Schedule")
        expect(app.get_by_role("listitem").filter(has_text=text)).to_contain_text("Scheduled for")
    app.get_by_role("listitem").filter(has_text="Rather not").get_by_role("button", name="Cancel").click()
    expect(app.get_by_role("listitem").filter(has_text="Rather not")).to_contain_text("cancelled")
    cloud_tasks.pass_time(240)
    app.reload()
    expect(app.get_by_role("listitem").filter(has_text="Good morning")).to_contain_text("published")
    assert [it["content"]["text"] for it in threads.posts()] == ["Good morning"]


def test_a_reload_in_the_middle_loses_nothing_and_publishes_once(
    app: Page, threads: Threads, complaints: list[str]
) -> None:
    """The request is out, and its answer lost. The page, opened again, offers to go on, with the same key."""
    sign_in_and_connect(app, threads, "interrupted@example.com")
    keys: list[str] = []

    def lose(route: Route) -> None:
        keys.append(key_of(route.request))
        route.fetch()
        route.abort()

    app.route("**/publish_threads", lambda route: lose(route) if route.request.method == "POST" else None)
    write(app, "Once is enough")
    expect(app.get_by_text("Trying again in")).to_be_visible()
    app.unroute("**/publish_threads")
    app.reload()
    with app.expect_request("**/publish_threads") as sent:
        app.get_by_role("button", name="Go on").click()
    assert {*keys, key_of(sent.value)} == {keys[0]}
    expect(app.get_by_role("listitem")).to_contain_text("published")
    expect(app.get_by_role("button", name="Go on")).to_be_hidden()
    assert len(threads.posts()) == 1
    expected(complaints, "ERR_FAILED")


def test_two_tabs_with_the_same_draft_publish_once(
    app: Page, threads: Threads, complaints: list[str]
) -> None:
    """A browser's tabs know of each other's unfinished posts: both show the one post."""
    sign_in_and_connect(app, threads, "tabs@example.com")
    other = app.context.new_page()
    other.goto("/client/example/")
    threads.answer("/threads", delay_seconds=2)
    for tab in (app, other):
        tab.get_by_label("Text").fill("From two tabs")
    app.get_by_role("button", name="Publish").click()
    other.get_by_role("button", name="Publish").click()
    for tab in (app, other):
        expect(tab.get_by_role("listitem")).to_contain_text("published")
        expect(tab.get_by_label("Text")).to_have_value("")
    assert len(threads.posts()) == 1
    # One of them may be told to wait, which the browser notes.
    assert all("409 (Conflict)" in it for it in complaints), complaints
    complaints.clear()


def test_cancelling_and_choosing_the_wrong_account_are_told(
    app: Page, threads: Threads, firebase: Firebase, complaints: list[str]
) -> None:
    """Each return from Threads says what has become of it, and leaves a clean address."""
    first, second = threads.accounts()[:2]
    sign_in(app, "hesitant@example.com")
    app.get_by_role("button", name="Connect Threads").click()
    app.get_by_role("button", name="Cancel").click()
    expect(app.get_by_role("status")).to_have_text("You cancelled. Nothing was connected.")
    connect(app, first["name"], refused="Create and publish threads")
    expect(app.get_by_text("May not publish for you")).to_be_visible()
    expect(app.get_by_role("radio")).to_be_disabled()
    allow(app, second["name"], button=f"Connect @{first['username']} again")
    expect(app.get_by_role("status")).to_contain_text("Nothing was changed")
    assert "threads=" not in app.url
    connect(app, first["name"], button=f"Connect @{first['username']} again")
    expect(app.get_by_role("radio")).to_be_checked()
    assert firebase.names("users")
    expected(complaints, "409")


def test_a_person_signs_in_with_threads(app: Page, threads: Threads, firebase: Firebase) -> None:
    """One window makes a user with an account."""
    person = threads.accounts()[0]
    allow(app, person["name"], "Sign in with Threads")
    expect(app.get_by_role("radio", name=person["username"])).to_be_checked()
    assert firebase.read(summary_path(f"threads:{person['id']}"))
