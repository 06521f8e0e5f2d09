"""The service's configuration: what each variable means, its default and its rules.

Nothing here reads the environment itself: a caller passes it in as a mapping. No other module names Meta's
hosts.
"""

import base64
import binascii
import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from threads.base.errors import ConfigurationError
from threads.base.scopes import KNOWN_SCOPES
from threads.base.secret import Secret
from threads.base.validation import Wrong

T = TypeVar("T")


class Counting(StrEnum):
    """What may count towards Threads' limit of 500. Its documentation and production differ."""

    UTF8_BYTES = "utf8_bytes"
    """All text counts as its bytes in UTF-8. Seen in production: 498 characters in 504 bytes were refused."""
    EMOJI_BYTES = "emoji_bytes"
    """A character counts 1, and an emoji counts as its bytes in UTF-8. Meta's page says no more than that.
    Here a character is a code point. To be safe, everything that may be shown as an emoji is one, so © too.
    https://developers.facebook.com/docs/threads/posts#limitations"""
    CODE_POINTS = "code_points"


EMULATOR_VARIABLES = (
    "FIREBASE_AUTH_EMULATOR_HOST",
    "FIRESTORE_EMULATOR_HOST",
    "FIREBASE_DATABASE_EMULATOR_HOST",
    "FIREBASE_STORAGE_EMULATOR_HOST",
    "STORAGE_EMULATOR_HOST",
    "TASKS_API_URL",
)
"""Variables that point to emulators. If the first one is set, firebase-admin accepts unsigned tokens."""

KEY_BYTES = 32
"""AES-256."""

DEVELOPMENT_KEYS = "development:" + base64.b64encode(b"for this machine's emulators ok!").decode()
"""Seals tokens in a Firestore emulator, where no token needs protection. Refused for any other Firestore."""

MAX_COUNT_DIGITS = 5
"""A number of threads with more digits is a mistake."""

WITHOUT_APP_SECRET = frozenset({"th_auth_start", "publish_threads", "th_posts", "th_accounts", "th_upkeep"})
"""Functions that neither exchange a code, nor verify what Meta has signed, nor speak for the app.
functions.yaml keeps the app's secret from them."""

WITHOUT_TOKEN_KEYS = frozenset({"th_auth_start", "th_accounts"})
"""Functions that neither seal nor open a token. functions.yaml keeps the keys from them."""

_QUEUE = re.compile(r"projects/[a-z0-9:.-]+/locations/[a-z0-9-]+/queues/[A-Za-z0-9-]{1,100}", re.ASCII)

_DEFAULT_PORTS = {"https": 443, "http": 80}

TEXT_MODES = ("single_step", "two_step")

CONNECT_MODES = ("immediate", "confirm")


@dataclass(frozen=True)
class Config:
    """The checked configuration. Its ``repr`` shows no secrets."""

    app_id: str
    """The id of the *Threads* app in the app's settings, not the Facebook app's."""
    app_secret: Secret
    meta_app_secret: Secret | None
    """The secret of Meta's other app, of which the Threads app is a part. Meta does not say which of the two
    signs what it sends, so both are accepted."""
    redirect_uri: str
    """The callback's public URL, byte for byte as registered with Meta. It never comes from a request."""
    authorize_url: str
    graph_url: str
    graph_version: str
    extra_scopes: tuple[str, ...]
    """Requested in every connection, after the two that publishing needs."""
    profile_fields: tuple[str, ...]
    """Read from the profile and stored, beside the four that every account has."""
    allowed_origins: tuple[str, ...]
    """Exact origins. Their pages may call the functions, and returnTo must be on one of them."""
    connect_mode: str
    """``immediate``: the callback stores the account. ``confirm``: the app does, with ``th_auth_finish``."""
    is_sign_in_on: bool
    """Whether people may sign in to the app with Threads."""
    is_app_check_on: bool
    """Whether calls of the web app need a token of Firebase App Check."""
    are_users_checked: bool
    """Whether Firebase is asked if the user of a scheduled post still exists."""
    data_deletion_url: str
    """The public URL of ``th_delete_data``. A GET of it shows a person how far their data deletion is."""
    webhook_verify_token: Secret | None
    """The token that Meta sends to subscribe ``th_webhook``. None: Meta cannot subscribe it."""
    text_counting: Counting
    """How a text is counted towards the limit of 500."""
    text_mode: str
    """``single_step`` publishes a text in one call to Threads, ``two_step`` through a container."""
    token_keys: Mapping[str, Secret] = field(repr=False)
    """Base64 keys by key id, newest first. The first one seals, and all of them open. None in a function that
    neither seals nor opens."""
    publish_queue: str | None
    """The queue's full name. None: nothing can be scheduled."""
    publish_url: str | None
    """The URL that tasks call."""
    refresh_url: str | None
    """The URL of ``th_refresh_tokens``. The tasks that refresh tokens call it."""
    upkeep_url: str | None
    """The URL of ``th_upkeep``: the audience of a token that Cloud Run has not verified."""
    tasks_api: str | None
    """Host and port of a Cloud Tasks emulator. None: Google's Cloud Tasks."""
    tasks_service_account: str | None
    """The service account whose OIDC tokens Cloud Tasks sends. None: no task is accepted."""
    tasks_audience: str | None
    tasks_issuer: str
    tasks_certs_url: str
    errors_url: str | None
    """The page that explains every error. None: errors lead nowhere."""
    project: str | None
    """The Google Cloud project. None: Google's libraries find it themselves."""
    on_cloud: bool
    """Whether the service runs on Google Cloud, where Cloud Run checks requests before they arrive."""
    graph_connections: int
    """The most connections to Threads that are open at once: one for each request in this process."""

    @property
    def signing_secrets(self) -> tuple[Secret, ...]:
        """The secrets with which Meta may sign."""
        return (self.app_secret, *([self.meta_app_secret] if self.meta_app_secret else []))

    @property
    def app_token(self) -> Secret | None:
        """The token with which the app speaks for itself. None in a function without the app's secret.

        Source: https://developers.facebook.com/docs/threads/get-started/app-access-tokens
        """
        if isinstance(self.app_secret, _NotGiven):
            return None
        return Secret(f"TH|{self.app_id}|{self.app_secret.reveal()}")


