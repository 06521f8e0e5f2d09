"""The journey of a person, in a real browser: sign in, connect, publish, look at the post."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from emulator.suite import Suite
from tests.e2e.world import Firebase, Threads

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The machine's own, if it has one; else the one that ``make setup`` has downloaded."""

FLAGS = (
    "--no-sandbox",  # Chromium's own needs rights that a container does not give
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

SLOW = 30_000
"""Milliseconds: the Functions emulator starts a process for a request, which takes a second, or ten on a busy
machine."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a headless browser."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, suite: Suite) -> Iterator[Page]:
    """Open the page with an empty profile; whatever it complains about on its console fails the test."""
    context = browser.new_context(base_url=suite.page_url)
    context.set_default_timeout(SLOW)
    expect.set_options(timeout=SLOW)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/")
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page, email: str) -> None:
    """Sign in as a new user."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Sign in").click()


def connect(page: Page, name: str, button: str = "Connect Threads") -> None:
    """Walk through the authorization window as one of its made-up people."""
    page.get_by_role("button", name=button).click()
    page.wait_for_url("**/oauth/authorize?**")
    page.get_by_text(name, exact=True).click()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("status")).to_have_text("Your Threads account is connected.")


def test_a_person_signs_in_connects_and_publishes(
    page: Page, firebase: Firebase, threads: Threads, suite: Suite
) -> None:
    """From the first page to the post on Threads, and the page remembers the account."""
    assert firebase
    first, second = threads.accounts()[:2]
    sign_in(page, "journey@example.com")
    connect(page, first["name"])
    assert "threads=" not in page.url
    account = page.locator(".account")
    expect(account).to_have_count(1)
    expect(account).to_contain_text(f"@{first['username']}")
    expect(account.locator("img")).to_have_js_property("complete", value=True)

    connect(page, second["name"], button="Connect another")
    expect(account).to_have_count(2)
    page.locator(".account", has_text=second["username"]).click()
    page.get_by_label("Text", exact=True).and_(page.get_by_role("textbox")).fill("Hello from the journey")
    page.get_by_role("button", name="Publish").click()
    post = page.locator(".post")
    expect(post).to_contain_text("Hello from the journey")
    expect(post).to_contain_text(f"@{second['username']}")
    assert [(it["account_id"], it["content"]["text"]) for it in threads.posts()] == [
        (second["id"], "Hello from the journey")
    ]

    with page.expect_popup() as opened:
        post.get_by_role("link").click()
    expect(opened.value.locator("body")).to_contain_text("Hello from the journey")
    assert opened.value.url.startswith(f"{suite.threads_url}/@{second['username']}/post/")

    page.reload()
    expect(account).to_have_count(2)


def test_a_person_cancels_and_is_told(page: Page, firebase: Firebase, threads: Threads) -> None:
    """Leaving the window brings one back, with nothing connected."""
    assert firebase
    assert threads
    sign_in(page, "hesitant@example.com")
    page.get_by_role("button", name="Connect Threads").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_have_text("You cancelled. Nothing was connected.")
    expect(page.locator(".account")).to_have_count(0)


def test_a_picture_needs_its_address_and_a_draft_stays_with_its_author(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """Image without an address cannot be published by mistake, and the next user finds an empty composer."""
    assert firebase
    picture = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    page.route(
        "https://media.example/*", lambda route: route.fulfill(content_type="image/svg+xml", body=picture)
    )
    sign_in(page, "photographer@example.com")
    connect(page, threads.accounts()[0]["name"])
    page.locator("#text").fill("A cat")
    page.get_by_role("radio", name="Image").check()
    publish = page.get_by_role("button", name="Publish")
    expect(publish).to_be_disabled()
    page.locator("#media-url").fill("https://media.example/cat.jpg")
    publish.click()
    expect(page.locator(".post")).to_contain_text("A cat")
    assert threads.posts()[0]["content"]["image_url"] == "https://media.example/cat.jpg"

    page.locator("#text").fill("Nobody else's business")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "somebody.else@example.com")
    expect(page.get_by_text("No account yet")).to_be_visible()
    expect(page.locator("#text")).to_have_value("")
    expect(page.locator(".post")).to_have_count(0)
