"""The console: every kind of post, the lists, and a draft that survives."""

import re

from playwright.sync_api import Page, expect

from emulator.suite.suite import Suite
from tests.e2e.browsing import (
    connect,
    expected,
    pick,
    post_with,
    publish,
    sign_in,
    sign_in_and_connect,
    tool,
    write,
)
from tests.e2e.world import CloudTasks, Firebase, Threads

LONG = "A sentence of some length, which says nothing new. " * 15


def test_a_carousel_is_picked_put_in_order_and_described(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """Samples of the suite are picked by name; order and descriptions arrive at Threads."""
    assert firebase
    sign_in_and_connect(page, threads, "photographer@example.com")
    write(page, "Three pictures")
    pick(page, "The sun rises over hills", "Waves on a beach", "Coloured tiles")
    page.get_by_role("button", name="Move 3 earlier").click()
    page.get_by_label("Description 2").fill("Tiles")
    publish(page)
    expect(post_with(page, "Three pictures").locator(".kind")).to_have_text("Carousel of 3")
    expect(post_with(page, "Three pictures").get_by_role("img", name="Tiles")).to_be_visible()

    [content] = [it["content"] for it in threads.posts()]
    items = {it["id"]: it["content"] for it in threads.control("GET", "containers")["containers"]}
    described = [items[it].get("alt_text") for it in content["children"]]
    assert described == ["The sun rises over hills", "Tiles", "Waves on a beach"]


def publish_one_of_each_kind(page: Page) -> None:
    """Publish a film, a poll, a GIF, a link, a long text, hidden words with options, and a ghost post."""
    write(page, "A film")
    tool(page, "Picture or film")
    page.get_by_role("button", name="Add: The sun rises", exact=True).click()
    publish(page)

    write(page, "Tea or coffee?")
    tool(page, "Poll")
    page.get_by_label("Choice 1").fill("Tea")
    page.get_by_label("Choice 2").fill("Coffee")
    publish(page)

    write(page, "Look at that")
    tool(page, "GIF")
    page.get_by_label("Id or address").fill("l0HlBO7eyXzSZkJri")
    publish(page)

    write(page, "Read this")
    tool(page, "Link")
    page.get_by_label("Address, shown as a card").fill("https://example.com/page")
    publish(page)

    write(page, "More below")
    tool(page, "Long text")
    page.get_by_label("The text, up to").fill("A long story")
    publish(page)

    write(page, "The butler did it")
    page.locator("#text").evaluate("text => text.setSelectionRange(4, 10)")
    tool(page, "Hide words")
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Topic").fill("crime novels")
    page.get_by_label("Who may reply").select_option("Your followers")
    publish(page)

    write(page, "Gone tomorrow")
    page.get_by_label("Ghost").check()
    publish(page)


def test_every_kind_of_post_is_published_and_seen_as_what_it_is(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """Film, poll, GIF, link, long text, hidden words and ghost arrive at Threads, and say what they are."""
    assert firebase
    sign_in_and_connect(page, threads, "versatile@example.com")
    publish_one_of_each_kind(page)
    for text, kind in (
        ("A film", "Film"),
        ("Tea or coffee?", "Poll"),
        ("Look at that", "GIF"),
        ("Read this", "Link"),
        ("More below", "Long text"),
        ("Gone tomorrow", "Ghost"),
    ):
        expect(post_with(page, text).locator(".kind")).to_have_text(kind)
        expect(post_with(page, text)).to_contain_text("Published")
    contents = {it["content"]["text"]: it["content"] for it in threads.posts()}
    assert contents["A film"]["video_url"] == "https://samples.example/morning.mp4"
    assert list(contents["Tea or coffee?"]["poll_attachment"].values()) == ["Tea", "Coffee"]
    assert contents["Read this"]["link_attachment"] == "https://example.com/page"
    assert contents["Gone tomorrow"]["is_ghost_post"] is True
    mystery = contents["The butler did it"]
    assert mystery["topic_tag"] == "crime novels"
    assert mystery["reply_control"] == "followers_only"
    assert [(it["offset"], it["length"]) for it in mystery["text_entities"]] == [(4, 6)]


def test_words_of_a_long_text_are_styled_and_stay_so_when_it_is_edited(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """By key, keyboard or mouse: what is selected gets the style, counted as Threads counts, emoji too."""
    assert firebase
    sign_in_and_connect(page, threads, "stylish@example.com")
    write(page, "More below")
    tool(page, "Long text")
    story = page.get_by_label("The text, up to")
    styles = page.get_by_role("group", name="Style of the selected words")
    bold, italic = (styles.get_by_role("button", name=name) for name in ("Bold", "Italic"))
    bold.click()
    expect(page.get_by_role("status")).to_have_text("First select the words to style.")
    story.fill("👋 Big news today")

    def select(first: int, last: int) -> None:
        story.evaluate(
            "(text, [first, last]) => { text.focus(); text.setSelectionRange(first, last); }", [first, last]
        )

    select(3, 11)  # "Big news": the emoji takes two places in a field
    story.press("Tab")
    page.keyboard.press("Space")
    expect(bold).to_have_attribute("aria-pressed", "true")
    expect(italic).to_have_attribute("aria-pressed", "false")
    select(7, 17)  # "news today"
    expect(bold).to_have_attribute("aria-pressed", "false")
    italic.click()
    expect(italic).to_have_attribute("aria-pressed", "true")
    select(12, 17)  # "today"
    story.press("Control+u")
    select(0, 0)
    page.keyboard.type("🎉")
    shown = page.get_by_role("tabpanel").locator(".long")
    expect(shown.locator("b")).to_have_text(["Big ", "news"])
    expect(shown.locator("i")).to_have_text(["news", " ", "today"])
    publish(page)

    expect(post_with(page, "More below").locator("u")).to_have_text("today")
    [attached] = [it["content"]["text_attachment"] for it in threads.posts()]
    assert attached["plaintext"] == "🎉👋 Big news today"
    assert attached["text_with_styling_info"] == [
        {"offset": 3, "length": 4, "styling_info": ["bold"]},
        {"offset": 7, "length": 4, "styling_info": ["bold", "italic"]},
        {"offset": 11, "length": 1, "styling_info": ["italic"]},
        {"offset": 12, "length": 5, "styling_info": ["italic", "underline"]},
    ]


def test_a_thread_is_written_post_by_post_or_cut_from_a_long_text(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """Both are shown as one thread, and a text that is too long cannot be sent by mistake."""
    assert firebase
    sign_in_and_connect(page, threads, "talkative@example.com")
    write(page, "First of all")
    page.get_by_role("button", name="Add to thread").click()
    page.get_by_role("textbox", name="Post 2").fill("And another thing")
    publish(page)
    thread = post_with(page, "First of all")
    expect(thread.locator(".kind")).to_have_text("Thread of 2")
    expect(thread).to_contain_text("And another thing")
    expect(page.locator(".post")).to_have_count(1)
    expect(thread.locator(".replies .status")).to_have_text("Published")

    write(page, LONG)
    expect(page.locator("#publish")).to_be_disabled()
    page.get_by_label("Split it into a thread?").check()
    expect(page.locator("#tab-content article")).to_have_count(2)
    publish(page)
    expect(page.locator(".post").first.locator(".kind")).to_have_text("Thread of 2")
    assert len(threads.posts()) == 4


def test_the_preview_is_what_would_be_sent(page: Page, firebase: Firebase, threads: Threads) -> None:
    """It follows the draft, counts, and says how much of the quota is used; nothing is published."""
    assert firebase
    sign_in_and_connect(page, threads, "careful.writer@example.com")
    write(page, "Grüße")
    preview = page.get_by_role("tabpanel")
    expect(preview.get_by_role("article")).to_contain_text("7 of 500")
    expect(preview).to_contain_text("0 of 250 posts used")
    preview.get_by_text("What Threads would get").click()
    expect(preview.locator("pre")).to_contain_text('"media_type": "TEXT"')
    assert threads.posts() == []


def test_a_draft_survives_an_outage_with_the_browser_closed(
    page: Page, complaints: list[str], firebase: Firebase, threads: Threads, suite: Suite
) -> None:
    """Closed while it sends and opened again, the page goes on with the same post until it is out, once."""
    assert firebase
    sign_in_and_connect(page, threads, "traveller@example.com")
    connect(page, threads.accounts()[1]["name"], button="Connect another")  # not the default account
    write(page, "From the train")
    functions = re.compile(re.escape(suite.functions_url))
    arrived: list[str] = []

    def lose(route):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - Playwright's
        if not (arrived or route.request.post_data_json.get("dryRun")):
            arrived.append(route.fetch().text())
        route.abort()

    page.route(re.compile("publish_threads"), lose)  # until it is closed: it tries again after a second
    page.locator("#publish").click()
    expect(page.locator("#composer")).to_contain_text("Trying again")
    page.close()
    assert '"published"' in arrived[0]

    again = page.context.new_page()
    again.route(functions, lambda route: route.abort())
    again.goto(suite.page_url)
    expect(again.locator("#text")).to_have_value("From the train")
    expect(again.locator("#publish")).to_have_attribute("aria-busy", "true")
    expect(again.locator("#composer")).to_contain_text("On its way")
    again.unroute(functions)
    expect(again.locator("#text")).to_have_value("")
    expect(post_with(again, "From the train")).to_have_count(1)
    assert len(threads.posts()) == 1
    expected(complaints, "ERR_FAILED")


def test_a_scheduled_post_is_edited_and_published_now(
    page: Page, firebase: Firebase, threads: Threads, cloud_tasks: CloudTasks
) -> None:
    """It is the same post all the time, and what was being written meanwhile comes back."""
    assert firebase
    assert cloud_tasks
    sign_in_and_connect(page, threads, "editor@example.com")
    write(page, "Almost right")
    tool(page, "Poll")
    page.get_by_label("Choice 1").fill("Yes")
    page.get_by_label("Choice 2").fill("No")
    page.get_by_role("radio", name="Later").check()
    page.get_by_role("button", name="Tomorrow morning").click()
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    publish(page)
    post = post_with(page, "Almost right")
    expect(post).to_contain_text("Scheduled for")
    write(page, "Another thought")

    post.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Choice 2")).to_have_value("No")
    write(page, "Exactly right")
    page.get_by_role("button", name="Remove the Poll").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#text")).to_have_value("Another thought")
    changed = post_with(page, "Exactly right")
    expect(changed).to_have_count(1)
    expect(changed.locator(".kind")).to_have_count(0)

    changed.get_by_role("button", name="Publish now").click()
    expect(page.locator("#published").locator(changed)).to_contain_text("Published")
    [published] = threads.posts()
    assert published["content"]["text"] == "Exactly right"
    assert "poll_attachment" not in published["content"]


def test_a_published_post_is_reposted_and_deleted(page: Page, firebase: Firebase, threads: Threads) -> None:
    """Deleted is called deleted, and the page asks before."""
    assert firebase
    sign_in_and_connect(page, threads, "regretful@example.com")
    write(page, "On second thoughts")
    publish(page)
    post = post_with(page, "On second thoughts")
    post.get_by_role("button", name="Repost").click()
    expect(page.get_by_role("status")).to_have_text("Reposted.")
    page.once("dialog", lambda dialog: dialog.accept())
    post.get_by_role("button", name="Delete").click()
    expect(post).to_contain_text("Deleted")
    expect(post.get_by_role("link")).to_have_count(0)


def test_an_account_that_may_not_publish_says_so_before_one_writes(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """The composer names the reason and the way out, and sends nothing."""
    assert firebase
    sign_in(page, "unsure@example.com")
    connect(page, threads.accounts()[0]["name"], refused="Create and publish threads")
    expect(page.locator("#composer")).to_contain_text("has not allowed the app to publish")
    write(page, "Hello?")
    expect(page.locator("#publish")).to_be_disabled()
