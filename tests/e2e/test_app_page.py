"""docs/app.md, as a reader copies it: every block runs against the local suite."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from emulator.suite.addresses import TASKS_SERVICE_ACCOUNT
from emulator.suite.paths import CLIENT, NODE_MODULES, ROOT
from emulator.suite.suite import Suite
from tests.e2e.browsing import expected
from tests.e2e.client import build, suite_vault
from tests.e2e.world import Author, CloudTasks, Firebase, Threads
from tests.pages import Page
from threads.accounts.vault import Vault

APP = Page(ROOT / "docs" / "app.md")

FOOTER = """
import { createRoot } from "react-dom/client";
import { GoogleAuthProvider, signInWithCredential } from "firebase/auth";

document.body.replaceChildren(document.createElement("main"));
const account = (email) => JSON.stringify({ sub: email, email, email_verified: true });
const page = {
  ...blocks,
  signIn: (email) => signInWithCredential(auth, GoogleAuthProvider.credential(account(email))).then(() => ""),
  mount: () => createRoot(document.querySelector("main")).render(<App />),
  show: (...what) => document.querySelector("main").append(what.join(" ") + "\\n"),
  token: () => auth.currentUser.getIdToken(),
};
Object.assign(window, { page });
"""

BARE = "/config.json"
"""A page of the app's origin that does nothing by itself."""


@pytest.fixture(scope="module")
def vault(environment: dict[str, str]) -> Vault:
    """Return what seals tokens as the functions of the suite do."""
    return suite_vault(environment)


