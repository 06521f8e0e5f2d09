"""Every error that has a name, met by the service: what its caller is told, and how the post ends."""

from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from typing import NamedTuple

import pytest

from deploy.pages import explain
from emulator.base.json_body import JsonBody
from emulator.threads_api import Emulator, World, serve
from emulator.threads_api.named_errors import NAMED_ERRORS, NamedError, provoke
from tests.conformance.service import APP, Service
from tests.unit.world import IMAGE, TEXT
from threads.accounts.refresh import Outcome
from threads.base.errors import (
    Evidence,
    MissingScope,
    QuotaExceeded,
    RateLimited,
    ReconnectRequired,
    RejectedByThreads,
    ServiceError,
    ThreadsUnavailable,
)
from threads.graph.error_codes import RULES, Rule, Step
from threads.posts.content import Content
from threads.posts.ledger import SETTLE, State

CAROUSEL = Content({"media": [{"imageUrl": f"https://cdn.example/{it}.jpg"} for it in "ab"]})
CARD = Content({"text": "hello", "linkAttachment": "https://shop.example/a"})
SHARED = Content({"text": "hello", "shareToInstagram": True})


class Met(NamedTuple):
    """How a request to publish meets an error."""

    told: type[ServiceError] | None = None
    """The first answer to the caller; None: the post is published."""
    ends: State = State.PUBLISHED
    """How the post ends if the same request comes again, as late as each answer asks for."""
    content: Content = TEXT
    beside: str | None = None
    """Another error, without which this one is not seen: the answer to the call that publishes is lost."""
    within: timedelta = timedelta(minutes=2)
    """By when the post has ended."""


AT_ONCE = Met()
SETTLED = Met(ThreadsUnavailable, within=SETTLE)
LIMITED = Met(RateLimited)
RECONNECT = Met(ReconnectRequired, State.NEW)
PERMISSION = Met(MissingScope, State.NEW)
RESTRICTED = Met(RejectedByThreads, State.FAILED)
BAD_FILE = Met(RejectedByThreads, State.FAILED, IMAGE)
SECOND_FILE = Met(ThreadsUnavailable, content=IMAGE)
LOST = "lost_answer"

MET = {
    # nobody knows whether the post is out: found, or sent again when it cannot appear any more
    "unknown_error": SETTLED,
    "unknown_error_as_400": SETTLED,
    "service_unavailable": SETTLED,
    "transient_error": SETTLED,
    "error_after_publishing": AT_ONCE,
    "error_in_a_success": SETTLED,
    "html_page": SETTLED,
    "empty_answer": SETTLED,
    "half_answer": AT_ONCE,
    "lost_request": SETTLED,
    "lost_answer": AT_ONCE,
    "late_effect": SETTLED,
    "undocumented_code": SETTLED,
    "lagging_list": SETTLED._replace(beside=LOST),
    "changed_texts": Met(content=Content({"text": "Tea & #tides"}), beside=LOST),
    # a limit passes
    "rate_limit": LIMITED,
    "user_rate_limit": LIMITED,
    "page_rate_limit": LIMITED,
    "application_limit": LIMITED,
    "custom_rate_limit": LIMITED,
    "too_many_requests": LIMITED,
    "too_many_requests_in_words": LIMITED,
    "quota_gone": Met(QuotaExceeded, within=timedelta(days=1)),
    "reply_quota_gone": Met(
        QuotaExceeded, content=Content({"text": "hello", "replyToId": "<post>"}), within=timedelta(days=1)
    ),
    # the account is restricted
    "spam_block": RESTRICTED,
    "action_blocked": RESTRICTED,
    "user_restricted": RESTRICTED,
    "account_restricted": RESTRICTED,
    # the owner has to connect again
    "permission_missing": PERMISSION,
    "permission_not_granted": PERMISSION,
    "dead_token": RECONNECT,
    "dead_token_as_24": RECONNECT,
    "dead_token_as_100": RECONNECT,
    "app_removed": RECONNECT,
    "checkpointed_user": RECONNECT,
    "expired_token": RECONNECT,
    "unconfirmed_user": RECONNECT,
    "invalid_token": RECONNECT,
    "invalid_session": RECONNECT,
    "session_ended": RECONNECT,
    "good_token_refused": Met(ThreadsUnavailable),
    # a container is looked at, and replaced
    "container_not_ready": Met(content=IMAGE),
    "lost_container": SECOND_FILE,
    "published_container_lost": Met(content=IMAGE, beside=LOST),
    "published_status_refused": Met(content=IMAGE, beside=LOST),
    "container_expired": Met(content=IMAGE),
    "container_stuck": BAD_FILE._replace(told=ThreadsUnavailable, within=timedelta(minutes=6)),
    "failed_downloading_video": SECOND_FILE,
    "failed_processing_audio": SECOND_FILE,
    "failed_processing_video": SECOND_FILE,
    "failed_without_reason": SECOND_FILE,
    "media_fetch_failed": SECOND_FILE,
    "media_fetch_failed_as_1": SECOND_FILE,
    "media_fetch_failed_as_500": SECOND_FILE,
    "invalid_carousel_children": SECOND_FILE._replace(content=CAROUSEL),
    "already_published": BAD_FILE,
    "not_publishable": BAD_FILE,
    # the content is refused
    "invalid_aspec_ratio": BAD_FILE,
    "invalid_bit_rate": BAD_FILE,
    "invalid_duration": BAD_FILE,
    "invalid_frame_rate": BAD_FILE,
    "invalid_audio_channels": BAD_FILE,
    "invalid_audio_channel_layout": BAD_FILE,
    "invalid_parameter": RESTRICTED,
    "duplicate_post": RESTRICTED,
    "link_limit": RESTRICTED,
    "feature_not_available": RESTRICTED,
    "invalid_country_codes": RESTRICTED,
    "invalid_link_attachment": RESTRICTED._replace(content=CARD),
    "invalid_link_attachment_as_500": RESTRICTED._replace(content=CARD),
    # the post is out, and the other thing is told
    "instagram_share_failed": Met(content=SHARED),
}
"""What the service makes of each error, where it publishes a post."""

