"""The environment: what each variable means, which values are refused, and all of that at once."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.support import ENVIRONMENT, KEY, OTHER_KEY, SECRET
from threads.base.config import (
    DEVELOPMENT_KEYS,
    EMULATOR_VARIABLES,
    WITHOUT_APP_SECRET,
    WITHOUT_TOKEN_KEYS,
    Config,
    is_loopback,
    read_config,
    read_token_keys,
)
from threads.base.errors import ConfigurationError
from threads.base.secret import Secret

CLOUD = {
    **ENVIRONMENT,
    "K_SERVICE": "publish-threads",
    "TOKEN_KEYS": f"k2:{KEY},k1:{OTHER_KEY}",
    "ALLOWED_ORIGINS": "https://app.example",
}
"""A service on Google Cloud that may start."""

FUNCTIONS_EMULATOR = {"FUNCTIONS_EMULATOR": "true", "K_REVISION": "1"}
"""What Firebase's emulator of functions sets beside K_SERVICE."""


ENDPOINTS: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "functions.yaml").read_text())[
    "endpoints"
]


def mistakes(environment: dict[str, str]) -> dict[str, str]:
    """Return what is wrong with an environment."""
    try:
        read_config(environment)
    except ConfigurationError as error:
        return dict(error.mistakes)
    return {}


# --- every variable -----------------------------------------------------------------------------------------

DEFAULTS: dict[str, Any] = {
    "authorize_url": "https://www.threads.net/oauth/authorize",
    "graph_url": "https://graph.threads.net",
    "graph_version": "v1.0",
    "extra_scopes": (),
    "profile_fields": (),
    "text_mode": "single_step",
    "publish_queue": None,
    "publish_url": None,
    "tasks_api": None,
    "tasks_service_account": None,
    "tasks_audience": None,
    "tasks_issuer": "https://accounts.google.com",
    "tasks_certs_url": "https://www.googleapis.com/oauth2/v3/certs",
    "project": None,
    "on_cloud": False,
    "graph_connections": 80,
}


@pytest.mark.parametrize(("name", "expected"), DEFAULTS.items())
def test_defaults(name: str, expected: object) -> None:
    """What is not set has its documented default; a variable of blanks is not set."""
    names = (
        *("TEXT_MODE", "THREADS_GRAPH_URL", "TASKS_SERVICE_ACCOUNT", "THREADS"),
        *("PUBLISH_QUEUE", "PUBLISH_URL", "TASKS_API_URL"),
    )
    blank = dict.fromkeys(names, " ")
    assert getattr(read_config(ENVIRONMENT), name) == expected
    assert getattr(read_config({**ENVIRONMENT, **blank}), name) == expected


