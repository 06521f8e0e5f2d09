"""Makes up requests: sound ones of every function, and what chance does to them; a seed makes them again."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

NAMES = (
    "th_auth_start",
    "th_auth_callback",
    "th_auth_finish",
    "publish_threads",
    "th_posts",
    "th_accounts",
    "th_refresh_tokens",
    "th_upkeep",
    "th_deauthorize",
    "th_delete_data",
    "th_webhook",
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "PROPFIND")

IDS = (
    "17841405793187218",
    "",
    "0",
    "..",
    ".",
    "../../users/x",
    "a/b/c",
    "__all__",
    "x" * 1600,
    "١٢٣",
    "\ud800",
    "\x00",
    "null",
    "1e9",
    " 1",
    "%2e%2e%2f",
    "-1",
    "9" * 400,
)
"""Ids: a sound one, and some that climb, lie or are too long."""

TEXTS = (
    "hello",
    "",
    " ",
    "x" * 501,
    "x" * 70_000,
    "\ud83d",
    "\udfff\ud800",
    "👩‍👩‍👧‍👦" * 20,
    "a" + "\u0301" * 3000,
    "\u202e evil",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "' OR 1=1 --",
    "\x00\x01\x1f",
    "https://evil.example/" * 6,
    "\r\nSet-Cookie: x=1",
    "=" * 64,
    "٣",
)

URLS = (
    "https://cdn.example/a.jpg",
    "http://cdn.example/a.jpg",
    "https://127.0.0.1/a.jpg",
    "https://user:pw@cdn.example/a.jpg",
    "https://[::1",
    "javascript:alert(1)",
    "https://app.example/\\evil",
    "https://app.example@evil.example",
    "https://app.example/\t",
    "//evil.example",
    "https://" + "a" * 4000 + ".example",
    "file:///etc/passwd",
    "https://xn--/",
    "https://app.example:99999/",
)

VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    10**400,
    [],
    {},
    [[[[]]]],
    {"a": {"b": {}}},
    [None],
    "true",
    ["x"] * 300,
    {"": ""},
    {"__proto__": {"x": 1}},
    *IDS,
    *TEXTS,
    *URLS,
)

CONTENT_TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "",
    "application/json\x01",
    "*/*",
)


@dataclass(frozen=True)
class Hostile:
    """One request, as it goes over the wire."""

    function: str
    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Secrets:
    """What the requests that come further than the door are made with."""

    app_secret: str
    verify_token: str
    users: tuple[str, ...]
    """ID tokens."""
    described: tuple[str, ...]
    """ID tokens of users for what docs/openapi.yaml describes. Hostile requests do not touch them."""
    tasks: tuple[str, ...]
    """OIDC tokens of the right service account, for one audience or the other."""
    forged: tuple[str, ...]
    """Tokens of either kind that are worth nothing."""
    uids: tuple[str, ...]
    states: tuple[str, ...]
    """States and handles that are there."""


class Generator:
    """Makes requests, one after the other."""

    def __init__(self, seed: int, secrets: Secrets) -> None:
        """Take what makes it the same again, and what the requests are made with."""
        self._chance = random.Random(seed)  # noqa: S311 - not for secrets
        self._secrets = secrets

    def request(self) -> Hostile:
        """Return the next request."""
        chance = self._chance
        name = chance.choice(NAMES)
        sound: Callable[[], tuple[str, dict[str, Any], Any]] = getattr(self, f"_{name}")
        method, query, body = sound()
        if chance.random() < 0.1:
            method = chance.choice(METHODS)
        if chance.random() < 0.5:
            query = self._spoiled(query)
        raw, content_type = self._body(name, body)
        headers = {"Content-Type": content_type, **self._caller(name), **self._oddities()}
        if name == "th_webhook" and chance.random() < 0.8:
            headers["X-Hub-Signature-256"] = "sha256=" + self._mac(raw).hex()
        return Hostile(name, method, self._target(query), headers, raw)

    # --- sound requests -----------------------------------------------------------------------------------

    def _th_auth_start(self) -> tuple[str, dict[str, Any], Any]:
        wish = {
            "returnTo": self._chance.choice(["https://app.example/", "https://app.example/?x=1#y", *URLS]),
            "scopes": self._chance.choice(["threads_delete", "threads_basic,x", "", "a " * 900]),
            "accountId": self._chance.choice(IDS),
            "mode": self._chance.choice(["signin", "connect", ""]),
            "challenge": self._chance.choice(["a" * 43, "", "é" * 43]),
            "redirect": self._chance.choice(["1", "true", 1]),
        }
        picked = {name: value for name, value in wish.items() if self._chance.random() < 0.4}
        if self._chance.random() < 0.3:
            picked = {"returnTo": "https://app.example/", "mode": "signin", "challenge": "a" * 43}
        return ("GET", picked, None) if self._chance.random() < 0.4 else ("POST", {}, picked)

    def _th_auth_callback(self) -> tuple[str, dict[str, Any], Any]:
        state = self._chance.choice([*self._secrets.states, *IDS, *TEXTS])
        code = self._chance.choice(["AQcode", "", "x" * 5000, "é", "a\nb", "AQ#_"])
        return "GET", {"state": state, self._chance.choice(["code", "error"]): code}, None

    def _th_auth_finish(self) -> tuple[str, dict[str, Any], Any]:
        handle = self._chance.choice([*self._secrets.states, *IDS])
        verifier = {"verifier": self._chance.choice(["v" * 43, "", "é" * 50, 7])}
        return "POST", {}, {"handle": handle, **(verifier if self._chance.random() < 0.5 else {})}

    def _publish_threads(self) -> tuple[str, dict[str, Any], Any]:
        chance = self._chance
        post: dict[str, Any] = {
            "text": chance.choice(TEXTS),
            "accountId": chance.choice(IDS),
            "idempotencyKey": chance.choice(TEXTS),
            "dryRun": chance.choice([True, True, False, "yes"]),
            "scheduledTime": chance.choice(["2026-05-01T12:00:00Z", "tomorrow", "0001-01-01T00:00:00+23:59"]),
            "poll": chance.choice([["a", "b"], [], ["a"] * 9, [{}]]),
            "media": chance.choice([[{"imageUrl": url} for url in URLS[:3]], [[]], [{}] * 40]),
            "spoilers": chance.choice(
                [[{"offset": -1, "length": 10**30}], [{"offset": 0, "length": 1}] * 50]
            ),
            "thread": chance.choice([[{"text": "x"}] * 30, [{"thread": [{}]}], {}]),
            "countries": chance.choice([["US"], ["U"], "US"]),
        }
        picked = {name: value for name, value in post.items() if chance.random() < 0.4}
        if chance.random() < 0.6:
            return "POST", {}, picked
        uid = chance.choice([*self._secrets.uids, *IDS])
        own = {"userId": uid, "postId": chance.choice(["0f" * 32, *IDS])}
        content = {**picked, "mediaType": "IMAGE", "mediaUrls": list(URLS[:2])}
        platform = [{"platform": "threads", "accountId": chance.choice(IDS)}]
        others = {
            "userId": uid,
            "postSubmissionId": chance.choice(IDS),
            "request": {"post": {"content": content | {"platform": platform}}},
        }
        return "POST", {}, own if chance.random() < 0.4 else others

    def _th_posts(self) -> tuple[str, dict[str, Any], Any]:
        chance = self._chance
        query = {
            "postId": chance.choice(["0f" * 32, *IDS]),
            "limit": chance.choice(["1", "0", "1e3", "٣", "999999999999"]),
            "before": chance.choice(["2026-05-01T12:00:00Z", "x", "9999-99-99T00:00:00Z"]),
            "cancel": chance.choice(["true", "yes"]),
        }
        picked = {name: value for name, value in query.items() if chance.random() < 0.5}
        repost = {chance.choice(["postId", "mediaId"]): chance.choice(IDS), "accountId": chance.choice(IDS)}
        method = chance.choice(["GET", "DELETE", "POST", "PATCH"])
        if method == "PATCH":
            change = {chance.choice(["text", "media", "thread", "scheduledTime"]): chance.choice(VALUES)}
            return method, {}, {"postId": query["postId"], **change}
        return (method, {}, repost) if method == "POST" else (method, picked, None)

    def _th_accounts(self) -> tuple[str, dict[str, Any], Any]:
        chance = self._chance
        account = {"accountId": chance.choice(IDS)}
        change = {
            "enabled_for_repost": chance.choice([True, "x", None]),
            "default": chance.choice([True, False, 1]),
        }
        method = chance.choice(["GET", "PATCH", "DELETE"])
        if method == "PATCH":
            return method, {}, account | {it: value for it, value in change.items() if chance.random() < 0.6}
        return method, account if method == "DELETE" else {}, None

    def _th_refresh_tokens(self) -> tuple[str, dict[str, Any], Any]:
        chance = self._chance
        account = {"userId": chance.choice([*self._secrets.uids, *IDS]), "accountId": chance.choice(IDS)}
        return "POST", {}, chance.choice([account, {}, None, {"after": chance.choice(VALUES)}])

    def _th_upkeep(self) -> tuple[str, dict[str, Any], Any]:
        return "POST", {}, self._chance.choice([{}, None, *VALUES])

    def _th_deauthorize(self) -> tuple[str, dict[str, Any], Any]:
        return "POST", {}, {"signed_request": self._signed_request()}

    def _th_delete_data(self) -> tuple[str, dict[str, Any], Any]:
        if self._chance.random() < 0.3:
            return "GET", {"code": self._chance.choice(IDS)}, None
        return self._th_deauthorize()

    def _th_webhook(self) -> tuple[str, dict[str, Any], Any]:
        chance = self._chance
        if chance.random() < 0.2:
            token = chance.choice([self._secrets.verify_token, "", "x"])
            challenge = chance.choice(["1158201444", "<b>", "x" * 9000, "\r\nA: b"])
            return (
                "GET",
                {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": challenge},
                None,
            )
        event = {
            "app_id": "1",
            "topic": chance.choice(["interaction", "moderate", 7]),
            "target_id": chance.choice(IDS),
            "time": chance.choice([1723226877, -1, "x", 10**30]),
            "values": {
                "field": chance.choice(["publish", "delete", "replies", None]),
                "value": chance.choice([{"id": chance.choice(IDS), "text": chance.choice(TEXTS)}, [], None]),
            },
        }
        return "POST", {}, chance.choice([event, [event], {"entry": [event] * 3}])

    # --- what chance does to them -------------------------------------------------------------------------

    def _body(self, name: str, body: Any) -> tuple[bytes, str]:
        """Write a body out, or something else."""
        chance = self._chance
        if body is not None and chance.random() < 0.4:
            body = self._spoiled(body)
        content_type = "application/json"
        if name in {"th_deauthorize", "th_delete_data"} and isinstance(body, dict):
            raw = urlencode(body, errors="replace", doseq=True).encode()
            content_type = "application/x-www-form-urlencoded"
        else:
            raw = b"" if body is None else json.dumps(body).encode()
        luck = chance.random()
        if luck < 0.04:
            raw = b"[" * chance.choice([10, 60_000])
        elif luck < 0.08:
            raw = chance.randbytes(chance.choice([1, 100, 66_000]))
        elif luck < 0.11:
            raw = raw[: len(raw) // 2]
        elif luck < 0.14:
            raw = raw[:-1] + b',"text":1,"text":NaN}'
        elif luck < 0.16:
            raw = b"\xef\xbb\xbf" + raw
        elif luck < 0.18:
            raw = raw.decode().encode("utf-16")
        if chance.random() < 0.08:
            content_type = chance.choice(CONTENT_TYPES)
        return raw, content_type

    def _spoiled(self, value: Any) -> Any:
        """Return a value with something wrong in it, at any depth."""
        chance = self._chance
        if isinstance(value, dict) and value:
            name = chance.choice(list(value))
            luck = chance.random()
            if luck < 0.2:
                return {key: it for key, it in value.items() if key != name}
            if luck < 0.35:
                return {**value, chance.choice(["x", "", "__proto__", "uid", "state"]): chance.choice(VALUES)}
            return {**value, name: self._spoiled(value[name])}
        if isinstance(value, list) and value and chance.random() < 0.5:
            place = chance.randrange(len(value))
            return [*value[:place], self._spoiled(value[place]), *value[place + 1 :]]
        return chance.choice(VALUES)

    def _signed_request(self) -> str:
        chance = self._chance
        payload: Any = {
            "algorithm": "HMAC-SHA256",
            "issued_at": 1700000000,
            "user_id": chance.choice([*IDS, 17841405793187218]),
        }
        if chance.random() < 0.5:
            payload = self._spoiled(payload)
        encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=")
        mac = self._mac(encoded) if chance.random() < 0.8 else chance.randbytes(32)
        return f"{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}.{encoded.decode()}"

    def _mac(self, message: bytes) -> bytes:
        return hmac.new(self._secrets.app_secret.encode(), message, hashlib.sha256).digest()

    def _caller(self, name: str) -> dict[str, str]:
        luck, known = self._chance.random(), self._secrets
        if luck < 0.75:
            right = {"publish_threads": known.users + known.tasks}
            right |= dict.fromkeys(("th_refresh_tokens", "th_upkeep"), known.tasks)
            bearers = right.get(name, known.users) if luck < 0.6 else known.forged + known.tasks
            return {"Authorization": f"Bearer {self._chance.choice(bearers)}"}
        odd = ("Bearer", "Basic x", "Bearer a.b.c", "Bearer " + "x" * 9000, "bearer\t", "Bearer é")
        return {"Authorization": self._chance.choice(odd)} if luck < 0.9 else {}

    def _oddities(self) -> dict[str, str]:
        odd = {
            "Idempotency-Key": self._chance.choice(["k", "", "x" * 600, "é"]),
            "Origin": self._chance.choice(["https://app.example", "https://evil.example", "null"]),
            "Accept": self._chance.choice(["application/json", "text/html", "*/*;q=é", ",,;;"]),
            "Prefer": "return=representation",
            "Content-Encoding": self._chance.choice(["gzip", "identity", "br"]),
            "X-CloudTasks-TaskRetryCount": self._chance.choice(["0", "22", "-1", "x", "9" * 90]),
            "X-CloudTasks-TaskName": self._chance.choice(["t", "../x"]),
            "X-Cloud-Trace-Context": self._chance.choice(["x", "0" * 32 + "/1"]),
            "Sec-Fetch-Dest": self._chance.choice(["document", "iframe", "image"]),
            "Sec-Purpose": "prefetch",
            "Access-Control-Request-Method": "POST",
            "X-Forwarded-Host": "evil.example",
            "Host": self._chance.choice(["evil.example", "", "a b"]),
        }
        return {name: value for name, value in odd.items() if self._chance.random() < 0.06}

    def _target(self, query: Any) -> str:
        path: str = self._chance.choice([*"/" * 9, "/x/../y", "//evil.example/", "/%2e%2e/", "/__/x", "/%ff"])
        if not isinstance(query, dict) or not query:
            return path
        pairs = [
            f"{quote(str(name), errors='replace')}={quote(str(value).encode(errors='replace'))}"
            for name, value in query.items()
        ]
        if self._chance.random() < 0.05:
            pairs.append(self._chance.choice([*pairs, "%ff=%fe", "&&==", "state=%ud800"]))
        return f"{path}?{'&'.join(pairs)[:12_000]}"
