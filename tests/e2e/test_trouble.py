"""The trouble that the console makes: each button, a post that meets it, and what becomes of the post."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from emulator.suite.suite import Suite
from tests.e2e.browsing import connect, expected, pick, post_with, publish, sign_in_and_connect, write
from tests.e2e.relay import Relay, relay
from tests.e2e.world import Threads

pytestmark = pytest.mark.usefixtures("firebase", "cloud_tasks")

ASKS_TO_WAIT = "You can try again in"


def make_trouble(page: Page, name: str) -> None:
    """Press a button of the trouble, and wait until it has done what it says."""
    page.get_by_role("tab", name="Trouble").click()
    button = page.get_by_role("button", name=name, exact=True)
    button.click()
    expect(button).not_to_have_attribute("aria-busy", "true")


def end_trouble(page: Page) -> None:
    """Let Threads work again."""
    button = page.get_by_role("button", name="End the trouble")
    button.click()
    expect(button).to_be_hidden()


def send(page: Page, text: str) -> Locator:
    """Publish a text, and return its post in the list."""
    write(page, text)
    page.locator("#publish").click()
    return post_with(page, text)


def is_published_once(page: Page, threads: Threads, post: Locator) -> None:
    """Wait until a post is out, and its draft done; Threads has it once."""
    expect(post).to_contain_text("Published")
    expect(page.locator("#text")).to_have_value("")
    expect(post).to_have_count(1)
    assert len(threads.posts()) == 1


def an_hour_later(page: Page, post: Locator) -> None:
    """Let an hour pass, and try a post again that has to wait."""
    expect(post.get_by_role("button", name="Try now")).to_be_disabled()
    make_trouble(page, "An hour passes")
    post.get_by_role("button", name="Try now").click()


def test_a_post_whose_answer_was_lost_survives_and_its_story_is_told(
    page: Page, complaints: list[str], threads: Threads
) -> None:
    """One sees from the page to Threads what happened, and no token."""
    sign_in_and_connect(page, threads, "tester@example.com")
    make_trouble(page, "is carried out, and its answer is lost")
    expect(page.get_by_role("tabpanel")).to_contain_text("The next call that publishes is carried out")
    post = send(page, "Against all odds")
    is_published_once(page, threads, post)

    post.get_by_role("button", name="What happened").click()
    story = page.get_by_role("tabpanel")
    expect(story.locator(".page").first).to_contain_text("POST publish_threads")
    expect(story.locator(".function").first).to_contain_text("publish_threads")
    expect(story.locator(".threads[data-fault]")).to_contain_text("connection lost after it was carried out")
    assert "Bearer" not in story.inner_text()
    if complaints:
        expected(complaints, "503")


def test_a_post_that_may_be_out_is_settled_later_and_the_draft_goes(
    page: Page, complaints: list[str], threads: Threads
) -> None:
    """The call was lost: the page says how long to wait, and once time has passed the post is tried again."""
    sign_in_and_connect(page, threads, "waiting@example.com")
    make_trouble(page, "is lost on its way")
    post = send(page, "Better late than never")
    expect(page.locator("#complaint")).to_contain_text(ASKS_TO_WAIT)
    expect(page.locator("#complaint")).not_to_contain_text("idempotency")
    an_hour_later(page, post)
    is_published_once(page, threads, post)
    expected(complaints, "503")


def test_a_post_that_the_lists_do_not_show_yet_is_not_sent_again(
    page: Page, complaints: list[str], threads: Threads
) -> None:
    """It is out, its answer was lost, and Threads lists it late: the service waits, and then finds it."""
    sign_in_and_connect(page, threads, "unseen@example.com")
    make_trouble(page, "lists new posts two minutes late")
    make_trouble(page, "is carried out, and its answer is lost")
    post = send(page, "Not listed yet")
    expect(page.locator("#complaint")).to_contain_text(ASKS_TO_WAIT)
    an_hour_later(page, post)
    is_published_once(page, threads, post)
    expected(complaints, "503")


def test_a_post_outlives_an_outage_of_threads(page: Page, complaints: list[str], threads: Threads) -> None:
    """The page waits, and says so. When Threads is back, the post goes out, once."""
    sign_in_and_connect(page, threads, "in.the.dark@example.com")
    make_trouble(page, "is down until you end it")
    post = send(page, "Into the dark")
    expect(page.locator("#composer")).to_contain_text("Trying again")
    expect(post).to_contain_text("Delayed")
    end_trouble(page)
    expect(page.locator("#complaint")).to_contain_text(ASKS_TO_WAIT)  # the call may have published it
    an_hour_later(page, post)
    is_published_once(page, threads, post)
    expected(complaints, "503")


def test_a_post_waits_for_tomorrows_quota(page: Page, complaints: list[str], threads: Threads) -> None:
    """The page says that the day's posts are used up. A day later the upkeep publishes it."""
    sign_in_and_connect(page, threads, "prolific@example.com")
    make_trouble(page, "says that the day’s posts are used up")  # noqa: RUF001 - as the button has it
    post = send(page, "One too many")
    expect(page.locator("#complaint")).to_contain_text("as many posts today as Threads allows")
    expect(post).to_contain_text("Delayed")
    end_trouble(page)
    make_trouble(page, "A day passes")
    make_trouble(page, "Run the upkeep now")
    is_published_once(page, threads, post)
    expected(complaints, "429")