def read_config(environment: Mapping[str, str]) -> Config:
    """Read the configuration from the environment's variables.

    Raises:
        ConfigurationError: at least one variable is wrong; the error lists every mistake.

    """
    env = _Environment(environment)
    config = Config(
        app_id=env.required("THREADS_APP_ID"),
        app_secret=env.app_secret("THREADS_APP_SECRET"),
        meta_app_secret=env.optional_secret("META_APP_SECRET"),
        redirect_uri=env.required_url("THREADS_REDIRECT_URI"),
        authorize_url=env.url_without_query(
            "THREADS_AUTHORIZE_URL", "https://www.threads.net/oauth/authorize"
        ),
        graph_url=env.url("THREADS_GRAPH_URL", "https://graph.threads.net").rstrip("/"),
        graph_version=env.text("THREADS_GRAPH_VERSION", "v1.0").strip("/"),
        extra_scopes=env.read("THREADS_EXTRA_SCOPES", _scopes, ()),
        profile_fields=env.read("THREADS_PROFILE_FIELDS", _names, ()),
        allowed_origins=env.origins("ALLOWED_ORIGINS"),
        connect_mode=env.choice("CONNECT_MODE", CONNECT_MODES),
        is_sign_in_on=env.choice("SIGN_IN", ("off", "on")) == "on",
        is_app_check_on=env.choice("APP_CHECK", ("off", "on")) == "on",
        are_users_checked=env.choice("CHECK_USERS", ("off", "on")) == "on",
        data_deletion_url=env.optional_url("DATA_DELETION_URL")
        or env.neighbour("THREADS_REDIRECT_URI", "th_auth_callback", "th_delete_data")
        or "",
        webhook_verify_token=env.optional_secret("WEBHOOK_VERIFY_TOKEN"),
        text_counting=Counting(env.choice("TEXT_COUNTING", tuple(Counting))),
        text_mode=env.choice("TEXT_MODE", TEXT_MODES),
        token_keys=env.keys("TOKEN_KEYS"),
        publish_queue=env.read("PUBLISH_QUEUE", _queue, None),
        publish_url=env.optional_url("PUBLISH_URL"),
        refresh_url=env.optional_url("REFRESH_URL")
        or env.neighbour("PUBLISH_URL", "publish_threads", "th_refresh_tokens")
        or None,
        upkeep_url=env.optional_url("UPKEEP_URL")
        or env.neighbour("PUBLISH_URL", "publish_threads", "th_upkeep")
        or None,
        tasks_api=env.host("TASKS_API_URL"),
        tasks_service_account=env.text("TASKS_SERVICE_ACCOUNT", "") or None,
        tasks_audience=env.text("TASKS_AUDIENCE", env.text("PUBLISH_URL", "")) or None,
        tasks_issuer=env.text("TASKS_ISSUER", "https://accounts.google.com"),
        tasks_certs_url=env.url("TASKS_CERTS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
        errors_url=env.optional_url("ERRORS_URL"),
        project=environment.get("GOOGLE_CLOUD_PROJECT") or environment.get("GCLOUD_PROJECT") or None,
        on_cloud=env.on_cloud,
        graph_connections=env.read("THREADS", _count, 80),
    )
    if not (config.data_deletion_url or env.mistakes.keys() & {"THREADS_REDIRECT_URI", "DATA_DELETION_URL"}):
        env.required("DATA_DELETION_URL")
    if config.publish_queue:  # otherwise its tasks have no URL to call, or are not accepted
        env.required("PUBLISH_URL")
        env.required("TASKS_SERVICE_ACCOUNT")
        if not (config.refresh_url or env.mistakes.keys() & {"PUBLISH_URL", "REFRESH_URL"}):
            env.required("REFRESH_URL")
    if env.on_cloud:
        env.refuse_emulators()
        env.refuse_local_urls()
    if env.mistakes:
        raise ConfigurationError(env.mistakes)
    return config


def read_token_keys(environment: Mapping[str, str]) -> dict[str, Secret]:
    """Read only the keys, for a command that runs on an operator's own machine.

    Raises:
        ConfigurationError: the keys are missing or wrong.

    """
    env = _Environment(environment)
    keys = env.keys("TOKEN_KEYS")
    if env.mistakes:
        raise ConfigurationError(env.mistakes)
    return keys


def is_loopback(host: str | None) -> bool:
    """Return whether a host name or literal address means this machine."""
    name = (host or "").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        # inet_aton accepts every form that resolvers accept: 127.1, 2130706433, 0x7f000001.
        address = ipaddress.ip_address(name if ":" in name else socket.inet_aton(name))
    except (OSError, ValueError):
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


class _NotGiven(Secret):
    """A secret that functions.yaml keeps from this function."""

    def reveal(self) -> str:
        """Fail: an empty secret would verify what anybody can sign."""
        raise RuntimeError("functions.yaml does not give this function the secret.")


class _Environment:
    """Reads variables one by one, and collects mistakes instead of stopping at the first."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.mistakes: dict[str, str] = {}
        self.on_cloud = bool(variables.get("K_SERVICE")) and not _is_functions_emulator(variables)
        self._function = variables.get("FUNCTION_TARGET", "")
        # blanks count: Google's client only checks for an empty text
        self._is_emulated = bool(variables.get("FIRESTORE_EMULATOR_HOST"))

    def read(self, name: str, reader: Callable[[str], T], default: T) -> T:
        """Return what the reader makes of a variable, or the default if it is not set or wrong."""
        value = self.text(name, "")
        if not value:
            return default
        try:
            return reader(value)
        except Wrong as wrong:
            self.mistakes[name] = str(wrong)
            return default

    def text(self, name: str, default: str) -> str:
        return self._variables.get(name, "").strip() or default

    def required(self, name: str) -> str:
        value = self.text(name, "")
        if not value:
            self.mistakes[name] = "is not set"
        return value

    def required_url(self, name: str) -> str:
        return self.read(name, self._url, "") if self.required(name) else ""

    def url(self, name: str, default: str) -> str:
        return self.read(name, self._url, default)

    def url_without_query(self, name: str, default: str) -> str:
        return self.read(name, self._url_without_query, default)

    def optional_url(self, name: str) -> str | None:
        return self.read(name, self._url, None)

    def optional_secret(self, name: str) -> Secret | None:
        return self.read(name, Secret, None)

    def app_secret(self, name: str) -> Secret:
        """Return the app's secret. What a function is not given, it cannot sign or verify with by mistake."""
        if self._function in WITHOUT_APP_SECRET and not self.text(name, ""):
            return _NotGiven("")
        return Secret(self.required(name))

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        return self.read(name, _choice(choices), choices[0])

    def origins(self, name: str) -> tuple[str, ...]:
        return self.read(name, self._origins, ())

    def neighbour(self, name: str, function: str, other: str) -> str | None:
        """Derive the URL of a function from the URL of another function in the same deployment.

        If the known URL ends in ``/{function}``, only that part differs. Otherwise the result is None: for
        example, Cloud Run's own URLs differ in their hosts, so nothing can be derived. The result is empty if
        the known URL is missing or wrong and must be corrected first.

        Args:
            name: the variable with the known URL.
            function: the function that the known URL leads to.
            other: the function whose URL is wanted.

        """
        value = self.text(name, "")
        if not value or name in self.mistakes:
            return ""
        return urljoin(value, other) if urlsplit(value).path.endswith(f"/{function}") else None

    def host(self, name: str) -> str | None:
        value = self.optional_url(name)
        return urlsplit(value).netloc if value else None

    def keys(self, name: str) -> dict[str, Secret]:
        """Return the keys. What is sealed with the development key may be in an emulator only."""
        is_set = bool(self.text(name, ""))
        if self._function in WITHOUT_TOKEN_KEYS and not is_set:
            return {}
        if not self._is_emulated and not is_set:
            self.mistakes[name] = (
                "is not set; without a key, tokens may be stored only in a Firestore emulator"
            )
            return {}
        keys = self.read(name, _keys, _keys(DEVELOPMENT_KEYS))
        if not self._is_emulated and Secret(DEVELOPMENT_KEYS.partition(":")[2]) in keys.values():
            self.mistakes.setdefault(name, "has the development key, which everybody knows")
        return keys

    def refuse_emulators(self) -> None:
        for name in EMULATOR_VARIABLES:
            if self._variables.get(name):  # blanks count: firebase-admin only checks for an empty text
                self.mistakes[name] = "points to an emulator; unset it on Google Cloud"

    def refuse_local_urls(self) -> None:
        for name in ("TASKS_AUDIENCE", "TASKS_ISSUER"):
            if "://" in self.text(name, ""):
                self.optional_url(name)

    # --- readers that depend on where this runs -----------------------------------------------------------

    def _url(self, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        if parts.username is not None or parts.password is not None:
            raise Wrong("has a user name or password in it")
        if not host or parts.scheme not in {"https", "http"} or parts.fragment:
            raise Wrong(f"has {value!r}, which is not an absolute https URL")
        if self.on_cloud and is_loopback(host):
            raise Wrong(f"has {value!r}, which is this machine; that cannot be right on Google Cloud")
        if parts.scheme == "http" and not is_loopback(host):
            raise Wrong(f"has {value!r}; https is required")
        return value

    def _url_without_query(self, value: str) -> str:
        if "?" in self._url(value):
            raise Wrong(f"has {value!r}; the query is made for each window, and cannot stand in it")
        return value

    def _origins(self, value: str) -> tuple[str, ...]:
        for name in _names(value):
            if "*" in name:
                raise Wrong(f"has {name!r}; each origin must be written out")
            if self._url(name) != _origin(name):
                raise Wrong(f"has {name!r}; write it as an origin: {_origin(name)!r}")
        return _names(value)


def _is_functions_emulator(variables: Mapping[str, str]) -> bool:
    """Return whether Firebase's Functions emulator has started the process.

    It sets K_SERVICE as Cloud Run does, and FUNCTIONS_EMULATOR, which a .env file may set on Google
    Cloud, too. So the revision counts as well: neither a .env file nor a user of Cloud Run can set
    K_REVISION, and a revision of Cloud Run has another name, which begins with that of its service.

    Sources: ``getSystemEnvs`` and ``getEmulatorEnvs`` in firebase-tools' ``functionsEmulator.js``,
    ``RESERVED_KEYS`` in its ``env.js``,
    https://cloud.google.com/run/docs/configuring/services/overview-environment-variables
    """
    return variables.get("FUNCTIONS_EMULATOR") == "true" and variables.get("K_REVISION") == "1"


# --- readers ------------------------------------------------------------------------------------------------


def _names(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.replace(",", " ").split()))


def _scopes(value: str) -> tuple[str, ...]:
    if unknown := [scope for scope in _names(value) if scope not in KNOWN_SCOPES]:
        raise Wrong(f"has {', '.join(unknown)}, which Threads does not know")
    return _names(value)


def _choice(choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise Wrong(f"is {value!r}; possible is {' or '.join(choices)}")
        return value

    return read


def _count(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_COUNT_DIGITS and int(value) > 0):
        raise Wrong(f"is {value!r}; it must be a whole number above 0")
    return int(value)


def _queue(value: str) -> str:
    if not _QUEUE.fullmatch(value):
        raise Wrong(f"is {value!r}; it must be projects/<project>/locations/<region>/queues/<name>")
    return value


def _keys(value: str) -> dict[str, Secret]:
    keys: dict[str, Secret] = {}
    for entry in value.split(","):
        kid, _, encoded = entry.strip().partition(":")
        if not kid or kid in keys or _key_length(encoded) != KEY_BYTES:
            raise Wrong(f"must be kid:base64 of {KEY_BYTES} bytes, each kid once, separated by commas")
        keys[kid] = Secret(encoded)
    return keys


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
