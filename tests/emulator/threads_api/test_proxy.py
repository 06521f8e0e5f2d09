"""The proxy: clients whose address of Threads is a constant reach the emulator, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from emulator.base.json_body import Malformed
from emulator.threads_api import World, serve
from emulator.threads_api.certificates import Authority
from emulator.threads_api.proxy import HOSTS, Proxy, proxying
from tests.emulator.threads_api.client import APP, CALLBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.threads_api import Emulator

ROOT = Path(__file__).parents[3]
UNDICI = ROOT / "emulator" / "node_modules" / "undici"
TEXT = {"media_type": "TEXT", "text": "hello", "auto_publish_text": "true"}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Emulator, Proxy]]:
    """Run an emulator with a proxy."""
    with serve(World([APP])) as emulator, proxying(emulator) as proxy:
        yield emulator, proxy


@pytest.fixture
def emulator(running: tuple[Emulator, Proxy]) -> Emulator:
    """Return an emulator on which nothing has happened yet."""
    running[0].reset()
    return running[0]


@pytest.fixture
def proxy(running: tuple[Emulator, Proxy], emulator: Emulator) -> Proxy:
    """Return the proxy that leads to it."""
    assert running[0] is emulator
    return running[1]


@pytest.fixture
def unchanged(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> requests.Session:
    """Return a client that knows nothing of the emulator but what the environment says."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in proxy.environment.items():
        monkeypatch.setenv(name, value)
    return requests.Session()


@pytest.mark.parametrize("host", ["graph.threads.net", "graph.threads.com"])
def test_requests_publishes_at_the_address_of_threads(
    emulator: Emulator, unchanged: requests.Session, host: str
) -> None:
    """The whole story of a post, over one connection that is kept; its page is reached the same way."""
    form = {**TEXT, "access_token": emulator.token()}
    answer = unchanged.post(f"https://{host}/v1.0/me/threads", data=form, timeout=10)
    assert answer.ok, answer.text
    [post] = emulator.posts()
    assert post["id"] == answer.json()["id"]
    shown = unchanged.get(
        f"https://{host}/{post['id']}",
        params={"fields": "permalink", "access_token": form["access_token"]},
        timeout=10,
    )
    assert shown.json()["permalink"].startswith(f"https://{host}/@")
    assert "hello" in unchanged.get(shown.json()["permalink"], timeout=10).text
    assert emulator.requests()[0]["headers"]["Host"] == host


def test_the_window_is_where_clients_send_the_browser(unchanged: requests.Session) -> None:
    """``https://www.threads.net/oauth/authorize`` shows the window, and comes back with a code."""
    query = {
        "client_id": APP.id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "threads_basic",
    }
    for host in ("www.threads.net", "threads.net", "www.threads.com", "threads.com"):
        shown = unchanged.get(f"https://{host}/oauth/authorize", params=query, timeout=10)
        assert "mira.okafor" in shown.text


def test_a_lost_answer_is_lost_in_the_tunnel_too(emulator: Emulator, unchanged: requests.Session) -> None:
    """A script resets the connection; the next request opens a new one."""
    form = {**TEXT, "access_token": emulator.token()}
    url = "https://graph.threads.net/v1.0/me/threads"
    emulator.next_answer("lost_answer")
    with pytest.raises(requests.ConnectionError):
        unchanged.post(url, data=form, timeout=10)
    assert unchanged.post(url, data=form, timeout=10).ok
    assert len(emulator.posts()) == 2


@pytest.mark.parametrize("url", ["https://example.com/", "https://graph.facebook.com/", "https://127.0.0.1/"])
def test_every_other_host_is_refused(unchanged: requests.Session, url: str) -> None:
    """Nothing leaves the machine, and no other host is impersonated."""
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        unchanged.get(url, timeout=10)


def test_a_refusal_says_why(proxy: Proxy) -> None:
    """Another host, another port, and plain http each get a 403 in words."""
    for line in (
        "CONNECT example.com:443",
        "CONNECT graph.threads.net:80",
        "GET http://graph.threads.net/me",
    ):
        with socket.create_connection(
            ("127.0.0.1", int(proxy.url.rpartition(":")[2])), timeout=10
        ) as line_out:
            line_out.sendall(f"{line} HTTP/1.1\r\nHost: any\r\n\r\n".encode())
            answer = line_out.makefile("rb").read().decode()
        assert answer.startswith("HTTP/1.1 403")
        assert "proxy" in json.loads(answer.rpartition("\r\n\r\n")[2])["error"]


