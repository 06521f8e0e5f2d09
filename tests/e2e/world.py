"""What is around the functions in a test: users, Threads and its window, Firestore."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from google.cloud import firestore

from tests.e2e import canary
from threads.accounts.account import OWNER_FIELD
from threads.accounts.summary import fresh_card
from threads.accounts.vault import Vault
from threads.base.config import DEVELOPMENT_KEYS, read_config
from threads.base.scopes import KNOWN_SCOPES
from threads.base.secret import Secret
from threads.graph.oauth import Profile

TIMEOUT = 30


class Threads:
    """The Threads emulator's controls, and its window as a person would use it."""

    def __init__(self, url: str) -> None:
        """Take its address."""
        self.url = url
        self._session = requests.Session()

    def control(self, method: str, path: str, **body: Any) -> Any:
        """Call a control route."""
        response = self._session.request(
            method, f"{self.url}/_emulator/{path}", json=body or None, timeout=TIMEOUT
        )
        response.raise_for_status()
        return response.json()

    def reset(self) -> None:
        """Forget everything that happened."""
        self.control("POST", "reset")

    def accounts(self) -> list[dict[str, Any]]:
        """Return the made-up people."""
        found: list[dict[str, Any]] = self.control("GET", "accounts")["accounts"]
        return found

    def token(self, account_id: str, **options: Any) -> str:
        """Issue a token without the window."""
        return str(self.control("POST", "tokens", account_id=account_id, **options)["access_token"])

    def answer(self, path: str, **script: Any) -> None:
        """Script the next answer to a path."""
        self.control("POST", "answers", match={"path": path}, **script)

    def calls(self) -> list[str]:
        """Return the API calls that were received: method and path."""
        return [f"{it['method']} {it['path']}" for it in self.requests() if it["path"] != "/oauth/authorize"]

    def requests(self) -> list[dict[str, Any]]:
        """Return the received requests, oldest first."""
        found: list[dict[str, Any]] = self.control("GET", "requests")["requests"]
        return found

    def posts(self) -> list[dict[str, Any]]:
        """Return what was published, oldest first."""
        found: list[dict[str, Any]] = self.control("GET", "posts")["posts"]
        return found

    def decide(self, auth_url: str, **form: Any) -> dict[str, str]:
        """Answer the authorization window; return the query that the browser brings to the callback."""
        shown = self._session.get(auth_url, timeout=TIMEOUT)
        assert shown.status_code == 200, shown.text
        asked = dict(parse_qsl(urlsplit(auth_url).query))
        choice = {"decision": "allow", "scope": asked["scope"].split(",")}
        back = self._session.post(auth_url, data=choice | form, allow_redirects=False, timeout=TIMEOUT)
        assert back.status_code == 302, back.text
        assert back.headers["Location"].endswith("#_")
        return dict(parse_qsl(urlsplit(back.headers["Location"]).query))


class CloudTasks:
    """The Cloud Tasks emulator's controls."""

    def __init__(self, url: str) -> None:
        """Take its address."""
        self._url = f"{url}/_emulator"

    def control(self, method: str, path: str, **body: Any) -> Any:
        """Call a control route."""
        response = requests.request(method, f"{self._url}/{path}", json=body or None, timeout=2 * TIMEOUT)
        response.raise_for_status()
        return response.json()

    def pending(self) -> list[dict[str, Any]]:
        """Return the tasks that have not ended."""
        found: list[dict[str, Any]] = self.control("GET", "tasks")["tasks"]
        return found

    def answers(self) -> list[int]:
        """Return the status of each delivery."""
        return [it["status"] for it in self.control("GET", "dispatches")["dispatches"]]

    def pass_time(self, seconds: float = 0) -> None:
        """Move the clock, and wait until everything that is due has been delivered."""
        self.control("POST", "clock", advance_seconds=seconds)
        assert self.control("GET", f"idle?seconds={TIMEOUT}")["idle"]


@dataclass(frozen=True)
class SignedIn:
    """A user of the app, signed in at the Auth emulator."""

    uid: str
    id_token: str

    @property
    def headers(self) -> dict[str, str]:
        """The header that the web app sends."""
        return {"Authorization": f"Bearer {self.id_token}"}


@dataclass(frozen=True)
class Author(SignedIn):
    """A signed-in user with one connected account."""

    account_id: str

    @property
    def account_path(self) -> str:
        """Where the account is."""
        return account_path(self.uid, self.account_id)


