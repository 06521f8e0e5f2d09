"""What the page shows of the suite's journals: calls, and no secret."""

import json
import time
from pathlib import Path

import requests

from emulator import cloud_tasks
from emulator.suite.addresses import Addresses
from emulator.suite.journals import FunctionLines, read_journals
from emulator.suite.ports import Ports
from emulator.threads_api import App, World, serve

LINE = '>  {"severity": "INFO", "message": "publish_threads POST 200", "postId": "p1", "status": 200}\n'


def test_a_line_of_a_function_gets_the_time_at_which_it_was_read(tmp_path: Path) -> None:
    """Half a line waits for its rest, and what the CLI prints itself is left out."""
    log = tmp_path / "firebase.log"
    lines = FunctionLines(log)
    log.write_text("i  functions: Beginning execution\n" + LINE + LINE[:20])
    ends = time.monotonic() + 10
    while not lines.as_json():
        assert time.monotonic() < ends
        time.sleep(0.05)
    [entry] = lines.as_json()
    assert entry["postId"] == "p1"
    assert entry["time"]


def test_a_journal_shows_calls_and_no_secret(tmp_path: Path) -> None:
    """Tokens, codes and signatures stay where they are, whether they were in a header, a query or a form."""
    world = World([App("1", "app-secret", ("http://localhost/callback",))])
    tasks = cloud_tasks.World([cloud_tasks.queue("projects/p/locations/l/queues/q")])
    with serve(world, port=0) as emulator, cloud_tasks.serve(tasks) as queues:
        token = emulator.token()
        requests.post(
            f"{emulator.url}/v1.0/me/threads",
            data={"media_type": "TEXT", "text": "Hello"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        requests.get(
            f"{emulator.url}/access_token",
            params={"grant_type": "th_exchange_token", "client_secret": "app-secret", "access_token": token},
            timeout=10,
        )
        ports = {
            name: int(it.url.rpartition(":")[2])
            for name, it in (("threads", emulator), ("tasks_http", queues))
        }
        suite = Addresses(Ports(auth=1, firestore=2, functions=3, **ports))
        shown = read_journals(suite, FunctionLines(tmp_path / "firebase.log"))
    assert [it["path"] for it in shown["requests"]] == ["/v1.0/me/threads", "/access_token"]
    assert shown["requests"][0]["sent"] == {"media_type": "TEXT", "text": "Hello"}
    assert token not in json.dumps(shown)
    assert "app-secret" not in json.dumps(shown)
