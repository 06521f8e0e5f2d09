"""The console as a person uses it, in a real browser."""

from playwright.sync_api import Locator, Page, expect

from tests.e2e.world import Threads

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


def sign_in(page: Page, email: str) -> None:
    """Sign in as a new user."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Sign in", exact=True).click()


def connect(page: Page, name: str, button: str = "Connect Threads", refused: str | None = None) -> None:
    """Walk through the authorization window as one of its made-up people, who may refuse a permission."""
    allow(page, name, button, refused)
    expect(page.get_by_role("status")).to_contain_text("Your Threads account is connected")


def allow(page: Page, name: str, button: str, refused: str | None = None) -> None:
    """Press a button that leads to the window, and allow what is asked for there."""
    page.get_by_role("button", name=button).click()
    page.wait_for_url("**/oauth/authorize?**")
    page.get_by_text(name, exact=True).click()
    if refused:
        page.get_by_role("checkbox", name=refused).uncheck()
    page.get_by_role("button", name="Allow").click()


def sign_in_and_connect(page: Page, threads: Threads, email: str) -> None:
    """Sign in as a new user, and connect the first of the made-up people."""
    sign_in(page, email)
    connect(page, threads.accounts()[0]["name"])


def write(page: Page, text: str) -> None:
    """Write a draft."""
    page.locator("#text").fill(text)


def tool(page: Page, name: str) -> None:
    """Press a button of the row below the text."""
    page.get_by_role("group", name="Add to the post").last.get_by_role(
        "button", name=name, exact=True
    ).click()


def pick(page: Page, *names: str) -> None:
    """Add samples."""
    tool(page, "Picture or film")
    for name in names:
        page.get_by_role("button", name=f"Add: {name}").last.click()
    tool(page, "Picture or film")


def post_with(page: Page, text: str) -> Locator:
    """Return a post of the list."""
    return page.locator(".post", has_text=text)


def publish(page: Page) -> None:
    """Press the button, and wait until it can be pressed again."""
    button = page.locator("#publish")
    button.click()
    expect(button).not_to_have_attribute("aria-busy", "true")


def expected(complaints: list[str], *statuses: str) -> None:
    """Take the answers that a test provokes out of the complaints; there must be one at least."""
    assert complaints, statuses
    assert all(any(status in it for status in statuses) for it in complaints), complaints
    complaints.clear()
