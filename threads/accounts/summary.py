"""The summary of a user's accounts: the document that the web app renders, with one card for each account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from threads.accounts.account import ACTIVE
from threads.base.errors import AccountNotFound
from threads.base.scopes import DEFAULT_SCOPES, may_publish
from threads.base.validation import as_json
from threads.graph.oauth import Profile

Card = Mapping[str, Any]
"""What the web app shows of an account."""

_PASSING = ("statusReason", "refreshError", "refusedScopes")
"""The members of a card that a new connection does not keep."""


@dataclass(frozen=True)
class StoredSummary:
    """A user's summary as it was read. If there is none, it is empty and has no version."""

    uid: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    version: Any = None

    @property
    def cards(self) -> dict[str, Card]:
        """A copy of the cards by account id, which the caller may change.

        What is not a card stays where it is, and reads as an empty one (``card_in``).
        """
        cards = self.fields.get("accounts")
        return dict(cards) if isinstance(cards, Mapping) else {}

    @property
    def default_account_id(self) -> str | None:
        """The account that the app should show first."""
        default = self.fields.get("defaultAccountId")
        return default if isinstance(default, str) else None


def card_in(cards: Mapping[str, Any], account_id: str) -> Card:
    """Return the card of an account, or an empty one if there is none, or something else in its place."""
    card = cards.get(account_id)
    return card if isinstance(card, Mapping) else {}


def public_profile(profile: Profile) -> dict[str, Any]:
    """Return a profile as it is stored and answered."""
    return {
        "platformId": profile.id,
        "displayName": profile.display_name,
        "username": profile.username,
        "avatarUrl": profile.avatar_url,
        "accountType": "user",
    }


def refused_member(scopes: Sequence[str]) -> dict[str, list[str]]:
    """Return the member that names the scopes that were not granted, or no member if there are none."""
    return {"refusedScopes": list(scopes)} if scopes else {}


def publishing_member(refused: Sequence[str]) -> dict[str, bool]:
    """Return the member that says whether an account that has not granted these scopes may publish."""
    return {"canPublish": may_publish([scope for scope in DEFAULT_SCOPES if scope not in refused])}


def with_connected_card(
    summary: StoredSummary, account_id: str, fresh: Card, now: datetime
) -> dict[str, Any]:
    """Return the summary's fields with the card of a connected account. The user's choices stay."""
    cards = summary.cards
    old = card_in(cards, account_id)
    kept = {name: old[name] for name in old if name not in _PASSING}
    cards[account_id] = {"enabled_for_repost": False, **kept, **fresh}
    return {
        "defaultAccountId": summary.default_account_id or account_id,
        "connectedCount": len(cards),
        "accounts": cards,
        "updatedAt": now,
    }


def fresh_card(profile: Profile, expires_at: datetime, refused_scopes: Sequence[str]) -> dict[str, Any]:
    """Return what a new connection writes on its account's card."""
    return {
        **shown_profile(profile),
        "status": ACTIVE,
        "expiresAt": expires_at,
        **publishing_member(refused_scopes),
        **refused_member(refused_scopes),
    }


def with_profile(summary: StoredSummary, account_id: str, profile: Profile, now: datetime) -> dict[str, Any]:
    """Return what changes in the summary if an account keeps its token and only its profile is new."""
    cards = summary.cards
    cards[account_id] = {**card_in(cards, account_id), **shown_profile(profile)}
    return {"accounts": cards, "updatedAt": now}


def with_choice(
    summary: StoredSummary,
    account_id: str,
    *,
    enabled_for_repost: bool | None,
    is_default: bool,
    now: datetime,
) -> dict[str, Any]:
    """Return what changes in the summary when the user changes a setting of an account.

    Args:
        summary: the user's summary.
        account_id: the account.
        enabled_for_repost: whether the app may repost from the account. None keeps the setting.
        is_default: make it the default account. False keeps the default account.
        now: the time.

    Raises:
        AccountNotFound: the user has no such account.

    """
    cards = summary.cards
    if account_id not in cards:
        raise AccountNotFound("You have not connected the Threads account that accountId names.")
    if enabled_for_repost is not None:
        cards[account_id] = {**card_in(cards, account_id), "enabled_for_repost": enabled_for_repost}
    default = {"defaultAccountId": account_id} if is_default else {}
    return {"accounts": cards, **default, "updatedAt": now}


def without_card(summary: StoredSummary, account_id: str, now: datetime) -> dict[str, Any] | None:
    """Return what changes in the summary when an account is removed, or None if it was the last one.

    If it was the default account, another account becomes the default.
    """
    cards = {name: card for name, card in summary.cards.items() if name != account_id}
    if not cards:
        return None
    if account_id not in summary.cards:
        return {}
    default = summary.default_account_id
    if default not in cards:
        default = min(cards, key=lambda name: str(card_in(cards, name).get("username") or ""))
    return {"accounts": cards, "defaultAccountId": default, "connectedCount": len(cards), "updatedAt": now}


def cards_answer(summary: StoredSummary) -> dict[str, Any]:
    """Return the cards as the web app gets them, the default account's first.

    A newer version may have written some of them, before it was taken back. They are shown as far as they
    can be, and ``unreadable_cards`` are left out. An older version has written cards without ``canPublish``.
    """
    default = summary.default_account_id
    cards = [
        {"accountId": account_id, **publishing_member(_refused(card)), **as_json(card)}
        for account_id, card in summary.cards.items()
        if isinstance(card, Mapping)
    ]
    cards.sort(key=lambda card: (card["accountId"] != default, str(card.get("username") or "")))
    return {"ok": True, "accounts": cards, "defaultAccountId": default, "connectedCount": len(cards)}


def _refused(card: Card) -> Sequence[str]:
    refused = card.get("refusedScopes")
    return refused if isinstance(refused, list) else ()


def unreadable_cards(summary: StoredSummary) -> list[str]:
    """Return the ids of the accounts whose cards are not cards."""
    return sorted(name for name, card in summary.cards.items() if not isinstance(card, Mapping))


def shown_profile(profile: Profile) -> dict[str, Any]:
    """Return the part of a card that comes from the profile."""
    whole = public_profile(profile)
    return {name: whole[name] for name in ("displayName", "username", "avatarUrl", "accountType")}
