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
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from threads.accounts.account import TOKEN_FIELD, StoredAccount
from threads.accounts.changes import AccountChange
from threads.accounts.repository import AccountRepository
from threads.accounts.vault import SealBroken, Vault, key_id
from threads.base.config import read_token_keys
from threads.base.errors import ConfigurationError, ServiceUnavailable
from threads.base.secret import redacted

if TYPE_CHECKING:
    from google.cloud.firestore import Client


PAGE = 300
"""Accounts that are read at once."""

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

GOOD = {RESEALED, ALREADY, GONE, WITHOUT_TOKEN}
"""After any other result, an account still needs a key that is old or missing."""


class Sealer(NamedTuple):
    """Seals tokens anew, with the newest key."""

    repository: AccountRepository
    vault: Vault

    def reseal_all(self) -> Counter[str]:
        """Seal every account's token anew, and return how many accounts had each result.

        Raises:
            ServiceUnavailable: Firestore does not list the accounts.

        """
        results: Counter[str] = Counter()
        after = None
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while page := self.repository.find_sealed(after, PAGE):
                results.update(pool.map(self.reseal, [it.account for it in page if it.account]))
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
            token = self.vault.open_token(account)
        except SealBroken:
            return f"{UNREADABLE} {redacted(key_id(sealed), limit=40)!r}"
        if self.vault.is_newest(sealed):
            return ALREADY
        resealed = self.vault.seal_token(token, account.uid, account.account_id)
        changed = self.repository.change(account, AccountChange({TOKEN_FIELD: resealed}))
        return RESEALED if changed else None


def main(arguments: Sequence[str], make_client: "Callable[[str | None], Client]") -> int:
    """Run the command and return its exit status: 0 if every account now needs only the newest key."""
    parser = argparse.ArgumentParser(
        prog="python -m threads.accounts.reseal", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--project", help="the Google Cloud project; that of the credentials by default")
    project = parser.parse_args(arguments).project
    try:
        keys = read_token_keys(os.environ)
        client = make_client(project)
        sys.stdout.write(f"Project {client.project}:\n")
        vault = Vault(keys, lambda: str(client.project))
        results = Sealer(AccountRepository(lambda: client), vault).reseal_all()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except ServiceUnavailable as error:
        sys.stderr.write(f"Firestore does not answer ({type(error.__cause__).__name__}). Run this again.\n")
        return 1
    for result, number in sorted(results.items()):
        sys.stdout.write(f"{number:>8} {result}\n")
    return 0 if results.keys() <= GOOD else 1


def _client(project: str | None) -> "Client":
    from google.cloud.firestore import Client  # noqa: PLC0415 - heavy

    return Client(project=project)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _client))