GOOD: list[tuple[str, str, str, Any]] = [
    ("THREADS_APP_ID", "42", "app_id", "42"),
    ("THREADS_APP_ID", " 42\n", "app_id", "42"),
    ("THREADS_REDIRECT_URI", "https://x.example/cb?a=1", "redirect_uri", "https://x.example/cb?a=1"),
    ("THREADS_REDIRECT_URI", "http://127.0.0.1:5001/cb", "redirect_uri", "http://127.0.0.1:5001/cb"),
    ("THREADS_AUTHORIZE_URL", "http://localhost:9/o", "authorize_url", "http://localhost:9/o"),
    ("THREADS_GRAPH_URL", "http://[::1]:9/", "graph_url", "http://[::1]:9"),
    ("THREADS_GRAPH_VERSION", "/v2.0/", "graph_version", "v2.0"),
    (
        "THREADS_EXTRA_SCOPES",
        "threads_delete, threads_basic threads_delete",
        "extra_scopes",
        ("threads_delete", "threads_basic"),
    ),
    ("THREADS_PROFILE_FIELDS", "threads_biography", "profile_fields", ("threads_biography",)),
    ("ALLOWED_ORIGINS", "", "allowed_origins", ()),
    ("ALLOWED_ORIGINS", "https://a.b , http://[::1]:1", "allowed_origins", ("https://a.b", "http://[::1]:1")),
    ("CONNECT_MODE", "immediate", "connect_mode", "immediate"),
    ("CONNECT_MODE", "confirm", "connect_mode", "confirm"),
    ("SIGN_IN", "off", "is_sign_in_on", False),
    ("SIGN_IN", "on", "is_sign_in_on", True),
    ("APP_CHECK", "off", "is_app_check_on", False),
    ("APP_CHECK", "on", "is_app_check_on", True),
    ("CHECK_USERS", "off", "are_users_checked", False),
    ("CHECK_USERS", "on", "are_users_checked", True),
    ("DATA_DELETION_URL", "https://x.example/forget", "data_deletion_url", "https://x.example/forget"),
    ("REFRESH_URL", "https://x.example/r", "refresh_url", "https://x.example/r"),
    ("UPKEEP_URL", "https://x.example/u", "upkeep_url", "https://x.example/u"),
    ("META_APP_SECRET", "", "meta_app_secret", None),
    ("META_APP_SECRET", " of-the-other-app ", "meta_app_secret", Secret("of-the-other-app")),
    ("WEBHOOK_VERIFY_TOKEN", "", "webhook_verify_token", None),
    ("WEBHOOK_VERIFY_TOKEN", " told-to-Meta ", "webhook_verify_token", Secret("told-to-Meta")),
    ("TEXT_MODE", "two_step", "text_mode", "two_step"),
    ("TASKS_SERVICE_ACCOUNT", "a@b.example", "tasks_service_account", "a@b.example"),
    ("TASKS_AUDIENCE", "https://x.example/p", "tasks_audience", "https://x.example/p"),
    ("PUBLISH_URL", "https://x.example/p", "tasks_audience", "https://x.example/p"),
    ("PUBLISH_URL", " https://x.example/p ", "tasks_audience", "https://x.example/p"),
    ("PUBLISH_URL", "https://x.example/p?a=1", "publish_url", "https://x.example/p?a=1"),
    ("PUBLISH_URL", "http://127.0.0.1:5001/p", "publish_url", "http://127.0.0.1:5001/p"),
    ("TASKS_API_URL", "http://127.0.0.1:9123", "tasks_api", "127.0.0.1:9123"),
    ("TASKS_API_URL", "http://[::1]:9123/", "tasks_api", "[::1]:9123"),
    ("TASKS_ISSUER", "http://localhost:7", "tasks_issuer", "http://localhost:7"),
    ("TASKS_CERTS_URL", "http://localhost:7/certs", "tasks_certs_url", "http://localhost:7/certs"),
    ("GOOGLE_CLOUD_PROJECT", "p", "project", "p"),
    ("GCLOUD_PROJECT", "p", "project", "p"),
    ("THREADS", "8", "graph_connections", 8),
]


@pytest.mark.parametrize(("variable", "value", "name", "expected"), GOOD)
def test_good_values_are_taken(variable: str, value: str, name: str, expected: object) -> None:
    """A value in its documented form arrives where it belongs."""
    assert getattr(read_config({**ENVIRONMENT, variable: value}), name) == expected


QUEUE = {
    "PUBLISH_QUEUE": "projects/demo-threads/locations/us-central1/queues/publish-threads",
    "PUBLISH_URL": "https://functions.example/publish_threads",
    "TASKS_SERVICE_ACCOUNT": "tasks@demo-threads.example",
}
"""A queue, and what has to be known beside it."""

QUEUES = [
    QUEUE["PUBLISH_QUEUE"],
    "projects/example.com:p/locations/europe-west1/queues/A-1",
    f" projects/p/locations/l/queues/{'q' * 100} ",
]
NO_QUEUES = [
    "publish-threads",
    "projects/p/locations/l/queues/",
    "projects/p/locations/l/queues/q/",
    "projects/p/locations/l/queues/q/tasks/t",
    "projects/p/locations/l/queues/q_1",
    "projects//locations/l/queues/q",
    "projects/p/queues/q",
    f"projects/p/locations/l/queues/{'q' * 101}",
    "projects/p/locations/l/queues/é",
    "projects/p/locations/l/queues/q\nx",
    "https://cloudtasks.googleapis.com/v2/projects/p/locations/l/queues/q",
]


@pytest.mark.parametrize("queue", QUEUES, ids=len)
def test_a_queue_is_named_in_full(queue: str) -> None:
    """A queue's full name is taken as it is."""
    assert read_config({**ENVIRONMENT, **QUEUE, "PUBLISH_QUEUE": queue}).publish_queue == queue.strip()