def test_a_client_that_does_not_trust_the_authority_is_not_served(proxy: Proxy, emulator: Emulator) -> None:
    """It sees an unknown certificate, and the proxy goes on."""
    proxies = {"https": proxy.url}
    with pytest.raises(requests.exceptions.SSLError):
        requests.get("https://graph.threads.net/me", proxies=proxies, verify=True, timeout=10)
    assert emulator.requests() == []
    answer = requests.get(
        "https://graph.threads.net/me", proxies=proxies, verify=str(proxy.ca_file), timeout=10
    )
    assert answer.json()["error"]["code"] == 190


def run(command: list[str], proxy: Proxy) -> str:
    """Run another client, with the variables of the proxy."""
    environment = {name: it for name, it in os.environ.items() if name.lower() != "no_proxy"}
    done = subprocess.run(  # noqa: S603 - curl or Node, with the lines of this file
        command,
        env=environment | proxy.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_curl_publishes_at_the_address_of_threads(emulator: Emulator, proxy: Proxy) -> None:
    """Two variables are enough."""
    form = ["-d", "media_type=TEXT", "-d", "text=hi", "-d", "auto_publish_text=true"]
    told = run(
        [
            *(str(shutil.which("curl")), "-sS", "https://graph.threads.net/v1.0/me/threads"),
            *("-H", f"Authorization: Bearer {emulator.token()}", *form),
        ],
        proxy,
    )
    assert [post["id"] for post in emulator.posts()] == [json.loads(told)["id"]]


FETCH = """
const [undici, token] = process.argv.slice(1);
const has_proxies = process.allowedNodeEnvironmentFlags.has("--use-env-proxy");
if (!has_proxies) {
  const { setGlobalDispatcher, EnvHttpProxyAgent } = require(undici);
  setGlobalDispatcher(new EnvHttpProxyAgent());
}
fetch("https://graph.threads.net/v1.0/me?fields=id,username", {
  headers: { Authorization: `Bearer ${token}` },
}).then((answer) => answer.json()).then((told) => console.log(JSON.stringify(told)));
"""


@pytest.mark.skipif(not (shutil.which("node") and UNDICI.exists()), reason="needs Node and make setup")
def test_nodes_fetch_reads_at_the_address_of_threads(emulator: Emulator, proxy: Proxy) -> None:
    """Node trusts the authority by a variable; before 22.21 it needs undici's agent to go through a proxy."""
    told = run([str(shutil.which("node")), "-e", FETCH, str(UNDICI), emulator.token()], proxy)
    assert json.loads(told)["username"] == "mira.okafor"


# ---- the authority


def test_an_authority_is_kept_in_its_folder(tmp_path: Path) -> None:
    """The next run has the same one, and nobody else may read its key."""
    folder = tmp_path / "kept"
    first = Authority(folder).file.read_bytes()
    assert Authority(folder).file.read_bytes() == first
    assert (folder / "ca-key.pem").stat().st_mode & 0o777 == 0o600


def test_without_a_folder_nothing_is_left(emulator: Emulator) -> None:
    """The authority of one run is gone with it, and the control says that there is none."""
    with serve(World([APP])) as other, proxying(other) as brief:
        assert requests.get(f"{other.url}/_emulator/ca", timeout=10).text == brief.ca_file.read_text()
    assert not brief.ca_file.exists()
    with serve(World([APP])) as without, pytest.raises(Malformed, match="start the emulator with --proxy"):
        without.control("GET", "ca")
    assert emulator


def test_a_folder_with_something_else_is_not_used(tmp_path: Path) -> None:
    """What lies there is not overwritten."""
    (tmp_path / "ca.pem").write_text("something else")
    with pytest.raises(Malformed, match="no certificate authority that can be read"):
        Authority(tmp_path)
    assert (tmp_path / "ca.pem").read_text() == "something else"


@pytest.mark.parametrize(("host", "is_trusted"), [*((it, True) for it in HOSTS), ("bank.example", False)])
def test_the_authority_is_good_for_threads_only(tmp_path: Path, host: str, *, is_trusted: bool) -> None:
    """Even with its key nobody can make a certificate for another host that a client would trust."""
    authority = Authority(tmp_path)
    client = ssl.create_default_context(cafile=str(authority.file))
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # what Python 3.13 does by itself
    server_in, server_out, client_in, client_out = (ssl.MemoryBIO() for _ in range(4))
    server = authority.server_context([host]).wrap_bio(server_in, server_out, server_side=True)
    caller = client.wrap_bio(client_in, client_out, server_hostname=host)

    def shake() -> None:
        for _ in range(4):
            for side, out, into in ((caller, client_out, server_in), (server, server_out, client_in)):
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()
                into.write(out.read())

    if is_trusted:
        shake()
        assert caller.version()
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
            shake()