UNKNOWN = {"error_in_a_success", "undocumented_code", "wrong_secret"}
"""What the service has no rule for: it believes nothing that such an answer says."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """Run one emulator for all of this file."""
    with serve(World([APP])) as running, redirect_stdout(StringIO()):
        yield running


@pytest.fixture
def service(emulator: Emulator) -> Service:
    """Return a service whose Threads is well."""
    return Service(emulator)


def bring_about(service: Service, *names: str | None, publishes: str = "/threads") -> None:
    """Provoke errors at Threads; the answer that gets lost is the one to the call that publishes."""
    for name in filter(None, names):
        more = {"match": {"path": publishes}} if name == LOST else {}
        provoke(service.threads, JsonBody({"name": name, **more}))


def begun(service: Service, met: Met) -> Content:
    """Return the content of a request; a reply answers a post that is there."""
    if not met.content.is_reply:
        return met.content
    return met.content.answering(service.posted_by_hand())


@pytest.mark.parametrize("name", MET)
def test_an_error_is_told_and_the_post_ends_rightly(service: Service, name: str) -> None:
    """The caller gets the right error; whoever does as it says ends with one post, or with a reason."""
    met = MET[name]
    content = begun(service, met)
    publishes = "/threads" if content.media_type == "TEXT" else "/threads_publish"
    bring_about(service, name, met.beside, publishes=publishes)
    story = service.publish_until_it_ends(content)
    assert type(story.first) is (met.told or type(None))
    assert service.record
    assert service.record.state is met.ends
    assert service.published == (met.ends is State.PUBLISHED)
    assert story.took <= met.within
    assert story.last is None or story.last.message


@pytest.mark.parametrize("name", [name for name, met in MET.items() if met.ends is State.NEW])
def test_the_same_request_goes_on_once_the_account_is_connected_again(service: Service, name: str) -> None:
    """A dead token marks the account, a missing permission does not; then the post is published, once."""
    bring_about(service, name)
    service.publish_until_it_ends(TEXT)
    assert service.world.is_marked() == (MET[name] is RECONNECT)
    service.connect()
    assert service.publish(TEXT).state is State.PUBLISHED
    assert service.published == 1


@pytest.mark.parametrize("name", [name for name, met in MET.items() if met is RECONNECT])
def test_a_dead_token_ends_the_account_at_its_refresh(service: Service, name: str) -> None:
    """However Threads says so, the owner is asked to connect the account again."""
    service.pass_a_day()
    bring_about(service, name)
    assert service.refresh().outcome is Outcome.ENDED
    assert service.world.is_marked()


# --- what is not met by publishing ------------------------------------------------------------------------


def test_a_refresh_that_is_too_early_is_tried_again(service: Service) -> None:
    """The account stays connected."""
    service.pass_a_day()
    bring_about(service, "refresh_too_early")
    assert service.refresh().outcome is Outcome.POSTPONED
    assert not service.world.is_marked()
    assert service.refresh().outcome is Outcome.REFRESHED


@pytest.mark.parametrize("name", ["code_used", "wrong_secret"])
def test_a_connection_that_fails_has_to_be_started_again(service: Service, name: str) -> None:
    """Neither a used code nor a wrong secret is better with another try."""
    bring_about(service, name)
    outcome = service.walk_through_the_window()
    assert isinstance(outcome.error, RejectedByThreads)
    assert outcome.error.next_action == "connect_again"
    assert service.walk_through_the_window().error is None


@pytest.mark.parametrize("name", ["redirect_not_registered", "wrong_app_id", "invite_not_accepted"])
def test_what_the_window_shows_is_explained(service: Service, name: str) -> None:
    """These never come back to the service: ``make doctor`` knows them."""
    shown = {"invite_not_accepted": "The user has not accepted the invite to test the app."}
    assert explain(shown.get(name) or NAMED_ERRORS[name].shows.rpartition(" ")[2])
    bring_about(service, name)
    assert service.publish(TEXT).state is State.PUBLISHED


def test_a_post_that_is_not_found_is_not_called_deleted(service: Service) -> None:
    """A missing permission looks the same: the post is there, so nothing was deleted."""
    service.publish(TEXT)
    bring_about(service, "post_not_found")
    with pytest.raises(RejectedByThreads):
        service.delete()
    assert service.published == 1
    assert service.delete().deleted_at


def test_a_quota_of_deletions_passes(service: Service) -> None:
    """The post stays until its owner asks again."""
    service.publish(TEXT)
    bring_about(service, "deletion_quota_gone")
    with pytest.raises(RateLimited):
        service.delete()
    service.pass_a_day()
    assert service.delete().deleted_at


ELSEWHERE = {
    *("refresh_too_early", "code_used", "wrong_secret", "post_not_found", "deletion_quota_gone"),
    *("redirect_not_registered", "wrong_app_id", "invite_not_accepted"),
}


def test_every_name_is_met() -> None:
    """A new name needs a row, or a test of its own."""
    assert set(NAMED_ERRORS) == MET.keys() | ELSEWHERE


# --- the catalogue and the table of rules -------------------------------------------------------------------


def rule_for(row: NamedError, step: Step) -> Rule:
    """Return the rule that decides about an error."""
    it = row.as_json()
    seen = Evidence(
        step,
        it["status"],
        code=it["code"],
        subcode=it["error_subcode"],
        is_transient=it["is_transient"],
        words=it["message"],
    )
    return next(rule for rule in RULES if rule.fits(seen))


def test_every_code_that_the_service_relies_on_has_a_name() -> None:
    """Each code and each subcode of a rule is in the catalogue; of a long range, one."""
    codes = {row.as_json()["code"] for row in NAMED_ERRORS.values()}
    subcodes = {row.as_json()["error_subcode"] for row in NAMED_ERRORS.values()}
    for rule in RULES:
        known = (rule.codes or frozenset()) - set(range(201, 300)) - {4279013}
        assert known <= codes, rule
        assert (rule.subcodes or frozenset()) <= subcodes, rule


def test_every_rule_for_an_error_decides_about_a_name() -> None:
    """A rule for an answer of the Graph API is there for something that can be provoked."""
    used = [rule_for(row, step) for row in NAMED_ERRORS.values() if row.error for step in Step]
    assert [rule for rule in RULES if rule.is_envelope and rule not in used] == []


def test_what_no_rule_is_for_is_named() -> None:
    """An error that only the last rules take is one that the service does not know, and says so."""
    rules = {row.name: rule_for(row, Step.CREATE_CONTAINER) for row in NAMED_ERRORS.values() if row.error}
    assert {name for name, rule in rules.items() if rule in RULES[-2:]} == UNKNOWN
