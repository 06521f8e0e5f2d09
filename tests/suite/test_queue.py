"""The queue of the suite: configured by queue.yaml, as the real one is, and believed by the functions."""

import contextlib
import time
from datetime import timedelta
from http import HTTPStatus

import grpc
import requests
import yaml
from google.api_core import exceptions
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from emulator.cloud_tasks import queue, read_flags
from emulator.suite.addresses import QUEUE, TASKS_SERVICE_ACCOUNT
from emulator.suite.commands import QUEUE_FLAGS
from emulator.suite.paths import ROOT
from emulator.suite.suite import Suite
from threads.publishing.retry_rules import TASK

ANSWER_SECONDS = 30


def test_a_post_is_given_up_after_a_good_hour() -> None:
    """The waits and their sum are those that queue.yaml states."""
    rules = queue(QUEUE, read_flags(QUEUE_FLAGS)).retry_rules
    given_up = TASK.times or 0
    waits = [rules.wait(retry) for retry in range(1, given_up)]
    assert [wait.total_seconds() for wait in waits[:10]] == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert sum(waits, timedelta()) == timedelta(seconds=3810)
    assert not rules.exhausted(given_up, timedelta(seconds=3810))
    assert rules.exhausted(rules.max_attempts, timedelta(seconds=3810))


def test_the_queue_sends_no_more_than_an_instance_takes() -> None:
    """As many tasks at once as publish_threads admits requests."""
    functions = yaml.safe_load((ROOT / "functions.yaml").read_text())["endpoints"]
    concurrency = read_flags(QUEUE_FLAGS)["max-concurrent-dispatches"]
    assert concurrency == functions["publish_threads"]["concurrency"]


def test_the_suite_has_the_queue_and_the_functions_believe_its_tasks(suite: Suite) -> None:
    """A task reaches publish_threads with a token that the function accepts; the body may be refused."""
    [configured] = requests.get(f"{suite.tasks_url}/_emulator/queues", timeout=5).json()["queues"]
    assert (configured["name"], configured["max_attempts"]) == (suite.queue, 25)
    with grpc.insecure_channel(suite.tasks_host) as channel:
        client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        request = {
            "url": f"{suite.functions_url}/publish_threads",
            "headers": {"Content-Type": "application/json"},
            "body": b"{}",
            "oidc_token": {"service_account_email": TASKS_SERVICE_ACCOUNT},
        }
        task = client.create_task(request={"parent": suite.queue, "task": {"http_request": request}})
        assert first_status(suite, task.name) not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        # It may be there still, to be tried again.
        with contextlib.suppress(exceptions.NotFound):
            client.delete_task(name=task.name)


def first_status(suite: Suite, task: str) -> int:
    """Wait for the answer to a task's first attempt."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        found = requests.get(f"{suite.tasks_url}/_emulator/dispatches", timeout=5).json()["dispatches"]
        statuses = [it["status"] for it in found if it["task"] == task and it["status"] is not None]
        if statuses:
            return int(statuses[0])
        time.sleep(0.1)
    raise AssertionError("the function did not answer")
