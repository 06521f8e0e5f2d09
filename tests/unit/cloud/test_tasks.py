"""The queue: what Cloud Tasks is asked, in its own types, and what its troubles become."""

import json
import socket
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from tests.unit.support import config
from threads.base.errors import ServiceUnavailable
from threads.cloud import tasks
from threads.cloud.tasks import RPC_TIMEOUT, TaskQueue
from threads.posts.ledger import task_id

QUEUE = "projects/demo-threads/locations/us-central1/queues/publish-threads"
URL = "https://functions.example/publish_threads"
SENDER = "tasks@demo-threads.example"
DUE = datetime(2026, 5, 2, 12, 0, 0, 250_000, tzinfo=UTC)
BODY = {"userId": "ada", "accountId": "1"}
NAME = task_id("post", 1, datetime(2026, 5, 1, tzinfo=UTC))


def failure(name: str, **more: Any) -> Exception:
    """Return an exception of Google's, by its name."""
    return cast("Exception", getattr(exceptions, name)("x", **more))


class Client:
    """A Cloud Tasks that notes what it is asked, in a form that could be sent, and fails as it is told."""

    def __init__(self, failure: Exception | None = None) -> None:
        """Take how it fails."""
        self.created: list[tasks_v2.Task] = []
        self.deleted: list[str] = []
        self.options: list[dict[str, Any]] = []
        self._failure = failure

    def create_task(self, *, parent: str, task: tasks_v2.Task, **options: Any) -> tasks_v2.Task:
        """Create a task."""
        request = tasks_v2.CreateTaskRequest(parent=parent, task=task)
        sent = tasks_v2.CreateTaskRequest.deserialize(tasks_v2.CreateTaskRequest.serialize(request))
        assert sent.parent == QUEUE
        self.options.append(options)
        if self._failure:
            raise self._failure
        self.created.append(sent.task)
        return task

    def delete_task(self, *, name: str, **options: Any) -> None:
        """Delete a task."""
        self.options.append(options)
        if self._failure:
            raise self._failure
        self.deleted.append(tasks_v2.DeleteTaskRequest(name=name).name)


def queue(client: Client, **variables: str) -> TaskQueue:
    """Return a queue of a configuration, with a client."""
    variables = {"PUBLISH_QUEUE": QUEUE, "PUBLISH_URL": URL, "TASKS_SERVICE_ACCOUNT": SENDER, **variables}
    return TaskQueue(config(**variables), lambda: cast("tasks_v2.CloudTasksClient", client))


def enqueue(due_at: datetime = DUE, **variables: str) -> tasks_v2.Task:
    """Create a task, and return what Cloud Tasks got."""
    client = Client()
    queue(client, **variables).enqueue(NAME, uid="ada", post_id="post", due_at=due_at)
    return client.created[-1]


def test_a_task_carries_two_names() -> None:
    """A task is a POST of JSON to our URL that says whose post it is and which: no content, no token."""
    task = enqueue()
    request = task.http_request
    assert request.url == URL
    assert request.http_method in {tasks_v2.HttpMethod.POST, tasks_v2.HttpMethod.HTTP_METHOD_UNSPECIFIED}
    assert dict(request.headers) == {"Content-Type": "application/json"}
    assert json.loads(request.body) == {"userId": "ada", "postId": "post"}


def test_a_task_has_the_name_it_was_given() -> None:
    """The name makes two creations one; it lies in the configured queue."""
    assert enqueue().name == f"{QUEUE}/tasks/{NAME}"


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
def test_a_task_comes_when_it_is_due(zone: timezone) -> None:
    """The moment arrives whole, whatever zone it was told in."""
    assert enqueue(DUE.astimezone(zone)).schedule_time == DUE


@pytest.mark.parametrize(
    ("variables", "audience"), [({}, URL), ({"TASKS_AUDIENCE": "publishing"}, "publishing")]
)
def test_a_task_comes_with_the_token_that_is_believed(variables: dict[str, str], audience: str) -> None:
    """Sender and audience of a task's token are those that its caller is checked against."""
    token = enqueue(DUE, **variables).http_request.oidc_token
    assert (token.service_account_email, token.audience) == (SENDER, audience)


