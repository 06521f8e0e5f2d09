"""How accounts, tokens and connections once worked: each mutant is a behavior that cost a user something.

As in ``mutants``, each changes the real modules for as long as it is entered, in this process.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from tests.faults.mutants import time_by_the_machine
from threads.accounts import access_token, changes, profile, refresh, reseal, sweep, token_lifetime
from threads.accounts.account import ID_FIELDS, StoredAccount
from threads.accounts.changes import TOKEN_EXPIRED, AccountChange, disconnect_change
from threads.accounts.parts import AccountParts
from threads.accounts.refresh import Refresh
from threads.accounts.repository import CONNECT_ATTEMPTS, SAVE_ATTEMPTS, AccountRepository
from threads.accounts.sweep import DueAccount, Look, Sweep
from threads.accounts.token_lifetime import Turn
from threads.accounts.vault import Vault
from threads.base.errors import ReconnectRequired, ServiceUnavailable, ThreadsError, ThreadsUnavailable
from threads.cloud.firestore import owner_of, path_of
from threads.connections import callback, deletion, disconnect, exchange, finish
from threads.graph import oauth, shown
from threads.graph.account_api import AccountApi
from threads.graph.oauth import Grants
from threads.posts import repository as posts

NEVER = timedelta(days=10_000)

# --- nobody reaches another's data --------------------------------------------------------------------------


@contextmanager
def ids_of_documents_believed() -> Iterator[None]:
    """Let the id that stands in a document say whose account it is, for all users."""
    with patch.object(Vault, "sealed_ids", lambda _, account: {account.threads_user_id, account.account_id}):
        yield


@contextmanager
def places_of_seals_believed() -> Iterator[None]:
    """Let a seal prove the id of its document, too, for all users."""
    sealed_ids = Vault.sealed_ids

    def credulous(vault: Vault, account: StoredAccount) -> frozenset[str]:
        ids = sealed_ids(vault, account)
        return ids | {account.account_id} if ids else ids

    with patch.object(Vault, "sealed_ids", credulous):
        yield


@contextmanager
def documents_say_whom_to_connect_again() -> Iterator[None]:
    """Connect an account again because its document says that it is the same person's."""
    sealed_ids = Vault.sealed_ids

    def credulous(vault: Vault, account: StoredAccount) -> frozenset[str]:
        return sealed_ids(vault, account) | {account.threads_user_id or ""}

    with patch.object(Vault, "sealed_ids", credulous):
        yield


@contextmanager
def new_ids_forget_nobody() -> Iterator[None]:
    """Look for whom Meta wants forgotten by the ids of the day of the connection."""
    with patch.object(deletion, "ID_FIELDS", ID_FIELDS[:2]):
        yield


@contextmanager
def seals_open_anywhere() -> Iterator[None]:
    """Seal a token without the place where it belongs."""
    with patch.object(Vault, "_bound_to", lambda *_: b""):
        yield


@contextmanager
def planted_documents_have_their_turn() -> Iterator[None]:
    """Let a sweep look after whatever says that it is due."""

    def unopened(going: Sweep, it: DueAccount, account: StoredAccount) -> Look:
        turn = token_lifetime.turn(account, going._begun_at)
        return Look(it, None if turn in {Turn.REFRESH, Turn.LOOK_AGAIN} else turn)

    with patch.object(Sweep, "_judge", unopened):
        yield


@contextmanager
def odd_documents_come_back_each_hour() -> Iterator[None]:
    """Leave a document as it is that takes long to read, or cannot be read."""
    with patch.object(AccountRepository, "put_off", lambda *_: None):
        yield


@contextmanager
def one_bad_document_ends_a_search() -> Iterator[None]:
    """Let what cannot be read end the search for whom Meta wants forgotten."""
    with patch.object(deletion, "ServiceUnavailable", type("Unheard", (Exception,), {})):
        yield


@contextmanager
def whoever_writes_an_early_end_comes_first() -> Iterator[None]:
    """Look after accounts in the order in which they say that their tokens expire."""

    def believing(accounts: Iterable[DueAccount], _hour: datetime) -> list[DueAccount]:
        return sorted(accounts, key=lambda it: it.expires_at)

    with patch.object(sweep, "in_order", believing):
        yield


@contextmanager
def swept_one_by_one() -> Iterator[None]:
    """Look after one account after the other."""

    def alone(going: Sweep, work: Any, accounts: list[DueAccount]) -> list[Look]:
        return [look for account in accounts for look in note_all(going, work, [account])]

    note_all = Sweep._note_all
    with patch.object(Sweep, "_note_all", alone):
        yield


@contextmanager
def planted_documents_waited_for() -> Iterator[None]:
    """Let a deletion wait until nothing seems to be under way any more."""
    with patch.object(deletion, "WAITS", NEVER):
        yield


@contextmanager
def planted_leases_believed() -> Iterator[None]:
    """Let a lease hold a refresh up, however long it is."""
    with patch.object(token_lifetime, "LONGEST_LEASE", NEVER):
        yield