class Firebase:
    """The Auth and Firestore emulators."""

    def __init__(self, auth_host: str, firestore_host: str, project: str) -> None:
        """Take where they are."""
        self._auth = f"http://{auth_host}/identitytoolkit.googleapis.com/v1"
        self._project = project
        self._documents = (
            f"http://{firestore_host}/emulator/v1/projects/{project}/databases/(default)/documents"
        )
        self.rest = f"http://{firestore_host}/v1/projects/{project}/databases/(default)/documents"
        self.client = firestore.Client(project=project)

    def sign_in(self) -> SignedIn:
        """Make a new user."""
        answer = requests.post(
            f"{self._auth}/accounts:signUp?key=any", json={"returnSecureToken": True}, timeout=TIMEOUT
        ).json()
        return SignedIn(answer["localId"], answer["idToken"])

    def change_user(self, uid: str, change: str, **fields: Any) -> None:
        """Update or delete a user, as the app's owner does."""
        url = f"{self._auth}/projects/{self._project}/accounts:{change}"
        owner = {"Authorization": "Bearer owner"}
        told = requests.post(url, headers=owner, json={"localId": uid, **fields}, timeout=TIMEOUT)
        told.raise_for_status()

    def clear(self) -> None:
        """Delete every document."""
        requests.delete(self._documents, timeout=TIMEOUT).raise_for_status()

    def check(self) -> None:
        """Fail when a document shows a secret."""
        for path, fields in canary.documents(self.client):
            canary.check_document(path, fields)

    def read(self, path: str) -> dict[str, Any] | None:
        """Return a document's fields, or None."""
        fields: dict[str, Any] | None = self.client.document(path).get().to_dict()
        return fields

    def write(self, path: str, fields: Mapping[str, Any]) -> None:
        """Write a document."""
        self.client.document(path).set(dict(fields))

    def names(self, collection: str) -> list[str]:
        """Return the ids of a collection's documents."""
        return [str(document.id) for document in self.client.collection(collection).list_documents()]


def summary_path(uid: str) -> str:
    """Return where a user's summary is."""
    return f"users/{uid}/integrations/threads"


def account_path(uid: str, account_id: str) -> str:
    """Return where a user's account is."""
    return f"{summary_path(uid)}/accounts/{account_id}"


def pending_path(handle: str) -> str:
    """Return where the pending connection is that a handle leads to."""
    return f"threadsPendingConnections/{hashlib.sha256(handle.encode()).hexdigest()}"


def post_path(uid: str, name: str) -> str:
    """Return where a post's record is."""
    return f"{summary_path(uid)}/posts/{name}"


def post_is_ready_again(firebase: Firebase, author: Author, name: str) -> None:
    """Let the time pass after which a post may have a new container."""
    firebase.client.document(post_path(author.uid, name)).update({"createAt": datetime.now(UTC)})


def seconds_between(first: datetime, second: datetime) -> float:
    """Return how far two moments are apart."""
    return abs((second - first).total_seconds())


def vault_of(environment: Mapping[str, str], keys: str = DEVELOPMENT_KEYS) -> Vault:
    """Return what seals and opens tokens as functions with this configuration do."""
    config = read_config({**environment, "TOKEN_KEYS": keys})
    return Vault(config.token_keys, lambda: environment["GCLOUD_PROJECT"])


def store_account(
    firebase: Firebase, vault: Vault, uid: str, person: Mapping[str, Any], token: str, **fields: Any
) -> None:
    """Store a person's account and its card as a connection does, without walking through the window."""
    account_id, username = person["id"], person["username"]
    account = {
        "accountId": account_id,
        "accessToken": vault.seal_token(Secret(token), uid, account_id),
        "status": "active",
        "profile": {"username": username},
        "extra": {"threadsUserId": account_id},
        OWNER_FIELD: vault.seal_ids([account_id], uid, account_id),
        "scopes": list(KNOWN_SCOPES),
    }
    firebase.write(account_path(uid, account_id), account | fields)
    profile = Profile(account_id, username, username, None)
    ends = fields.get("expiresAt", datetime.now(UTC) + timedelta(days=60))
    card = {**fresh_card(profile, ends, ()), "enabled_for_repost": False}
    firebase.client.document(summary_path(uid)).set({"accounts": {account_id: card}}, merge=True)
