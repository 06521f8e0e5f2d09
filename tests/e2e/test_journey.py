"""The journey of a person, in a real browser: sign in, connect, publish now or later, change her mind."""

import time
from datetime import UTC, datetime, timedelta

import requests
from playwright.sync_api import Dialog, Page, expect

from emulator.suite.suite import Suite
from tests.e2e.browsing import (
    SLOW,
    allow,
    connect,
    expected,
    post_with,
    publish,
    sign_in,
    sign_in_and_connect,
    write,
)
from tests.e2e.world import CloudTasks, Firebase, Threads, summary_path


def test_a_person_signs_in_connects_and_publishes(
    page: Page, firebase: Firebase, threads: Threads, suite: Suite
) -> None:
    """From the first page to the post on Threads, and the page remembers accounts and posts."""
    assert firebase
    first, second = threads.accounts()[:2]
    sign_in(page, "journey@example.com")
    connect(page, first["name"])
    assert page.url == f"{suite.page_url}/", "the handle is taken off the address"
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
    expect(post).to_contain_text("Published")  # its record is there before Threads has answered
    assert [(it["account_id"], it["content"]["text"]) for it in threads.posts()] == [
        (second["id"], "Hello from the journey")
    ]

    with page.expect_popup() as opened:
        post.get_by_role("link").click()
    expect(opened.value.locator("body")).to_contain_text("Hello from the journey")
    assert opened.value.url.startswith(f"{suite.threads_url}/@{second['username']}/post/")

    page.reload()
    expect(account).to_have_count(2)
    expect(post).to_contain_text("Published")
    expect(post).to_contain_text(f"@{second['username']}")
    expect(post.get_by_role("link")).to_have_attribute("href", opened.value.url)


def test_a_scheduled_post_can_be_cancelled(
    page: Page, complaints: list[str], firebase: Firebase, threads: Threads, cloud_tasks: CloudTasks
) -> None:
    """It is said and listed with its time; cancelled, nothing is published, and a "no" is said beside it."""
    assert firebase
    sign_in_and_connect(page, threads, "planner@example.com")
    write(page, "Not sure about this one")
    page.get_by_role("radio", name="Later").check()
    expect(page.get_by_label("Publish at")).not_to_have_value("")
    page.get_by_role("button", name="Schedule").click()
    post = post_with(page, "Not sure about this one")
    expect(post).to_contain_text("Scheduled for")
    expect(page.get_by_role("status")).to_contain_text("Scheduled for")
    expect(page.locator("#text")).to_have_value("")
    expect(page.get_by_role("radio", name="Now")).to_be_checked()
    assert len(cloud_tasks.control("GET", "tasks")["tasks"]) == 1

    refusal = {"ok": False, "error": {"code": "in_progress", "message": "It is being published right now."}}
    page.route("**/th_posts?*", lambda route: route.fulfill(status=409, json=refusal), times=1)
    cancel = post.get_by_role("button", name="Cancel")
    cancel.click()
    expect(post.get_by_role("alert")).to_have_text("It is being published right now.")
    expected(complaints, "409")

    cancel.click()
    expect(post).to_contain_text("Cancelled")
    expect(post.get_by_role("alert")).to_be_hidden()
    expect(cancel).to_be_hidden()
    ends = time.monotonic() + SLOW / 1000
    while cloud_tasks.pending():  # the record says it a moment before the task is deleted
        assert time.monotonic() < ends
    assert threads.posts() == []


