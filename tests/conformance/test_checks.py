"""The checks of what the service relies on: the emulator is as assumed, and a difference is named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.threads_api import World, serve
from emulator.threads_api.settings import Settings
from tests.conformance.__main__ import main
from tests.conformance.checks import CHECKS
from tests.conformance.emulated import APP, emulated
from tests.conformance.report import conform, report

TURNED: dict[str, dict[str, Any]] = {
    "dead_token": {"token_error_status": 401},
    "text_counts": {"text_counts": "emoji_bytes"},
    "image": {"image_seconds": 400.0},
    "published_status": {"published_containers_stay": False},
    "text": {"shown_texts": "changed"},
    "replies": {"replies_among_threads": False},
    "refresh": {"refresh_ends_old_token": True},
}
"""Assumptions that a setting turns round, each with what it is set to."""


def differing(**settings: Any) -> list[str]:
    """Return the names of the checks that differ at an emulator with these settings."""
    with emulated(**settings) as target:
        return [finding.check.name for finding in conform(target) if finding.differs]


def test_the_emulator_is_what_the_service_relies_on() -> None:
    """Every check is made, none differs, and nothing that they have published stays."""
    with emulated() as target:
        findings = conform(target)
        lines = list(report(findings, target))
        assert [finding.check.name for finding in findings if finding.seen is None] == []
        assert lines[-1].endswith("Differs: nothing."), lines
        assert target.out == []
        assert target.calls < 100


def test_three_assumptions_that_are_turned_round_are_named() -> None:
    """The report names exactly these three, with the emulator's setting and the line of ours."""
    turned = TURNED["published_status"] | TURNED["text_counts"] | TURNED["refresh"]
    with emulated(**turned) as target:
        lines = list(report(conform(target), target))
    assert lines[-1].endswith("Differs: text_counts, published_status, refresh.")
    told = "\n".join(lines)
    for setting in turned:
        assert setting in told
    assert "assumed: utf8_bytes; seen: emoji_bytes" in told
    assert told.count("in the service: threads/") == 3


@pytest.mark.parametrize("name", TURNED)
def test_a_setting_that_is_turned_round_is_the_one_that_is_named(name: str) -> None:
    """Of the assumptions that a setting is about, exactly one differs."""
    assert differing(**TURNED[name]) == [name]


def test_a_list_that_is_too_late_is_named() -> None:
    """What a list does not show in time cannot be looked at either: those checks say why."""
    assert "listing" in differing(listing_seconds=300.0)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_names_a_line_of_ours_and_what_the_emulator_has(check: Any) -> None:
    """The line is there, once; so is the emulator's setting, or its module."""
    assert check.place.rpartition(":")[2].isdecimal()
    words = check.emulator.removeprefix("the settings ").removeprefix("the setting ")
    if words == check.emulator:
        assert (Path(__file__).parents[2] / check.emulator).exists()
    else:
        assert all(hasattr(Settings(), name) for name in words.split(" and "))


def test_an_account_is_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a token, and if asked for, the checks run elsewhere: nothing stays, and no token is refreshed."""
    with serve(World([APP])) as emulator:
        token = emulator.token(age_seconds=200_000)
        monkeypatch.setenv("THREADS_TEST_TOKEN", token)
        assert main(["--real", "--url", emulator.url]) == 0
        posts = emulator.posts()
        assert len(posts) == 6
        assert [post["id"] for post in posts if not post["deleted_at"]] == []
        assert "/refresh_access_token" not in {request["path"] for request in emulator.requests()}
    printed = capsys.readouterr()
    assert token not in printed.out + printed.err
    assert printed.out.count("not checked") == 4


def test_nothing_is_published_without_being_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token alone is no request, and a request without a token is refused."""
    with serve(World([APP])) as emulator:
        monkeypatch.setenv("THREADS_TEST_TOKEN", emulator.token())
        assert main(["--url", emulator.url]) == 0
        monkeypatch.delenv("THREADS_TEST_TOKEN")
        with pytest.raises(SystemExit):
            main(["--real", "--url", emulator.url])
        assert emulator.requests() == []
    assert "THREADS_TEST_TOKEN" in capsys.readouterr().err


def test_what_cannot_be_deleted_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id is there for whoever has to delete it by hand."""
    with emulated() as target:
        monkeypatch.setattr(target, "delete", lambda _id: target.call("GET", "/me"))
        lines = list(report(conform(target, CHECKS[:1]), target))
    assert lines[-1].startswith("NOT DELETED, delete by hand: ")


def test_an_answer_of_another_shape_is_a_difference() -> None:
    """A check that cannot read what it gets has seen something else than was assumed."""

    def odd(_target: object) -> str:
        raise KeyError("missing")

    with emulated() as target:
        [finding] = conform(target, [replace(CHECKS[0], see=odd)])
    assert finding.differs
