"""The client, as an app would run it in Node: a short script against the functions of the suite."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from emulator.suite import local_secrets
from emulator.suite.paths import CLIENT, ROOT
from tests.e2e.world import vault_of
from threads.accounts.vault import Vault

TIMEOUT = 120

PRELUDE = """
import { createThreadsClient } from "%(dist)s/client.js";
import { time } from "%(dist)s/waiting.js";

const given = JSON.parse(process.argv[2]);
const here = { baseUrl: given.functions, getIdToken: async () => given.idToken };
const threads = createThreadsClient(here);
const told = (error) => ({ ...error, message: error.message });

time.second = 50; // whoever waits 20 s, waits one

// Sends a request, and loses the answers to as many as `count`.
const losing = (count) => async (...request) => {
  const answer = await fetch(...request);
  if (count-- > 0) throw new TypeError("The connection was lost.");
  return answer;
};

// What survives a reload, as a Map would.
const storage = {
  items: given.stored ?? {},
  getItem: (name) => storage.items[name] ?? null,
  setItem: (name, value) => void (storage.items[name] = value),
  removeItem: (name) => void delete storage.items[name],
};

console.log(JSON.stringify(await (async () => {
%(script)s
})()));
"""


class RunClient(Protocol):
    """Runs a script with the client."""

    def __call__(self, script: str, **given: Any) -> Any:
        """Return what the script returns. It finds what it is given as ``given``."""


def suite_vault(environment: Mapping[str, str]) -> Vault:
    """Return what seals tokens as the functions of the suite do, with the keys of this folder."""
    return vault_of(environment, local_secrets.read(ROOT)["TOKEN_KEYS"])


def build() -> None:
    """Build the client, if it has changed."""
    goal = CLIENT / ".built"
    subprocess.run(["make", "--silent", str(goal.relative_to(ROOT))], cwd=ROOT, check=True)  # noqa: S603, S607


def run(directory: Path, script: str, **given: Any) -> Any:
    """Run a script with the client in Node, and return what it returns."""
    module = directory / "app.mjs"
    module.write_text(PRELUDE % {"dist": CLIENT.as_uri(), "script": script}, encoding="utf-8")
    command = [str(shutil.which("node")), str(module), json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
