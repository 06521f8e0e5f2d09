"""What a named error acts through: the next answers, a setting, the tokens or quotas of accounts, new media.

An error that Threads answers to a single call is a script. One that is how an account or a container *is*
lasts, and every call sees it: for example, nobody can tell a dead token from a good one by one answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from emulator.base.json_body import JsonBody, Malformed
from emulator.threads_api import authorization, callbacks, publishing
from emulator.threads_api.answers import read_answer
from emulator.threads_api.model import Ending, ScriptedOutcome

if TYPE_CHECKING:
    from emulator.threads_api.model import Account, Outcome, Quota
    from emulator.threads_api.world import World


class Cause(Protocol):
    """How a named error comes about."""

    @property
    def kind(self) -> str:
        """What it acts through, in a word."""

    def act(self, world: World, body: JsonBody) -> None:
        """Bring the error about, as the rest of a control's body wants it. Raises Malformed."""


@dataclass(frozen=True)
class Script:
    """The next answers. Members of the control's body override its own; ``match`` does so one by one."""

    members: dict[str, Any]
    kind: str = "answer"

    def act(self, world: World, body: JsonBody) -> None:
        """Script the answers."""
        world.answers.append(read_answer(self.with_members(body.rest())))

    def with_members(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the script with other members beside, or instead of, its own."""
        match = given.get("match", {})
        if isinstance(match, dict):
            match = {**self.members.get("match", {}), **match}
        return {**self.members, **given, "match": match}


@dataclass(frozen=True)
class Change:
    """A setting, until the next reset."""

    settings: dict[str, Any]
    kind: str = "setting"

    def act(self, world: World, body: JsonBody) -> None:
        """Change the settings."""
        body.finish()
        world.settings = world.settings.changed(self.settings)


@dataclass(frozen=True)
class Tokens:
    """How tokens end: those of the account that the control's ``account_id`` names, or of each account."""

    #: None: they expire.
    ending: Ending | None
    kind: str = "tokens"

    def act(self, world: World, body: JsonBody) -> None:
        """End the tokens that there are. A token that is issued later works."""
        for account in _accounts(world, body):
            self._end(world, account)

    def _end(self, world: World, account: Account) -> None:
        if self.ending is None:
            authorization.expire(world, account.id)
        elif self.ending is Ending.REMOVED:
            for app in world.apps.values():
                if authorization.read_grant(world, app, account):
                    callbacks.remove_app(world, app, account)
        else:
            authorization.revoke(world, account.id, self.ending)


@dataclass(frozen=True)
class Spent:
    """The quota of an account, or of each account, is used up."""

    quota: Quota
    kind: str = "quota"

    def act(self, world: World, body: JsonBody) -> None:
        """Use it up."""
        for account in _accounts(world, body):
            publishing.use_up(world, account.id, self.quota)


@dataclass(frozen=True)
class Invited:
    """An account, or each account, has not accepted the invite to test the app."""

    kind: str = field(default="account", init=False)

    def act(self, world: World, body: JsonBody) -> None:
        """Take the acceptance back."""
        for account in _accounts(world, body):
            account.accepted_invite = False


@dataclass(frozen=True)
class Media:
    """What becomes of the next containers: ``times`` (1), of a ``media_type`` (images and videos)."""

    outcome: Outcome
    kind: str = "media"

    def act(self, world: World, body: JsonBody) -> None:
        """Script the outcome."""
        media_type, times = read_media_type(body), body.count("times", 1)
        body.finish()
        world.outcomes.append(ScriptedOutcome(self.outcome, media_type, times))


def read_media_type(body: JsonBody) -> str | None:
    """Take the media type that a script is for; None: images and videos."""
    media_type: str | None = body.text("media_type", None)
    if media_type not in {None, "IMAGE", "VIDEO", "CAROUSEL"}:
        raise Malformed("media_type must be IMAGE, VIDEO or CAROUSEL")
    return media_type


def _accounts(world: World, body: JsonBody) -> list[Account]:
    account_id = body.text("account_id", None)
    body.finish()
    if account_id is None:
        return list(world.accounts.values())
    if account_id not in world.accounts:
        raise Malformed(f"there is no account {account_id}")
    return [world.accounts[account_id]]
