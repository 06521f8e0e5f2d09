"""The service's configuration: its meaning, defaults and rules, read from a mapping and from nowhere else.

The one place that names Meta's hosts.
"""

import base64
import binascii
import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from threads.errors import ConfigurationError
from threads.scopes import KNOWN_SCOPES
from threads.texts import Counting
from threads.wire import Secret

EMULATOR_VARIABLES = (
    "FIREBASE_AUTH_EMULATOR_HOST",
    "FIRESTORE_EMULATOR_HOST",
    "FIREBASE_DATABASE_EMULATOR_HOST",
    "FIREBASE_STORAGE_EMULATOR_HOST",
    "STORAGE_EMULATOR_HOST",
    "TASKS_API_URL",
)
"""Variables that lead to emulators. With the first one set, firebase-admin takes unsigned tokens."""

KEY_BYTES = 32
"""AES-256."""

DEVELOPMENT_KEYS = "development:" + base64.b64encode(b"for this machine's emulators ok!").decode()
"""Seals tokens where nothing is worth sealing; refused on Google Cloud."""

MAX_COUNT_DIGITS = 5
"""Nobody means a hundred thousand threads."""

_QUEUE = re.compile(r"projects/[a-z0-9:.-]+/locations/[a-z0-9-]+/queues/[A-Za-z0-9-]{1,100}", re.ASCII)

_DEFAULT_PORTS = {"https": 443, "http": 80}

TEXT_MODES = ("single_step", "two_step")

CONNECT_MODES = ("immediate", "confirm")


@dataclass(frozen=True)
class Config:
    """What the environment says, checked. Secrets do not show in its ``repr``."""

    app_id: str
    """The Threads app's id (the *Threads* one of the app's settings, not the Facebook app's)."""
    app_secret: Secret
    redirect_uri: str
    """The callback's public URL, byte for byte as registered with Meta. Never made from a request."""
    authorize_url: str
    graph_url: str
    graph_version: str
    extra_scopes: tuple[str, ...]
    """Asked for in every connection, after the two that publishing needs."""
    profile_fields: tuple[str, ...]
    """Read from the profile and kept, beside the four that every account has."""
    allowed_origins: tuple[str, ...]
    """Exact origins: who may call from a browser, and where returnTo may lead."""
    connect_mode: str
    """``immediate``: the callback stores the account. ``confirm``: the app does, with ``th_auth_finish``."""
    is_sign_in_on: bool
    """Whether people may sign in to the app with Threads."""
    data_deletion_url: str
    """The public URL of ``th_delete_data``, whose GET is the page that a person looks a deletion up on."""
    webhook_verify_token: Secret | None
    """What Meta has to know to subscribe ``th_webhook``. None: nobody can."""
    text_counting: Counting
    """How the 500 of a text are counted."""
    text_mode: str
    """``single_step`` publishes a text in one call to Threads, ``two_step`` by way of a container."""
    token_keys: Mapping[str, Secret] = field(repr=False)
    """Base64 keys by key id, newest first: the first seals, all open."""
    publish_queue: str | None
    """The queue's full name. None: nothing can be scheduled."""
    publish_url: str | None
    """The URL that tasks call."""
    refresh_url: str | None
    """The URL of ``th_refresh_tokens``, which tasks call that refresh one account."""
    tasks_api: str | None
    """Host and port of a Cloud Tasks emulator; None is Google's."""
    tasks_service_account: str | None
    """The service account whose OIDC tokens are Cloud Tasks'. None: no task is believed."""
    tasks_audience: str | None
    tasks_issuer: str
    tasks_certs_url: str
    project: str | None
    """The Google Cloud project; None leaves it to the Google libraries to find out."""
    on_cloud: bool
    """Whether this runs on Google Cloud, behind its door."""
    graph_connections: int
    """Open connections to Threads at most: as many as requests run in this process."""