def test_a_scheduled_post_is_published_before_ones_eyes(
    page: Page, firebase: Firebase, threads: Threads, cloud_tasks: CloudTasks
) -> None:
    """When its time comes, the list says so by itself."""
    assert firebase
    sign_in_and_connect(page, threads, "patient@example.com")
    write(page, "Good morning")
    page.get_by_role("radio", name="Later").check()
    soon = datetime.now(UTC).astimezone() + timedelta(seconds=55)
    page.get_by_label("Publish at").fill(soon.strftime("%Y-%m-%dT%H:%M:%S"))
    publish(page)
    post = post_with(page, "Good morning")
    expect(post).to_contain_text("Scheduled for")
    assert threads.posts() == []

    cloud_tasks.control("POST", "clock", advance_seconds=60)
    expect(post).to_contain_text("Published")
    expect(post.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(post.get_by_role("link")).to_be_visible()
    assert [it["content"]["text"] for it in threads.posts()] == ["Good morning"]


def test_a_draft_whose_answer_was_lost_is_published_once(
    page: Page, complaints: list[str], firebase: Firebase, threads: Threads
) -> None:
    """Nobody knows whether it is out: the page says that it waits, finds out, and sends nothing again."""
    assert firebase
    sign_in_and_connect(page, threads, "unlucky@example.com")
    sending, looking = ({"method": method, "path": "/threads"} for method in ("POST", "GET"))
    threads.control("POST", "answers", match=sending, drop="after")
    threads.control("POST", "answers", match=looking, status=500)
    write(page, "Once is enough")
    page.locator("#publish").click()
    expect(page.locator("#composer")).to_contain_text("Trying again in")
    post = post_with(page, "Once is enough")
    expect(post).to_contain_text("Delayed")
    expect(page.locator("#text")).to_have_value("")
    expect(post).to_have_count(1)
    expect(post).to_contain_text("Published")
    assert len(threads.posts()) == 1
    expected(complaints, "503")


def test_a_draft_that_threads_refuses_stays_and_may_be_tried_again(
    page: Page, complaints: list[str], firebase: Firebase, threads: Threads
) -> None:
    """A final "no" is said beside the draft and in the list; pressing again is another post."""
    assert firebase
    sign_in_and_connect(page, threads, "persistent@example.com")
    threads.answer("/threads", error={"code": 368})
    write(page, "Second time lucky")
    publish(page)
    expect(page.locator("#complaint")).to_contain_text("Threads restricts")
    post = post_with(page, "Second time lucky")
    expect(post).to_contain_text("Failed: Threads restricts")
    expected(complaints, "422")

    publish(page)
    expect(page.locator("#text")).to_have_value("")
    expect(post).to_have_count(2)
    expect(page.locator("#published").locator(post)).to_contain_text("Published")
    assert len(threads.posts()) == 1


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
    """A picture needs an address to be published, and the next user finds an empty composer."""
    assert firebase
    sign_in_and_connect(page, threads, "photographer@example.com")
    write(page, "A cat")
    page.get_by_role("button", name="Picture or film", exact=True).click()
    page.get_by_role("button", name="address of a picture").click()
    button = page.locator("#publish")
    expect(button).to_be_disabled()
    page.get_by_label("Address of the picture").fill("https://media.example/cat.jpg")
    button.click()
    expect(post_with(page, "A cat")).to_contain_text("Published")
    assert threads.posts()[0]["content"]["image_url"] == "https://media.example/cat.jpg"

    write(page, "Nobody else's business")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "somebody.else@example.com")
    expect(page.get_by_text("No account yet")).to_be_visible()
    expect(page.locator("#text")).to_have_count(0)
    expect(page.locator(".post")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "photographer@example.com")
    expect(page.locator("#text")).to_have_value("Nobody else's business")


def test_a_refused_permission_is_shown_and_can_be_granted_later(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """The card names it, connecting again asks for it, and then publishing works."""
    assert firebase
    person = threads.accounts()[0]["name"]
    sign_in(page, "careful@example.com")
    connect(page, person, refused="Create and publish threads")
    account = page.locator(".account")
    expect(page.get_by_role("status")).to_contain_text(
        "but you did not allow the app to publish posts for you"
    )
    expect(account).to_contain_text("Not allowed: publish posts for you")

    connect(page, person, button="Connect again: @")
    expect(account).to_have_count(1)
    expect(account).not_to_contain_text("Not allowed")
    expect(account.get_by_role("button", name="Connect again")).to_be_hidden()
    write(page, "Changed my mind")
    publish(page)
    expect(post_with(page, "Changed my mind")).to_contain_text("Published")


def test_another_account_than_the_one_to_connect_again_changes_nothing(
    page: Page, complaints: list[str], firebase: Firebase, threads: Threads
) -> None:
    """Who allows with the wrong account is told so, and has what she had."""
    assert firebase
    first, second = threads.accounts()[:2]
    sign_in(page, "absent.minded@example.com")
    connect(page, first["name"], refused="Create and publish threads")
    allow(page, second["name"], "Connect again: @")
    expect(page.locator(".notice.bad")).not_to_be_empty()
    expect(page.locator(".account")).to_have_count(1)
    expect(page.locator(".account")).to_contain_text(f"@{first['username']}")
    expected(complaints, "409")


def test_a_window_that_somebody_else_has_begun_connects_nothing(
    page: Page, complaints: list[str], firebase: Firebase, threads: Threads, suite: Suite
) -> None:
    """Who is talked into opening another one's window gives nobody her account, whatever she allows there."""
    attacker = firebase.sign_in()
    started = requests.post(
        f"{suite.functions_url}/th_auth_start",
        json={"returnTo": f"{suite.page_url}/"},
        headers=attacker.headers,
        timeout=SLOW / 1000,
    ).json()
    sign_in(page, "victim@example.com")
    expect(page.get_by_text("No account yet")).to_be_visible()
    page.goto(started["authUrl"])
    page.get_by_text(threads.accounts()[0]["name"], exact=True).click()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("status")).to_contain_text("Somebody else has begun this connection")
    expect(page.get_by_text("No account yet")).to_be_visible()
    assert firebase.read(summary_path(attacker.uid)) is None
    assert "POST /oauth/access_token" not in threads.calls(), "the code is not even exchanged"
    expected(complaints, "403")