@contextmanager
def odd_records_stop_a_deletion() -> Iterator[None]:
    """Read a page of records only if each of them can be read."""

    def all_or_none(snapshots: Any, _odd: object) -> list[posts.StoredPost]:
        owned = ((owner_of(path_of(snapshot)), snapshot) for snapshot in snapshots)
        found = [posts._stored(uid, snapshot) for uid, snapshot in owned if uid]
        return [post for post in found if post]

    with patch.object(posts, "_read_all", all_or_none):
        yield


@contextmanager
def planted_seals_keep_a_key() -> Iterator[None]:
    """Let whatever stands in a token's place count as sealed with a key that is needed."""
    with patch.object(reseal, "is_seal", lambda _: True):
        yield


# --- tokens -------------------------------------------------------------------------------------------------


@contextmanager
def one_witness_is_enough() -> Iterator[None]:
    """Believe a single answer that calls a token dead."""
    confirmed = AccountApi.confirmed

    def credulous(api: AccountApi, error: ThreadsError) -> ThreadsError:
        return error if isinstance(error, ReconnectRequired) else confirmed(api, error)

    with patch.object(AccountApi, "confirmed", credulous):
        yield


@contextmanager
def one_refresh_is_enough() -> Iterator[None]:
    """End an account at the first refresh in which Threads calls its token dead, and all others."""
    with patch.object(token_lifetime, "DOUBT", timedelta()):
        yield


@contextmanager
def the_app_is_not_asked() -> Iterator[None]:
    """End an account from two answers, as one of few, without asking with the app's own token."""
    with patch.object(refresh, "_is_certain", lambda parts, _token, now: parts.repository.note_dead(now)):
        yield


@contextmanager
def doubts_untold() -> Iterator[None]:
    """Let a card say that all is well while Threads calls its token dead."""
    change = changes.postponed_change

    def silent(account: StoredAccount, now: datetime, *, dead_since: datetime | None, error: str) -> Any:
        changed = change(account, now, dead_since=dead_since, error=error)
        return replace(changed, card=None) if dead_since else changed

    with patch.object(refresh, "postponed_change", silent):
        yield


@contextmanager
def dead_tokens_doubted() -> Iterator[None]:
    """Leave an account active for a day whose token is dead."""
    with patch.object(AccountRepository, "note_dead", lambda *_: False):
        yield


@contextmanager
def ended_for_ever() -> Iterator[None]:
    """Never look at an account again that has ended."""
    turn = token_lifetime.turn

    def final(account: StoredAccount, now: datetime) -> Turn:
        return Turn.NOT_DUE if account.is_ended else turn(account, now)

    with patch.object(token_lifetime, "turn", final):
        yield


@contextmanager
def ended_until_looked_at() -> Iterator[None]:
    """Refuse an account that has ended to whoever needs it, without asking Threads."""
    with patch.object(access_token, "is_looked_at", lambda *_: False):
        yield


@contextmanager
def bad_hours_untold() -> Iterator[None]:
    """Tell nobody that most refreshes fail."""
    with patch.object(sweep, "FEW", 10_000):
        yield


@contextmanager
def alarms_of_each_process() -> Iterator[None]:
    """Let each process raise an alarm that another one has raised."""
    with patch.object(AccountRepository, "raise_alarm", lambda *_: True):
        yield


@contextmanager
def last_weeks_untold() -> Iterator[None]:
    """Let a token expire without an alarm."""
    with patch.object(token_lifetime, "LAST_WEEK", timedelta()):
        yield


@contextmanager
def alarms_without_a_pause() -> Iterator[None]:
    """Raise an alarm at each failed refresh of the last week."""
    with patch.object(token_lifetime, "ALARM_PAUSE", timedelta()):
        yield


@contextmanager
def cards_active_to_the_last() -> Iterator[None]:
    """Keep from the card that refreshes fail."""
    change = changes.postponed_change

    def silent(*given: Any, **more: Any) -> AccountChange:
        return replace(change(*given, **more), card=None)

    with patch.object(refresh, "postponed_change", silent):
        yield


@contextmanager
def reasons_forgotten() -> Iterator[None]:
    """Postpone a refresh without its reason."""
    postpone = refresh._postpone
    with patch.object(refresh, "_postpone", lambda *given: postpone(*given)._replace(error=None)):
        yield


@contextmanager
def asked_counts_as_granted() -> Iterator[None]:
    """If Threads does not say what it has granted, count what was asked for."""
    read = exchange._grants

    def trusting(*given: Any) -> Grants:
        grants = read(*given)
        return grants if grants.granted is not None else grants._replace(granted=grants.asked)

    with patch.object(exchange, "_grants", trusting):
        yield


@contextmanager
def invalid_tokens_connected() -> Iterator[None]:
    """Connect an account although Threads calls its new token invalid."""
    read = oauth.read_grants
    with patch.object(oauth, "read_grants", lambda *given: read(*given)._replace(is_valid=True)):
        yield


@contextmanager
def unknown_scopes_stay_unknown() -> Iterator[None]:
    """Never ask again what a token may do."""
    with patch.object(refresh, "_learn", lambda _parts, done, _fresh: done):
        yield