@pytest.fixture(scope="module")
def script(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Bundle the page's JavaScript as one app, at the addresses of this suite."""
    build()
    folder = tmp_path_factory.mktemp("app")
    module = "\n".join([*APP.blocks("js"), *APP.blocks("jsx")])
    for written, here in addresses(suite).items():
        assert written in module, written
        module = module.replace(written, here)
    (folder / "blocks.jsx").write_text(f"{module}\nexport {{ auth }};", encoding="utf-8")
    imported = 'import * as blocks from "./blocks.jsx";\nimport { auth, App } from "./blocks.jsx";'
    (folder / "app.jsx").write_text(f"{imported}\n{FOOTER}", encoding="utf-8")
    return bundle(folder / "app.jsx")


def addresses(suite: Suite) -> dict[str, str]:
    """Return the usual addresses, which are on the page, and those of this suite."""
    return {
        "http://127.0.0.1:9099": f"http://{suite.auth_host}",
        "http://127.0.0.1:5001/demo-threads/us-central1": suite.functions_url,
        '"127.0.0.1", 8080': f'"127.0.0.1", {suite.ports.firestore}',
    }


def bundle(entry: Path) -> str:
    """Return an app in one script, as a bundler makes it."""
    command = [
        str(NODE_MODULES / ".bin" / "esbuild"),
        *(str(entry), "--bundle", "--format=iife", "--jsx=automatic"),
        '--define:process.env.NODE_ENV="production"',
        f"--alias:threads-on-firebase={CLIENT / 'client.js'}",
        f"--alias:threads-on-firebase/react={CLIENT / 'react.js'}",
    ]
    environment = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def tab(page: Tab, firebase: Firebase, threads: Threads) -> Tab:
    """Open a page of the app that a reader has made of the blocks."""
    assert firebase
    assert threads
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page.goto(BARE)
    return page


def run(tab: Tab, script: str, call: str) -> Any:
    """Call a function of the blocks on whatever page is open there, which is loaded first if it is new."""
    if not tab.evaluate("!!window.page"):
        tab.evaluate(script)
    return tab.evaluate(f"page.{call}")


Run = Callable[[str], Any]


@pytest.fixture
def app(tab: Tab, script: str) -> Run:
    """Call the blocks' functions."""
    return lambda call: run(tab, script, call)


def connect(tab: Tab, app: Run, name: str, call: str = "connect()") -> None:
    """Walk through the window, from the page and back to it."""
    app(call)
    tab.wait_for_url("**/oauth/authorize?**")
    tab.get_by_text(name, exact=True).click()
    tab.get_by_role("button", name="Allow").click()
    tab.wait_for_url(f"**{BARE}*")


def test_a_reader_connects_publishes_schedules_and_follows(
    tab: Tab, app: Run, threads: Threads, cloud_tasks: CloudTasks
) -> None:
    """The blocks, in their order, do what the page says."""
    person = threads.accounts()[0]
    app('signIn("reader@example.com")')
    connect(tab, app, person["name"])
    assert app("finishConnecting()") == "Your Threads account is connected."
    assert tab.url.endswith(BARE)
    assert app("showAccounts()") == [person["username"]]

    assert app('publish({ text: "Hello" })') == "published"
    assert app('preview({ text: "Hello" })')["left"] == 495
    assert app("goOn()") == []
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    post_id = app(f'schedule({{ text: "Later" }}, new Date("{soon}"))')
    later = app(f'reschedule("{post_id}", new Date(Date.parse("{soon}") + 60_000))')
    assert later > soon
    other = app(f'schedule({{ text: "Never" }}, new Date("{soon}"))')
    assert app(f'cancel("{other}")') == "cancelled"

    app(f'followLive("{post_id}", (...now) => page.show("record:", ...now)) && undefined')
    expect(tab.locator("main")).to_contain_text("record: scheduled")
    cloud_tasks.pass_time(3700)
    expect(tab.locator("main")).to_contain_text("record: published")
    app(f'follow("{post_id}", (...now) => page.show("watch:", ...now))')
    expect(tab.locator("main")).to_contain_text("watch: published http")
    assert [it["content"]["text"] for it in threads.posts()] == ["Hello", "Later"]


def test_a_reader_offers_what_helps_and_uses_plain_fetch(
    tab: Tab, app: Run, threads: Threads, complaints: list[str]
) -> None:
    """Each kind of error leads to its offer, and the same can be done without the client."""
    app('signIn("careful@example.com")')
    offer = "publishOrOffer(%s, (...what) => page.show(what[0])).then(() => undefined)"
    app(offer % '{ text: "Too early" }')
    expect(tab.locator("main")).to_contain_text("Connect Threads")

    connect(tab, app, threads.accounts()[0]["name"], "connectByHand()")
    assert app("finishByHand()")["accountId"] == threads.accounts()[0]["id"]
    assert app('publishByHand(page.newDraft("By hand"))')["status"] == "published"
    app(offer % '{ text: "x".repeat(600), topicTag: "a.b" }')
    expect(tab.locator("main")).to_contain_text("topicTag")
    job = "{ id: 'job-1', content: { text: 'Job' } }"
    assert app(f"token().then((token) => page.publishFor(token, {job}))")["status"] == "published"
    assert [it["content"]["text"] for it in threads.posts()] == ["By hand", "Job"]
    expected(complaints, "400", "404")


def test_a_reader_signs_people_in_with_threads(tab: Tab, app: Run, threads: Threads) -> None:
    """They come back as users of Firebase."""
    person = threads.accounts()[0]
    connect(tab, app, person["name"], "signInWithThreads()")
    assert app("finishSigningIn()") == person["name"]


def test_a_reader_publishes_with_react(tab: Tab, app: Run, threads: Threads) -> None:
    """The component connects, lets choose, and publishes."""
    person = threads.accounts()[0]
    app('signIn("react@example.com")')
    app("mount()")
    tab.get_by_role("button", name="Connect Threads").click()
    tab.wait_for_url("**/oauth/authorize?**")
    tab.get_by_text(person["name"], exact=True).click()
    tab.get_by_role("button", name="Allow").click()
    tab.wait_for_url(f"**{BARE}*")
    app("mount()")
    expect(tab.get_by_role("radio", name=person["username"])).to_be_checked()
    tab.get_by_label("Text").fill("From React")
    tab.get_by_role("button", name="Publish").click()
    expect(tab.get_by_role("status")).to_have_text("published")


def test_a_backend_publishes_by_a_task(
    suite: Suite, author: Author, threads: Threads, cloud_tasks: CloudTasks
) -> None:
    """The task of the page is delivered to the function, which publishes the post once."""
    [block] = APP.blocks("python")
    names: dict[str, Any] = {}
    exec(compile(block, "docs/app.md", "exec"), names)  # noqa: S102 - the page's own code
    channel = grpc.insecure_channel(suite.tasks_host)
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    url = f"{suite.functions_url}/publish_threads"
    for _ in range(2):
        names["publish_by_task"](
            client, suite.queue, url, TASKS_SERVICE_ACCOUNT, author.uid, "job-2", {"text": "By a task"}
        )
    cloud_tasks.pass_time()
    assert [it["content"]["text"] for it in threads.posts()] == ["By a task"]


def test_the_client_installs_from_its_package(tmp_path: Path) -> None:
    """`npm pack` makes a package that an app installs and imports."""
    build()
    npm = str(shutil.which("npm"))
    commands = [line.split() for line in "".join(APP.blocks("sh")).splitlines() if line.startswith("npm")]
    assert commands == [["npm", "pack", "./client"]]
    packed = subprocess.run(  # noqa: S603 - the page's own command
        [npm, *commands[0][1:], "--pack-destination", tmp_path, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    [made] = json.loads(packed.stdout)
    installing = [
        npm,
        "install",
        "--offline",
        "--no-audit",
        "--prefix",
        tmp_path,
        tmp_path / made["filename"],
    ]
    subprocess.run(installing, capture_output=True, check=True)  # noqa: S603
    used = 'import { ThreadsError } from "threads-on-firebase"; console.log(ThreadsError.name)'
    node = [str(shutil.which("node")), "--input-type=module", "--eval", used]
    done = subprocess.run(node, cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "ThreadsError\n"