def read_config(environment: Mapping[str, str]) -> Config:
    """Read the configuration from the environment's variables.

    Raises:
        ConfigurationError: with every mistake at once.

    """
    read = _Reader(environment)
    config = Config(
        app_id=read.required("THREADS_APP_ID"),
        app_secret=Secret(read.required("THREADS_APP_SECRET")),
        redirect_uri=read.url("THREADS_REDIRECT_URI", None),
        authorize_url=read.url_without_query(
            "THREADS_AUTHORIZE_URL", "https://www.threads.net/oauth/authorize"
        ),
        graph_url=read.url("THREADS_GRAPH_URL", "https://graph.threads.net").rstrip("/"),
        graph_version=read.text("THREADS_GRAPH_VERSION", "v1.0").strip("/"),
        extra_scopes=read.scopes("THREADS_EXTRA_SCOPES"),
        profile_fields=read.names("THREADS_PROFILE_FIELDS"),
        allowed_origins=read.origins("ALLOWED_ORIGINS"),
        connect_mode=read.choice("CONNECT_MODE", CONNECT_MODES),
        is_sign_in_on=read.choice("SIGN_IN", ("off", "on")) == "on",
        data_deletion_url=read.url(
            "DATA_DELETION_URL", read.neighbour("THREADS_REDIRECT_URI", "th_auth_callback", "th_delete_data")
        ),
        webhook_verify_token=read.optional_secret("WEBHOOK_VERIFY_TOKEN"),
        text_counting=Counting(read.choice("TEXT_COUNTING", tuple(Counting))),
        text_mode=read.choice("TEXT_MODE", TEXT_MODES),
        token_keys=read.keys("TOKEN_KEYS"),
        publish_queue=read.queue("PUBLISH_QUEUE"),
        publish_url=read.optional_url("PUBLISH_URL"),
        refresh_url=read.optional_url("REFRESH_URL")
        or read.neighbour("PUBLISH_URL", "publish_threads", "th_refresh_tokens")
        or None,
        tasks_api=read.host("TASKS_API_URL"),
        tasks_service_account=read.text("TASKS_SERVICE_ACCOUNT", "") or None,
        tasks_audience=read.text("TASKS_AUDIENCE", read.text("PUBLISH_URL", "")) or None,
        tasks_issuer=read.text("TASKS_ISSUER", "https://accounts.google.com"),
        tasks_certs_url=read.url("TASKS_CERTS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
        project=environment.get("GOOGLE_CLOUD_PROJECT") or environment.get("GCLOUD_PROJECT") or None,
        on_cloud=read.on_cloud,
        graph_connections=read.count("THREADS", 80),
    )
    if config.publish_queue:  # a queue whose tasks nobody can send, or nobody would believe
        read.required("PUBLISH_URL")
        read.required("TASKS_SERVICE_ACCOUNT")
        if not (config.refresh_url or read.mistakes.keys() & {"PUBLISH_URL", "REFRESH_URL"}):
            read.required("REFRESH_URL")
    if read.on_cloud:
        read.refuse_emulators()
        read.refuse_local_urls()
    if read.mistakes:
        raise ConfigurationError(read.mistakes)
    return config


def read_token_keys(environment: Mapping[str, str]) -> dict[str, Secret]:
    """Read the keys alone, for a command that runs on somebody's own machine.

    What it seals lies in a project on Google Cloud, unless it is told of an emulator: there has to be a key.

    Raises:
        ConfigurationError: they are missing or wrong.

    """
    read = _Reader(environment)
    read.on_cloud = not environment.get("FIRESTORE_EMULATOR_HOST")
    keys = read.keys("TOKEN_KEYS")
    if read.mistakes:
        raise ConfigurationError(read.mistakes)
    return keys


def is_loopback(host: str | None) -> bool:
    """Say whether a host name or literal address means this machine."""
    name = (host or "").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        # inet_aton reads what resolvers read: 127.1, 2130706433, 0x7f000001.
        address = ipaddress.ip_address(name if ":" in name else socket.inet_aton(name))
    except (OSError, ValueError):
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


class _Reader:
    """Reads variables one by one and notes mistakes instead of stopping at the first."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.mistakes: dict[str, str] = {}
        # Cloud Run sets K_SERVICE; so does the Functions emulator, which says what it is.
        self.on_cloud = bool(environment.get("K_SERVICE")) and environment.get("FUNCTIONS_EMULATOR") != "true"

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, "").strip() or default

    def required(self, name: str) -> str:
        value = self.text(name, "")
        if not value:
            self.mistakes[name] = "is not set"
        return value

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.text(name, "").replace(",", " ").split()))

    def scopes(self, name: str) -> tuple[str, ...]:
        names = self.names(name)
        if unknown := [scope for scope in names if scope not in KNOWN_SCOPES]:
            self.mistakes[name] = f"has {', '.join(unknown)}, which Threads does not know"
        return names

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, choices[0])
        if value in choices:
            return value
        self.mistakes[name] = f"is {value!r}; possible is {' or '.join(choices)}"
        return choices[0]

    def count(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if value.isascii() and value.isdigit() and len(value) <= MAX_COUNT_DIGITS and int(value) > 0:
            return int(value)
        self.mistakes[name] = f"is {value!r}; it must be a whole number above 0"
        return default

    def url(self, name: str, default: str | None) -> str:
        value = self.required(name) if default is None else self.text(name, default)
        if value:
            self._check_url(name, value)
        return value

    def url_without_query(self, name: str, default: str) -> str:
        value = self.url(name, default)
        if "?" in value and name not in self.mistakes:
            self.mistakes[name] = f"has {value!r}; the query is made for each window, and cannot stand in it"
        return value

    def optional_url(self, name: str) -> str | None:
        return self.url(name, "") or None

    def optional_secret(self, name: str) -> Secret | None:
        value = self.text(name, "")
        return Secret(value) if value else None

    def neighbour(self, name: str, function: str, other: str) -> str | None:
        """Return the URL of a function, by the URL of another one of the same deployment.

        They differ in the last part of their paths where that is the function's name. Elsewhere, as with
        Cloud Run's own URLs, whose hosts differ, nothing can be told: None. Empty where the other one has to
        be set right first.
        """
        value = self.text(name, "")
        if not value or name in self.mistakes:
            return ""
        return urljoin(value, other) if urlsplit(value).path.endswith(f"/{function}") else None

    def host(self, name: str) -> str | None:
        value = self.optional_url(name)
        return urlsplit(value).netloc if value and name not in self.mistakes else None

    def queue(self, name: str) -> str | None:
        value = self.text(name, "")
        if value and not _QUEUE.fullmatch(value):
            self.mistakes[name] = (
                f"is {value!r}; it must be projects/<project>/locations/<region>/queues/<name>"
            )
        return value or None

    def origins(self, name: str) -> tuple[str, ...]:
        values = self.names(name)
        for value in values:
            if "*" in value:
                self.mistakes[name] = f"has {value!r}; each origin must be written out"
            elif self._check_url(name, value) and value != _origin(value):
                self.mistakes[name] = f"has {value!r}; write it as an origin: {_origin(value)!r}"
        return values

    def keys(self, name: str) -> dict[str, Secret]:
        if self.on_cloud and not self.text(name, ""):
            self.mistakes[name] = "is not set; tokens may not be stored without a key"
            return {}
        keys: dict[str, Secret] = {}
        for entry in self.text(name, DEVELOPMENT_KEYS).split(","):
            kid, _, encoded = entry.strip().partition(":")
            if not kid or kid in keys or _key_length(encoded) != KEY_BYTES:
                self.mistakes[name] = (
                    f"must be kid:base64 of {KEY_BYTES} bytes, each kid once, separated by commas"
                )
            keys[kid] = Secret(encoded)
        if self.on_cloud and Secret(DEVELOPMENT_KEYS.partition(":")[2]) in keys.values():
            self.mistakes[name] = "has the development key, which everybody knows"
        return keys

    def refuse_emulators(self) -> None:
        for name in EMULATOR_VARIABLES:
            if self._environment.get(name):  # blanks count: firebase-admin only asks whether it is empty
                self.mistakes[name] = "points to an emulator; unset it on Google Cloud"

    def refuse_local_urls(self) -> None:
        for name in ("TASKS_AUDIENCE", "TASKS_ISSUER"):
            value = self.text(name, "")
            if "://" in value:
                self._check_url(name, value)

    def _check_url(self, name: str, value: str) -> bool:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        mistake = None
        if parts.username is not None or parts.password is not None:
            mistake = "has a user name or password in it"
        elif not host or parts.scheme not in {"https", "http"} or parts.fragment:
            mistake = f"has {value!r}, which is not an absolute https URL"
        elif self.on_cloud and is_loopback(host):
            mistake = f"has {value!r}, which is this machine; that cannot be right on Google Cloud"
        elif parts.scheme == "http" and not is_loopback(host):
            mistake = f"has {value!r}; https is required"
        if mistake:
            self.mistakes[name] = mistake
        return mistake is None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def _key_length(encoded: str) -> int:
    try:
        return len(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return 0
