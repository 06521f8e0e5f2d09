"""A command: seal every account's token with the newest key, while the service runs.

    export TOKEN_KEYS="$(firebase --project <project> functions:secrets:access TOKEN_KEYS)"
    venv/bin/python -m threads.accounts.reseal --project <project>

It needs application default credentials that may write to Firestore. Changing the key takes three steps, and
no token is lost between them:

    1. Deploy with the new key last in TOKEN_KEYS. From now on every instance can open what the new key seals.
    2. Deploy with the new key first. Wait some minutes until the instances of the old revision are gone: they
       seal with the old key until their last request ends. Then run this command.
    3. Run it again until it seals nothing anew and its status is 0. Then deploy without the old key.

It may run at any time and more than once. It never overwrites a change that another writer makes meanwhile.

What it cannot open stays as it is, and its path is told. A text that was never sealed needs no key. Any other
needs one, unless a user has written it, because the app lets users write below their own path. Look at its
document, and name such a user with ``--except-user``.
"""

import argparse
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from threads.accounts.account import OWNER_FIELD, TOKEN_FIELD, StoredAccount
from threads.accounts.changes import AccountChange
from threads.accounts.repository import AccountRepository
from threads.accounts.vault import SealBroken, Vault, is_seal, key_id
from threads.base.config import read_token_keys
from threads.base.errors import ConfigurationError, ServiceUnavailable
from threads.base.secret import redacted

if TYPE_CHECKING:
    from google.cloud.firestore import Client


PAGE = 100
"""Accounts that are read at once."""

MAX_NAMED = 10
"""The most paths that are told of each result."""

AT_ONCE = 8
"""Accounts that are changed at the same time. Each takes a commit of some 50 ms."""

ATTEMPTS = 10
"""How often an account is sealed and read again because another writer has changed it in between."""

RESEALED = "sealed anew"
ALREADY = "sealed with the newest key before"
GONE = "gone meanwhile"
WITHOUT_TOKEN = "without a token"  # noqa: S105 - a result
FAILED = "FAILED: run this again"
UNREADABLE = "UNREADABLE: sealed with the key"
NOT_SEALED = "never sealed: no account of ours"
EXCEPTED = "passed over, for --except-user"

GOOD = {RESEALED, ALREADY, GONE, WITHOUT_TOKEN, NOT_SEALED, EXCEPTED}
"""After any other result, an account still needs a key that is old or missing."""


PLAIN = {RESEALED, ALREADY, GONE, WITHOUT_TOKEN}
"""Nobody must look at these."""


class Sealer(NamedTuple):
    """Seals tokens anew, with the newest key."""

    repository: AccountRepository
    vault: Vault
    excepted: Collection[str] = ()
    """The users whose documents need no key."""
    told: "Callable[[str, str], object]" = lambda _result, _path: None
    """Gets each result that an operator must look at, and the path of its document."""

    def reseal_all(self) -> Counter[str]:
        """Seal every account's token anew, and return how many accounts had each result.

        Raises:
            ServiceUnavailable: Firestore does not list the accounts.

        """
        results: Counter[str] = Counter()
        after = None
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while page := self.repository.find_sealed(after, PAGE):
                ours = [it for it in page if it.account]
                for it, result in zip(ours, pool.map(self.reseal, [it.account for it in ours]), strict=True):
                    results[result] += 1
                    if result not in PLAIN:
                        self.told(result, it.path)
                after = page[-1].path
        return results

    def reseal(self, account: StoredAccount) -> str:
        """Seal one account's token anew, and return the result."""
        found: StoredAccount | None = account
        for _ in range(ATTEMPTS):
            try:
                if found is None:
                    return GONE
                result = self._try(found)
                if result:
                    return result
                found = self.repository.read(account.uid, account.account_id)
            except ServiceUnavailable:
                continue
        return FAILED

    def _try(self, account: StoredAccount) -> str | None:
        """Seal a token anew and return the result, or None if its account has changed since it was read."""
        sealed = account.sealed_token
        if not sealed:
            return WITHOUT_TOKEN
        try:
            change = self._anew(account, sealed)
        except SealBroken:
            return self._why_not(account, sealed)
        if not change:
            return ALREADY
        return RESEALED if self.repository.change(account, AccountChange(change)) else None

    def _anew(self, account: StoredAccount, sealed: str) -> dict[str, str]:
        """Return the fields that the newest key has not sealed, sealed with it.

        Raises:
            SealBroken: the token does not open.

        """
        token, uid, account_id = self.vault.open_token(account), account.uid, account.account_id
        ids, fields = self.vault.sealed_ids(account), {}
        if not self.vault.is_newest(sealed):
            fields[TOKEN_FIELD] = self.vault.seal_token(token, uid, account_id)
        if ids and not self.vault.is_newest(str(account.fields[OWNER_FIELD])):
            fields[OWNER_FIELD] = self.vault.seal_ids(ids, uid, account_id)
        return fields

    def _why_not(self, account: StoredAccount, sealed: str) -> str:
        """Return the result for a token that does not open."""
        if not is_seal(sealed):
            return NOT_SEALED
        if account.uid in self.excepted:
            return EXCEPTED
        return f"{UNREADABLE} {redacted(key_id(sealed), limit=40)!r}"


def main(arguments: Sequence[str], make_client: "Callable[[str | None], Client]") -> int:
    """Run the command and return its exit status: 0 if every account now needs only the newest key."""
    parser = argparse.ArgumentParser(
        prog="python -m threads.accounts.reseal", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--project", help="the Google Cloud project; that of the credentials by default")
    parser.add_argument(
        "--except-user", action="append", default=[], help="a user who has written documents; may be repeated"
    )
    given = parser.parse_args(arguments)
    named: dict[str, list[str]] = defaultdict(list)
    try:
        keys = read_token_keys(os.environ)
        client = make_client(given.project)
        sys.stdout.write(f"Project {client.project}:\n")
        vault = Vault(keys, lambda: str(client.project))
        sealer = Sealer(
            AccountRepository(lambda: client),
            vault,
            excepted=given.except_user,
            told=lambda result, path: named[result].append(path),
        )
        results = sealer.reseal_all()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except ServiceUnavailable as error:
        sys.stderr.write(f"Firestore does not answer ({type(error.__cause__).__name__}). Run this again.\n")
        return 1
    for result, number in sorted(results.items()):
        sys.stdout.write(f"{number:>8} {result}\n")
        sys.stdout.writelines(f"{'':>8} {path}\n" for path in named[result][:MAX_NAMED])
    return 0 if results.keys() <= GOOD else 1


def _client(project: str | None) -> "Client":
    from google.cloud.firestore import Client  # noqa: PLC0415 - heavy

    return Client(project=project)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _client))