def test_a_person_chooses_a_default_account_and_disconnects_one(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """The default account comes first, and disconnecting asks before it does so."""
    assert firebase
    first, second = threads.accounts()[:2]
    sign_in(page, "tidy@example.com")
    connect(page, first["name"])
    connect(page, second["name"], button="Connect another")
    accounts = page.locator(".account")
    expect(accounts.first).to_contain_text(f"@{first['username']}")
    expect(page.get_by_role("radio", name=second["username"])).to_be_checked()
    page.get_by_role("button", name=f"Make default: @{second['username']}").click()
    expect(accounts.first).to_contain_text(f"@{second['username']}")

    questions: list[str] = []

    def refuse(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.dismiss()

    disconnect = page.get_by_role("button", name=f"Disconnect: @{second['username']}")
    page.once("dialog", refuse)
    disconnect.click()
    assert questions == [f"Disconnect @{second['username']} from this app?"]
    expect(accounts).to_have_count(2)
    page.once("dialog", lambda dialog: dialog.accept())
    disconnect.click()
    expect(page.get_by_role("status")).to_have_text("The account is disconnected.")
    expect(accounts).to_have_count(1)
    expect(accounts).to_contain_text(f"@{first['username']}")


def test_a_person_signs_in_with_threads_and_publishes(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """One window makes her a user with an account; the next time it is the same user."""
    assert firebase
    person = threads.accounts()[0]
    for visit in ("First", "Second"):
        allow(page, person["name"], "Sign in with Threads")
        expect(page.get_by_role("status")).to_have_text("Your Threads account is connected.")
        expect(page.locator("#user-name")).to_have_text(person["name"])
        expect(page.locator(".account")).to_have_count(1)
        write(page, f"{visit} visit")
        publish(page)
        expect(post_with(page, f"{visit} visit")).to_contain_text("Published")
        expect(post_with(page, "First visit")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
    assert [it["content"]["text"] for it in threads.posts()] == ["First visit", "Second visit"]


def test_a_sign_in_that_was_given_up_is_not_in_the_way(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """Who cancels the window, signs in otherwise and connects, connects."""
    assert firebase
    page.get_by_role("button", name="Sign in with Threads").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_have_text("You cancelled. Nothing was connected.")
    sign_in_and_connect(page, threads, "undecided@example.com")
    expect(page.locator("#user-name")).to_have_text("undecided@example.com")


def test_an_app_that_is_removed_at_threads_forgets_the_account(
    page: Page, firebase: Firebase, threads: Threads
) -> None:
    """Its owner removes the app in the settings of Threads: the account goes away before her eyes."""
    assert firebase
    person = threads.accounts()[0]
    sign_in(page, "leaving@example.com")
    connect(page, person["name"])
    settings = page.context.new_page()
    settings.goto(f"{threads.url}/settings/apps")
    settings.get_by_role("button", name="Remove").click()
    expect(settings.get_by_text("Removed", exact=True)).to_be_visible()
    expect(page.locator(".account")).to_have_count(0)
    expect(page.get_by_text("No account yet")).to_be_visible()

    settings.get_by_role("button", name="Delete data").click()
    settings.get_by_role("link", name="status").click()
    expect(settings.locator("body")).to_contain_text("deleted")


def test_a_published_post_is_told_by_a_webhook(page: Page, firebase: Firebase, threads: Threads) -> None:
    """The functions subscribe, and believe what Threads has signed."""
    assert firebase
    threads.control("POST", "settings", webhooks=True)
    sign_in_and_connect(page, threads, "author@example.com")
    write(page, "Here today")
    publish(page)
    expect(post_with(page, "Here today")).to_contain_text("Published")
    ends = time.monotonic() + SLOW / 1000
    while statuses(threads) != {"subscribe": 200, "publish": 200}:
        assert time.monotonic() < ends, statuses(threads)
        time.sleep(0.1)


def statuses(threads: Threads) -> dict[str, int | None]:
    """Return what the app has answered to each kind of delivery."""
    return {it["kind"]: it["status"] for it in threads.control("GET", "deliveries")["deliveries"]}
