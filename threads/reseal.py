"""A command: seal every account's token with the newest key, while the service goes on.

    export TOKEN_KEYS="$(firebase --project <project> functions:secrets:access TOKEN_KEYS)"
    venv/bin/python -m threads.reseal --project <project>

It needs the application default credentials of somebody who may write to Firestore. A key is exchanged in
three steps, and no token is lost between them:

    1. deploy with the new key last in TOKEN_KEYS: from now on every instance opens what it seals
    2. deploy with the new key first; wait some minutes, until the instances of the revision before are gone,
       which seal with the old one as long as a request of theirs goes on; then run this
    3. run it again until nothing was sealed anew, with status 0; then deploy without the old key

It may be run at any time, and again: who changes an account at the same moment is not disturbed.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from threads.accounts import TOKEN_FIELD
from threads.config import read_token_keys
from threads.documents import Found, owner_of
from threads.errors import ConfigurationError, ServiceUnavailable
from threads.store import Store
from threads.vault import SealBroken, Vault, key_id, token_place
from threads.wire import redacted

if TYPE_CHECKING:
    from google.cloud.firestore import Client

PAGE = 300
"""Accounts that are read at once."""

AT_ONCE = 8
"""Accounts that are changed at the same time; each is a commit of some 50 ms."""

ATTEMPTS = 10
"""How often an account is read and sealed anew because somebody else has changed it in between."""

RESEALED = "sealed anew"
ALREADY = "sealed with the newest key before"
GONE = "gone meanwhile"
WITHOUT_TOKEN = "without a token"  # noqa: S105 - a result
FAILED = "FAILED: run this again"
UNREADABLE = "UNREADABLE: sealed with the key"

GOOD = {RESEALED, ALREADY, GONE, WITHOUT_TOKEN}
"""Whatever else comes of an account, its key is still needed, or missing."""


class Sealer(NamedTuple):
    """What an account is sealed anew with."""

    store: Store
    vault: Vault
    project: str

    def reseal_all(self) -> Counter[str]:
        """Seal every account's token anew; return how many, by what came of them.

        Raises:
            ServiceUnavailable: Firestore does not tell which accounts there are.

        """
        results: Counter[str] = Counter()
        after = None
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while page := self.store.find_sealed(after, PAGE):
                ours = [(uid, found) for path, found in page if (uid := owner_of(path))]
                results.update(pool.map(lambda account: self.reseal(*account), ours))
                after = page[-1][0]
        return results

    def reseal(self, uid: str, account: Found) -> str:
        """Seal one account's token anew; return what came of it."""
        found: Found | None = account
        for _ in range(ATTEMPTS):
            try:
                if found is None:
                    return GONE
                result = self._try(uid, found)
                if result:
                    return result
                found = next(iter(self.store.find_accounts(uid, account.id)), None)
            except ServiceUnavailable:
                continue
        return FAILED

    def _try(self, uid: str, found: Found) -> str | None:
        """Seal a token anew unless somebody has changed its account since it was read; None if so."""
        sealed = found.fields.get(TOKEN_FIELD)
        if not sealed:
            return WITHOUT_TOKEN
        place = token_place(self.project, uid, found.id)
        try:
            token = self.vault.open(str(sealed), place)
        except SealBroken:
            return f"{UNREADABLE} {redacted(key_id(str(sealed)), limit=40)!r}"
        if self.vault.is_newest(str(sealed)):
            return ALREADY
        change = {TOKEN_FIELD: self.vault.seal(token, place)}
        return RESEALED if self.store.change_account(uid, found, change=change) else None


def main(arguments: Sequence[str], make_client: "Callable[[str | None], Client]") -> int:
    """Run the command; return its exit status: 0 when nothing needs another key than the newest any more."""
    parser = argparse.ArgumentParser(
        prog="python -m threads.reseal", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--project", help="the Google Cloud project; that of the credentials by default")
    project = parser.parse_args(arguments).project
    try:
        vault = Vault(read_token_keys(os.environ))
        client = make_client(project)
        sys.stdout.write(f"Project {client.project}:\n")
        results = Sealer(Store(lambda: client), vault, str(client.project)).reseal_all()
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