@pytest.mark.parametrize("queue", NO_QUEUES, ids=ascii)
def test_a_queue_that_is_not_named_in_full_is_refused(queue: str) -> None:
    """A name that Cloud Tasks would not find keeps the service from starting, not the first post."""
    assert mistakes({**ENVIRONMENT, **QUEUE, "PUBLISH_QUEUE": queue}).keys() == {"PUBLISH_QUEUE"}


@pytest.mark.parametrize("missing", ["PUBLISH_URL", "TASKS_SERVICE_ACCOUNT"])
def test_a_queue_needs_an_address_and_a_sender(missing: str) -> None:
    """A queue without a URL to call, or without an account to sign as, keeps the service from starting."""
    assert mistakes({**ENVIRONMENT, **QUEUE, missing: ""}).keys() == {missing}
    assert not mistakes({**ENVIRONMENT, **QUEUE, "PUBLISH_QUEUE": "", missing: ""})


NEIGHBOURS: list[tuple[str, str | None]] = [
    ("https://us-central1-p.cloudfunctions.net/{}", "https://us-central1-p.cloudfunctions.net/{}"),
    ("https://x.example/a/b/{}", "https://x.example/a/b/{}"),
    ("https://x.example/a/{}?b=1", "https://x.example/a/{}"),
    ("https://x.example/a/cb", None),
    ("https://x.example/a/{}/", None),
    ("https://x.example/a/x{}", None),
    ("https://x.example/?{}", None),
    ("https://publish-threads-abc-uc.a.run.app", None),
]


@pytest.mark.parametrize(("url", "neighbour"), NEIGHBOURS)
def test_a_functions_url_is_told_by_its_neighbours(url: str, neighbour: str | None) -> None:
    """Functions that differ in their names alone need one URL; elsewhere the others have to be named."""
    told = {name: value for name, value in ENVIRONMENT.items() if name != "DATA_DELETION_URL"}
    told |= {**QUEUE, "PUBLISH_URL": url.format("publish_threads")}
    told |= {"THREADS_REDIRECT_URI": url.format("th_auth_callback")}
    if neighbour is None:
        assert mistakes(told).keys() == {"DATA_DELETION_URL", "REFRESH_URL"}
        named = {"DATA_DELETION_URL": "https://x.example/d", "REFRESH_URL": "https://x.example/r"}
        assert not mistakes(told | named)
        assert mistakes(told | {"PUBLISH_QUEUE": ""}).keys() == {"DATA_DELETION_URL"}
        return
    config = read_config(told)
    assert config.data_deletion_url == neighbour.format("th_delete_data")
    assert config.refresh_url == neighbour.format("th_refresh_tokens")
    assert config.upkeep_url == neighbour.format("th_upkeep")


def test_what_a_url_was_to_tell_is_not_asked_for_while_it_is_wrong() -> None:
    """A wrong or missing URL is the only mistake told: the right one may tell its neighbours."""
    told = {name: value for name, value in ENVIRONMENT.items() if name != "DATA_DELETION_URL"}
    for wrong in ("", "nonsense"):
        bad = {**told, **QUEUE, "PUBLISH_URL": wrong, "THREADS_REDIRECT_URI": wrong}
        assert mistakes(bad).keys() == {"PUBLISH_URL", "THREADS_REDIRECT_URI"}


def test_tasks_are_for_the_url_they_call_unless_told_otherwise() -> None:
    """The audience of tasks is PUBLISH_URL, or what TASKS_AUDIENCE says."""
    assert read_config({**ENVIRONMENT, **QUEUE}).tasks_audience == QUEUE["PUBLISH_URL"]
    other = {**ENVIRONMENT, **QUEUE, "TASKS_AUDIENCE": "publishing"}
    assert read_config(other).tasks_audience == "publishing"