def test_a_task_for_refreshing_calls_the_function_that_does_it() -> None:
    """It carries what it was given, with a token for that function's URL: Cloud Run looks at that, too."""
    client = Client()
    url = "https://functions.example/refresh"
    queue(client, REFRESH_URL=url, TASKS_AUDIENCE="publishing").enqueue_refresh(NAME, BODY, due_at=DUE)
    [task] = client.created
    request = task.http_request
    assert (request.url, json.loads(request.body)) == (url, BODY)
    assert (request.oidc_token.service_account_email, request.oidc_token.audience) == (SENDER, url)
    assert (task.name, task.schedule_time) == (f"{QUEUE}/tasks/{NAME}", DUE)


def test_refreshing_is_publishings_neighbour() -> None:
    """Without a word about it, the function lies beside the one that publishes."""
    client = Client()
    queue(client).enqueue_refresh(NAME, BODY, due_at=DUE)
    assert client.created[-1].http_request.url == "https://functions.example/th_refresh_tokens"


def test_a_task_is_deleted_by_its_name() -> None:
    """The same name finds the task again."""
    client = Client()
    queue(client).delete(NAME)
    assert client.deleted == [f"{QUEUE}/tasks/{NAME}"]


def test_no_call_waits_for_ever() -> None:
    """Every call has its time: the client's own limit for deleting is twenty seconds and more."""
    client = Client()
    queue(client).enqueue(NAME, uid="ada", post_id="post", due_at=DUE)
    queue(client).enqueue_refresh(NAME, BODY, due_at=DUE)
    queue(client).delete(NAME)
    assert client.options == [{"timeout": RPC_TIMEOUT, "retry": None}] * 3


def test_a_silent_cloud_tasks_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's client keeps to the time, too: it does not try again by itself."""
    monkeypatch.setattr(tasks, "RPC_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        channel = grpc.insecure_channel(f"127.0.0.1:{listener.getsockname()[1]}")
        silent = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable):
            queue(cast("Client", silent)).delete(NAME)
        assert time.monotonic() - began < 2


def test_what_was_done_before_is_done() -> None:
    """A task that is there already was created by us, and one that is not there any more is deleted."""
    queue(Client(failure("AlreadyExists"))).enqueue(NAME, uid="ada", post_id="post", due_at=DUE)
    queue(Client(failure("AlreadyExists"))).enqueue_refresh(NAME, BODY, due_at=DUE)
    queue(Client(failure("NotFound"))).delete(NAME)


TROUBLES = [
    failure("ServiceUnavailable"),
    failure("DeadlineExceeded"),
    failure("PermissionDenied"),
    failure("ResourceExhausted"),
    failure("InvalidArgument"),
    failure("RetryError", cause=None),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: type(trouble).__name__)
def test_its_troubles_pass(trouble: Exception) -> None:
    """Every failure of Cloud Tasks is a 503, never a 500: the same request may be tried again."""
    failing = queue(Client(trouble))
    with pytest.raises(ServiceUnavailable) as creating:
        failing.enqueue(NAME, uid="ada", post_id="post", due_at=DUE)
    with pytest.raises(ServiceUnavailable) as refreshing:
        failing.enqueue_refresh(NAME, BODY, due_at=DUE)
    assert refreshing.value.__cause__ is trouble
    with pytest.raises(ServiceUnavailable) as deleting:
        failing.delete(NAME)
    assert creating.value.__cause__ is deleting.value.__cause__ is trouble


def test_a_queue_that_does_not_exist_is_no_success() -> None:
    """Creating a task in a queue that is not there fails; only deleting may find nothing."""
    with pytest.raises(ServiceUnavailable):
        queue(Client(failure("NotFound"))).enqueue(NAME, uid="ada", post_id="post", due_at=DUE)


def test_without_a_queue_there_is_none() -> None:
    """Whether anything can be scheduled is a matter of the configuration; the client is not made for that."""

    def unused() -> tasks_v2.CloudTasksClient:
        raise AssertionError

    assert queue(Client()).is_configured
    assert not TaskQueue(config(), unused).is_configured