def test_a_picture_that_threads_could_not_process_is_sent_again(page: Page, threads: Threads) -> None:
    """The first container fails, and another one is published."""
    sign_in_and_connect(page, threads, "blurred@example.com")
    make_trouble(page, "cannot process the next picture or film")
    pick(page, "Waves on a beach")
    post = send(page, "A picture")
    expect(post).to_contain_text("On its way")
    make_trouble(page, "An hour passes")
    is_published_once(page, threads, post)
    made = threads.control("GET", "containers")["containers"]
    assert sorted(it["status"] for it in made) == ["ERROR", "PUBLISHED"]


@pytest.mark.parametrize("how", ["says so", "does not say so"])
def test_an_account_whose_access_has_ended_is_connected_again(
    page: Page, complaints: list[str], threads: Threads, how: str
) -> None:
    """The card says that it has ended, its button brings it back, and the draft is published then."""
    sign_in_and_connect(page, threads, "returning@example.com")
    make_trouble(page, f"ends, and Threads {how}")
    post = send(page, "Anybody there?")
    account = page.locator(".account")
    expect(account).to_contain_text("Access has ended")
    expect(account).to_contain_text("no longer accepts it")
    expect(post.locator(".wait")).to_have_count(0)

    connect(page, threads.accounts()[0]["name"], button="Connect again: @")
    expect(account).to_contain_text("Connected")
    expect(page.locator("#text")).to_have_value("Anybody there?")  # the draft has waited
    publish(page)
    is_published_once(page, threads, post)
    expected(complaints, "409")  # to the post, or to its preview, too


def test_an_account_that_nobody_has_refreshed_for_sixty_days_is_connected_again(
    page: Page, complaints: list[str], threads: Threads
) -> None:
    """Its token has expired: the page says why, and what to do."""
    sign_in_and_connect(page, threads, "long.gone@example.com")
    make_trouble(page, "Sixty days pass")
    post = send(page, "After a long time")
    account = page.locator(".account")
    expect(account).to_contain_text("not renewed in time")

    connect(page, threads.accounts()[0]["name"], button="Connect again: @")
    expect(account).to_contain_text("access lasts 60 days")
    publish(page)
    is_published_once(page, threads, post)
    expected(complaints, "409")  # to the post, or to its preview, too


def test_time_passes_and_the_upkeep_runs(page: Page, threads: Threads) -> None:
    """A post that is scheduled for later today is out an hour later, and its story names the task."""
    sign_in_and_connect(page, threads, "patient.tester@example.com")
    page.get_by_role("radio", name="Later").check()
    soon = datetime.now(UTC).astimezone() + timedelta(minutes=50)
    page.get_by_label("Publish at").fill(soon.strftime("%Y-%m-%dT%H:%M"))
    post = send(page, "Within the hour")
    expect(post).to_contain_text("Scheduled for")
    make_trouble(page, "An hour passes")
    is_published_once(page, threads, post)
    make_trouble(page, "Run the upkeep now")
    expect(page.get_by_role("status")).to_have_text("The upkeep has run.")
    post.get_by_role("button", name="What happened").click()
    expect(page.get_by_role("tabpanel").locator(".task")).to_contain_text(["delivers the task"])


def test_a_page_outlives_an_outage_of_firestore(
    page: Page, complaints: list[str], threads: Threads, suite: Suite
) -> None:
    """The draft stays, over a reload too, and can be published meanwhile; then everything is seen again."""
    with relay(suite.firestore_host) as firestore:
        sign_in_and_connect(page, threads, "cut.off@example.com")
        lead_through(page, firestore, suite)
        banner = page.get_by_text("No connection at the moment")
        write(page, "Still here")
        firestore.cut()
        expect(banner).to_be_visible()
        expect(page.locator("#text")).to_have_value("Still here")
        publish(page)
        assert [it["content"]["text"] for it in threads.posts()] == ["Still here"]
        write(page, "And here again")
        firestore.mend()
        expect(banner).to_be_hidden()
        expect(post_with(page, "Still here")).to_contain_text("Published")

        firestore.cut()
        page.reload()
        expect(banner).to_be_visible()
        firestore.mend()
        expect(page.locator("#text")).to_have_value("And here again")
        expect(post_with(page, "Still here")).to_contain_text("Published")
        page.close()
    # Firestore's SDK also looks whether there is an internet, which the page's policy does not allow.
    expected(complaints, "ERR_", "irestore", "google.com/images/cleardot.gif")


def lead_through(page: Page, relayed: Relay, suite: Suite) -> None:
    """Open the page so that it finds Firestore behind a relay, and its policy allows that."""
    there = str(suite.ports.firestore), str(relayed.port)

    def answer(route: Route) -> None:
        found = route.fetch()
        headers = {name: value.replace(*there) for name, value in found.headers.items()}
        route.fulfill(response=found, headers=headers, body=found.text().replace(*there))

    page.context.grant_permissions(["local-network-access"])  # to a page that did not come from this machine
    page.route(re.compile(rf"^{suite.page_url}/(config\.json)?$"), answer)
    page.goto("/")