URL_VARIABLES = (
    *("THREADS_REDIRECT_URI", "THREADS_AUTHORIZE_URL", "THREADS_GRAPH_URL"),
    *("TASKS_CERTS_URL", "PUBLISH_URL", "REFRESH_URL", "UPKEEP_URL", "DATA_DELETION_URL", "TASKS_API_URL"),
)
BAD_URLS = [
    "graph.example",
    "/path",
    "https://",
    "https:///path",
    "ftp://x.example",
    "javascript:alert(1)",
    "http://x.example",
    "https://user@x.example",
    "https://x.example/#fragment",
    "https://x.example:99999",
    "https://x.example:port",
    "https://[::1",
    "*",
]
BAD = [
    ("THREADS_APP_ID", ""),
    ("THREADS_APP_SECRET", " "),
    ("THREADS_REDIRECT_URI", ""),
    *((variable, url) for variable in URL_VARIABLES for url in BAD_URLS),
    *(("ALLOWED_ORIGINS", f"https://app.example,{url}") for url in BAD_URLS),
    ("ALLOWED_ORIGINS", "https://app.example/"),
    ("ALLOWED_ORIGINS", "https://APP.example"),
    ("ALLOWED_ORIGINS", "https://app.example:443"),
    ("ALLOWED_ORIGINS", "https://app.example?x"),
    ("ALLOWED_ORIGINS", "https://@app.example"),
    ("ALLOWED_ORIGINS", "null"),
    ("THREADS_AUTHORIZE_URL", "https://www.threads.net/oauth/authorize?state=fixed"),
    ("THREADS_AUTHORIZE_URL", "https://www.threads.net/oauth/authorize?"),
    ("CONNECT_MODE", "other"),
    ("SIGN_IN", "yes"),
    ("TEXT_MODE", "three_step"),
    ("THREADS_EXTRA_SCOPES", "threads_everything"),
    ("TOKEN_KEYS", KEY),
    ("TOKEN_KEYS", f":{KEY}"),
    ("TOKEN_KEYS", "k1:"),
    ("TOKEN_KEYS", "k1:%%%"),
    ("TOKEN_KEYS", f"k1:{base64.b64encode(b'short').decode()}"),
    ("TOKEN_KEYS", f"k1:{KEY},k1:{OTHER_KEY}"),
    ("TOKEN_KEYS", f"k1:{KEY},"),
    ("THREADS", "0"),
    ("THREADS", "-1"),
    ("THREADS", "many"),
    ("THREADS", "٣"),
    ("THREADS", "9" * 5000),
]


@pytest.mark.parametrize(("variable", "value"), BAD, ids=lambda value: ascii(value)[:40])
def test_bad_values_are_refused_by_name(variable: str, value: str) -> None:
    """A value that cannot work keeps the service from starting, under its variable's name."""
    assert mistakes({**ENVIRONMENT, variable: value}).keys() == {variable}


def test_all_mistakes_are_told_at_once() -> None:
    """One start of the service tells every mistake."""
    wrong = {
        "THREADS_APP_SECRET": SECRET,
        "THREADS_REDIRECT_URI": "http://x.example/cb",
        "ALLOWED_ORIGINS": "app.example",
        "TOKEN_KEYS": "nonsense",
        "TEXT_MODE": "x",
        "CONNECT_MODE": "confirmed",
        "THREADS": "x",
    }
    with pytest.raises(ConfigurationError) as refusal:
        read_config(wrong)
    assert refusal.value.mistakes.keys() == {*wrong, "THREADS_APP_ID"} - {"THREADS_APP_SECRET"}
    assert all(name in str(refusal.value) for name in refusal.value.mistakes)


def test_no_secret_shows() -> None:
    """Neither the configuration's repr nor an error's text holds the secret or a key."""
    hidden = (SECRET, KEY, OTHER_KEY)
    shown = [repr(read_config(CLOUD)), str(read_config(CLOUD))]
    for keys in (f"{KEY}", f"k1:{KEY},k1:{OTHER_KEY}", f"k1:{KEY}x", f"k1:{KEY},{OTHER_KEY}"):
        with pytest.raises(ConfigurationError) as refusal:
            read_config({**CLOUD, "TOKEN_KEYS": keys, "THREADS_APP_ID": ""})
        shown.append(str(refusal.value) + repr(refusal.value))
    assert not [text for text in shown if any(secret in text for secret in hidden)]


def test_a_password_in_a_url_is_not_repeated() -> None:
    """A URL that is refused for the password in it does not put that password into the log."""
    with pytest.raises(ConfigurationError) as refusal:
        read_config({**ENVIRONMENT, "THREADS_GRAPH_URL": "https://user:hunter2@graph.example"})
    assert "hunter2" not in str(refusal.value)