@contextmanager
def longest_due_comes_first() -> Iterator[None]:
    """Look after accounts in the order in which they became due."""
    with patch.object(sweep, "in_order", lambda accounts, _hour: [*accounts]):
        yield


@contextmanager
def urgent_accounts_wait_for_a_task() -> Iterator[None]:
    """Leave an account whose token expires soon to the queue."""
    with patch.object(DueAccount, "is_urgent", DueAccount.is_overdue):
        yield


@contextmanager
def lifetimes_are_whole_numbers() -> Iterator[None]:
    """Understand no lifetime that comes as a text or a float."""

    def strict(value: Any) -> timedelta | None:
        return timedelta(seconds=value) if isinstance(value, int) and value > 0 else None

    with patch.object(oauth, "_lifetime", strict):
        yield


@contextmanager
def tokens_without_a_lifetime_thrown_away() -> Iterator[None]:
    """Take a token only with its lifetime."""
    read = oauth._lifetime

    def strict(value: Any) -> timedelta:
        lifetime = read(value)
        if lifetime is None:
            raise ThreadsUnavailable
        return lifetime

    with patch.object(oauth, "_lifetime", strict):
        yield


@contextmanager
def clocks_end_accounts() -> Iterator[None]:
    """End an account whose token has expired by the clock, without asking Threads."""
    ask = refresh.refresh

    def unasked(parts: AccountParts, account: StoredAccount) -> Refresh:
        if account.is_active and account.has_run_out(parts.now()):
            return refresh._end(parts, account, TOKEN_EXPIRED)
        return ask(parts, account)

    with patch.object(refresh, "refresh", unasked):
        yield


@contextmanager
def removals_go_by_the_machines_time() -> Iterator[None]:
    """Let the clock of the machine that connected an account say when that was, wrong as it may be."""

    def believing(account: StoredAccount, moment: datetime) -> bool:
        connected_at = account.moment("connectedAt")
        return connected_at is not None and connected_at > moment

    with time_by_the_machine(), patch.object(StoredAccount, "is_connected_after", believing):
        yield


# --- connecting ---------------------------------------------------------------------------------------------


@contextmanager
def connected_once_is_connected() -> Iterator[None]:
    """Tell a reload that the account is connected, whatever has become of it."""
    with (
        patch.object(callback, "is_connected", lambda *_: True),
        patch.object(finish, "is_connected", lambda *_: True),
    ):
        yield


@contextmanager
def new_ids_are_new_accounts() -> Iterator[None]:
    """Know a person by the id of their profile alone."""
    with patch.object(AccountRepository, "find_person", lambda *_: None):
        yield


@contextmanager
def deleted_states_tried_again() -> Iterator[None]:
    """Go on trying to save an account whose state was deleted."""
    connect = AccountRepository.connect

    def stubborn(repository: AccountRepository, *given: Any, pause: Callable[[], None], **more: Any) -> bool:
        for _ in range(CONNECT_ATTEMPTS):
            if connect(repository, *given, pause=pause, **more):
                return True
            pause()
        raise ServiceUnavailable

    with patch.object(AccountRepository, "connect", stubborn):
        yield


# --- cards --------------------------------------------------------------------------------------------------


@contextmanager
def profiles_of_the_first_day() -> Iterator[None]:
    """Let a card stay as it was when its account was connected."""
    with patch.object(disconnect, "read_profile_again", lambda *_: True):
        yield


@contextmanager
def other_persons_tokens_used() -> Iterator[None]:
    """Go on with whatever token Threads has given an account."""
    with patch.object(profile, "_is_of", lambda *_: True):
        yield


@contextmanager
def half_disconnected_accounts_stay() -> Iterator[None]:
    """Leave a disconnection that died to whoever repeats it."""

    def unheeded(now: datetime) -> AccountChange:
        change = disconnect_change(now)
        return AccountChange({**change.account, "refreshAt": None}, change.card)

    with patch.object(disconnect, "disconnect_change", unheeded):
        yield


@contextmanager
def few_disconnections_at_once() -> Iterator[None]:
    """Give up soon while others change the same summary."""
    with patch.object(disconnect, "CONNECT_ATTEMPTS", SAVE_ATTEMPTS):
        yield


@contextmanager
def cards_without_accounts_stay() -> Iterator[None]:
    """Disconnect only what has a document."""
    with patch.object(disconnect, "AccountNotFound", type("Unheard", (Exception,), {})):
        yield


@contextmanager
def names_of_any_length() -> Iterator[None]:
    """Show a name as it comes."""
    with patch.object(shown, "name", lambda value: value or ""):
        yield


@contextmanager
def any_address_shown() -> Iterator[None]:
    """Show a picture from wherever it comes."""
    with patch.object(shown, "web_address", lambda value: value or None):
        yield


@contextmanager
def full_cards_keep_tokens_alive() -> Iterator[None]:
    """Change an account only together with its card."""
    with patch.object(AccountRepository, "change", AccountRepository._change):
        yield
