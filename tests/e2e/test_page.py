"""The page as such: its size and speed, the keyboard alone, and what axe-core says about every page."""

import json
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from emulator.suite.paths import NODE_MODULES
from emulator.suite.suite import Suite
from tests.e2e.browsing import post_with, publish, sign_in, write
from tests.e2e.world import Firebase, Threads

MOST_BYTES = 60_000
"""What a browser may have to load of the page's own code, compressed as it is sent."""

MOST_LINES = 300

FIRST_PAINT_SECONDS = 1

LOADS = 3
"""How often the page is loaded: other programs may slow the machine down for a moment."""

AXE = NODE_MODULES / "axe-core" / "axe.min.js"

NARROW, WIDE = {"width": 320, "height": 700}, {"width": 1280, "height": 900}

PAGE_FILES = """
  performance.getEntriesByType("resource").map(({ name }) => name)
    .filter((name) => /^[a-z]+\\.(js|css|svg)$/.test(name.replace(location.origin + "/", "")))
"""
"""The addresses of the page's own files. How large they are is not asked here: a cached one may count 0."""

PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def size_as_sent(url: str) -> int:
    """Return the bytes of a file as a browser gets it."""
    headers = {"Accept-Encoding": "gzip, deflate, br"}
    with requests.get(url, headers=headers, stream=True, timeout=30) as answer:
        answer.raise_for_status()
        return len(answer.raw.read(decode_content=False))


def serious(page: Page) -> list[dict[str, Any]]:
    """Return what axe-core finds serious on a page as it is now."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        {"rule": it["id"], "at": [node["target"] for node in it["nodes"]]}
        for it in found
        if it["impact"] in {"serious", "critical"}
    ]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def test_the_page_is_small_and_paints_at_once(page: Page) -> None:
    """Its own code is below 60 kB as it is sent, and something is seen within a second."""
    paints = []
    for _ in range(LOADS):
        page.reload()
        page.get_by_label("E-mail").wait_for()
        paints.append(page.evaluate(PAINTED))
    files = page.evaluate(PAGE_FILES)
    assert files
    assert sum(map(size_as_sent, files)) < MOST_BYTES
    assert min(paints) < FIRST_PAINT_SECONDS * 1000, paints


def test_the_whole_journey_goes_with_the_keyboard_alone(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """Sign in, connect, publish, look at the story, and cancel: Tab, arrows, Space and Enter are enough."""
    assert firebase
    keys = page.keyboard

    def to(name: str) -> None:
        """Press Tab until the control with this name has the focus, which must be seen."""
        for _ in range(80):
            keys.press("Tab")
            focused = page.evaluate(
                "(it => [it.ariaLabel ?? it.labels?.[0]?.textContent ?? it.textContent,"
                " getComputedStyle(it).outlineStyle !== 'none' || it.matches('input, textarea')])"
                "(document.activeElement)"
            )
            if name in (focused[0] or ""):
                assert focused[1], f"{name}: the focus is not seen"
                return
        raise AssertionError(f"{name} is not reached")

    page.get_by_label("E-mail").wait_for()
    to("E-mail")
    keys.press("ControlOrMeta+A")
    keys.type("keyboard@example.com")
    keys.press("Enter")
    expect(page.get_by_text("No account yet")).to_be_visible()
    to("Connect Threads")
    keys.press("Enter")
    page.wait_for_url("**/oauth/authorize?**")
    to("Allow")
    keys.press("Enter")
    expect(page.locator(".account")).to_have_count(1)

    to("Text")
    keys.type("By hand")
    keys.press("Control+Enter")
    post = post_with(page, "By hand")
    expect(post).to_contain_text("Published")
    expect(page.locator("#text")).to_be_focused()
    to("What happened: “By hand”")
    keys.press("Enter")
    expect(page.get_by_role("tab", name="What happened")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tabpanel").locator(".threads").first).to_be_visible()

    page.reload()
    expect(post).to_be_visible()
    to("Text")
    keys.type("Never mind")
    to("Now")
    keys.press("ArrowRight")
    to("Publish at")
    keys.press("Control+Enter")
    scheduled = post_with(page, "Never mind")
    expect(scheduled).to_contain_text("Scheduled for")
    to("Cancel: “Never mind”")
    keys.press("Enter")
    expect(scheduled).to_contain_text("Cancelled")
    expect(scheduled).to_be_focused()
    assert [it["content"]["text"] for it in threads.posts()] == ["By hand"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser: Browser, suite: Suite, firebase: Firebase, threads: Threads, scheme: Any
) -> None:
    """Every page, also the emulator's, with everything open; and nothing is wider than a small phone."""
    assert firebase
    context = browser.new_context(base_url=suite.page_url, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto("/")
    page.get_by_label("E-mail").wait_for()
    found = {"welcome": serious(page)}
    sign_in(page, f"{scheme}@example.com")
    page.get_by_text("No account yet").wait_for()
    found["without an account"] = serious(page)
    sign_in_again(page, threads, found)
    page.get_by_role("tab", name="Trouble").click()
    page.get_by_role("button", name="lists new posts two minutes late").click()
    page.get_by_role("button", name="End the trouble").wait_for()
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)  # type: ignore[arg-type] # a dictionary is what it takes
        for tab in ("Preview", "What happened", "Trouble"):
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(300)
            found[f"{tab} at {size['width']}"] = serious(page)
            assert overflow(page) <= 0, f"{tab} at {size['width']}"
    person = threads.accounts()[0]["username"]
    for path in ("/", f"/@{person}", "/settings/apps"):
        page.goto(suite.threads_url + path)
        found[path] = serious(page)
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        assert overflow(page) <= 0, path
    context.close()
    assert {name: it for name, it in found.items() if it} == {}


def sign_in_again(page: Page, threads: Threads, found: dict[str, list[dict[str, Any]]]) -> None:
    """Connect, publish, schedule, and open everything that a draft can have."""
    page.get_by_role("button", name="Connect Threads").click()
    page.wait_for_url("**/oauth/authorize?**")
    found["window"] = serious(page)
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    assert overflow(page) <= 0
    page.get_by_role("button", name="Allow").click()
    page.locator(".account").wait_for()
    write(page, "A first post")
    publish(page)
    post_with(page, "A first post").get_by_role("link").wait_for()
    threads.answer("/threads", error={"code": 368})
    write(page, "A refused post")
    publish(page)
    page.get_by_text("Options", exact=True).click()
    page.get_by_role("radio", name="Later").check()
    page.get_by_role("button", name="Picture or film", exact=True).click()
    page.get_by_role("button", name="Add: Waves on a beach").click()
    page.get_by_role("button", name="Add to thread").click()
    page.get_by_role("textbox", name="Post 2").fill("More below")
    page.get_by_role("button", name="Long text").last.click()
    page.get_by_label("The text, up to").fill("A long story")
    page.locator("#tab-content article").first.wait_for()


def test_modules_are_short() -> None:
    """A file of the page is read in a few minutes."""
    files = [*(NODE_MODULES.parent / "app").glob("*.*")]
    long = {it.name: lines for it in files if (lines := len(it.read_text().splitlines())) > MOST_LINES}
    assert files
    assert long == {}, json.dumps(long)