def test_keys_keep_their_order() -> None:
    """The first key is the newest: it seals."""
    assert list(read_config(CLOUD).token_keys) == ["k2", "k1"]
    assert read_config(CLOUD).token_keys["k2"].reveal() == KEY


def test_a_configuration_does_not_change() -> None:
    """What was checked at the start stays as it was checked."""
    with pytest.raises(AttributeError):
        read_config(ENVIRONMENT).app_id = "2"  # type: ignore[misc]


# --- on Google Cloud ----------------------------------------------------------------------------------------


def test_a_sound_service_starts_on_google_cloud() -> None:
    """With keys and https everywhere, nothing is refused."""
    assert isinstance(read_config(CLOUD), Config)


def test_the_service_knows_where_it_is() -> None:
    """Only behind Google's own door is a token believed that the door has taken the signature from."""
    assert read_config(CLOUD).on_cloud
    assert not read_config({**CLOUD, "K_SERVICE": ""}).on_cloud
    assert not read_config({**CLOUD, **FUNCTIONS_EMULATOR}).on_cloud
    assert read_config({**CLOUD, **FUNCTIONS_EMULATOR, "FUNCTIONS_EMULATOR": "1"}).on_cloud


def test_no_variable_of_ours_takes_the_service_off_google_cloud() -> None:
    """FUNCTIONS_EMULATOR may come from a .env file; the revision's name comes from the platform alone."""
    revision = {"K_REVISION": "publish-threads-00001-abc", "FUNCTIONS_EMULATOR": "true"}
    assert read_config({**CLOUD, **revision}).on_cloud
    assert read_config({**CLOUD, "FUNCTIONS_EMULATOR": "true"}).on_cloud
    assert mistakes({**CLOUD, **revision, "FIREBASE_AUTH_EMULATOR_HOST": "x:1"})


def test_a_command_needs_the_keys_alone() -> None:
    """Keys are read without the rest of the configuration; only for an emulator are there any by default."""
    keys = f"k2:{KEY},k1:{OTHER_KEY}"
    assert list(read_token_keys({"TOKEN_KEYS": keys})) == ["k2", "k1"]
    assert list(read_token_keys({"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"})) == ["development"]
    for wrong in ("", "k1", DEVELOPMENT_KEYS):
        with pytest.raises(ConfigurationError) as refusal:
            read_token_keys({"TOKEN_KEYS": wrong})
        assert refusal.value.mistakes.keys() == {"TOKEN_KEYS"}


@pytest.mark.parametrize("value", ["localhost:9099", "http://localhost:9099", " "])
@pytest.mark.parametrize("variable", EMULATOR_VARIABLES)
def test_google_cloud_refuses_emulators(variable: str, value: str) -> None:
    """No emulator variable may be set: firebase-admin takes unsigned tokens if its own is not empty."""
    assert mistakes({**CLOUD, variable: value}).keys() == {variable}
    # Google's libraries read a host and port; TASKS_API_URL is ours, and a URL as every other.
    at_home = "http://localhost:9099" if variable == "TASKS_API_URL" else value
    assert not mistakes({**CLOUD, variable: at_home, **FUNCTIONS_EMULATOR})
    assert not mistakes({**CLOUD, variable: ""})


def test_the_known_emulators_are_covered() -> None:
    """The variables of all emulators that this service's libraries listen to are refused."""
    needed = {
        "FIREBASE_AUTH_EMULATOR_HOST",
        "FIRESTORE_EMULATOR_HOST",
        "FIREBASE_DATABASE_EMULATOR_HOST",
        "STORAGE_EMULATOR_HOST",
        "TASKS_API_URL",
    }
    assert needed <= set(EMULATOR_VARIABLES)


LOOPBACK_HOSTS = [
    "localhost",
    "LocalHost",
    "localhost.",
    "app.localhost",
    "127.0.0.1",
    "127.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
]
OTHER_HOSTS = [
    "app.example",
    "10.0.0.1",
    "127.evil.example",
    "localhost.example",
    "[2001:db8::1]",
    "1270.example",
]
CHECKED_ON_CLOUD = (*URL_VARIABLES, "ALLOWED_ORIGINS", "TASKS_AUDIENCE", "TASKS_ISSUER")


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_google_cloud_refuses_this_machine_in_any_form(host: str) -> None:
    """A URL that leads to the machine itself is refused, however its host is written."""
    assert mistakes({**CLOUD, "THREADS_GRAPH_URL": f"https://{host}:8443"}).keys() == {"THREADS_GRAPH_URL"}


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_other_hosts_are_not_this_machine(host: str) -> None:
    """A name that only looks like this machine's is another's: http to it is not allowed anywhere."""
    assert not is_loopback(host.strip("[]"))
    assert not mistakes({**CLOUD, "THREADS_GRAPH_URL": f"https://{host}"})
    assert mistakes({**ENVIRONMENT, "THREADS_GRAPH_URL": f"http://{host}"})


@pytest.mark.parametrize("url", ["http://x.example", "http://localhost:5001", "https://localhost:5001"])
@pytest.mark.parametrize("variable", CHECKED_ON_CLOUD)
def test_google_cloud_refuses_http_and_loopback_in_every_url(variable: str, url: str) -> None:
    """Every variable that can hold a URL is checked, also those that are compared only."""
    assert mistakes({**CLOUD, variable: url}).keys() == {variable}


@pytest.mark.parametrize("value", ["false", "1", "True", ""])
def test_only_the_emulators_own_word_allows_emulators(value: str) -> None:
    """FUNCTIONS_EMULATOR has to be exactly "true"."""
    assert mistakes(
        {**CLOUD, "FIREBASE_AUTH_EMULATOR_HOST": "x:1", **FUNCTIONS_EMULATOR, "FUNCTIONS_EMULATOR": value}
    )


@pytest.mark.parametrize(
    "place", [{}, {"K_SERVICE": ""}, FUNCTIONS_EMULATOR], ids=["cloud", "else", "functions"]
)
def test_only_a_firestore_emulator_does_without_keys(place: dict[str, str]) -> None:
    """Without TOKEN_KEYS, or with the key that everybody knows, nothing may be stored in a real Firestore."""
    published = DEVELOPMENT_KEYS.partition(":")[2]
    environment = {**CLOUD, **place}
    without = {name: value for name, value in environment.items() if name != "TOKEN_KEYS"}
    assert "is not set" in mistakes(without)["TOKEN_KEYS"]
    for keys in (DEVELOPMENT_KEYS, f"k1:{KEY},{DEVELOPMENT_KEYS}", f"k1:{published}"):
        assert mistakes({**environment, "TOKEN_KEYS": keys}).keys() == {"TOKEN_KEYS"}, keys
    at_home = {**without, "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}
    assert mistakes(at_home).keys() == ({"FIRESTORE_EMULATOR_HOST"} if place == {} else set())


@pytest.mark.parametrize("function", ENDPOINTS)
def test_each_function_starts_with_the_secrets_that_it_is_given(function: str) -> None:
    """functions.yaml gives a function the secrets that it needs to start, and no others."""
    given = {it["key"] for it in ENDPOINTS[function].get("secretEnvironmentVariables", ())}
    assert ("THREADS_APP_SECRET" in given) is (function not in WITHOUT_APP_SECRET)
    assert ("TOKEN_KEYS" in given) is (function not in WITHOUT_TOKEN_KEYS)
    names = ("THREADS_APP_SECRET", "TOKEN_KEYS", "WEBHOOK_VERIFY_TOKEN")
    rest = {name: value for name, value in CLOUD.items() if name not in names}
    values = {name: CLOUD.get(name, "a-token") for name in given}
    config = read_config({**rest, **values, "FUNCTION_TARGET": function})
    assert bool(config.token_keys) is ("TOKEN_KEYS" in given)


def test_a_secret_that_a_function_is_not_given_fails_loudly() -> None:
    """Without the app's secret nothing is signed or verified, rather than with an empty one."""
    rest = {name: value for name, value in CLOUD.items() if name != "THREADS_APP_SECRET"}
    config = read_config({**rest, "FUNCTION_TARGET": "publish_threads"})
    with pytest.raises(RuntimeError, match="does not give"):
        config.app_secret.reveal()
