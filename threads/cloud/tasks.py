"""Cloud Tasks: creating and deleting the tasks that call our own functions.

Some tasks bring a post to ``publish_threads``, others bring an account to ``th_refresh_tokens``. A task
carries only ids: the content of a post is in its record.

Source: https://cloud.google.com/tasks/docs/creating-http-target-tasks
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from threads.base.config import Config
from threads.base.errors import ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.cloud.tasks_v2 import CloudTasksClient


RPC_TIMEOUT = 10.0
"""Seconds for one call to Cloud Tasks. With ``retry=None``, the client does not repeat a deletion by itself,
for which it would take 20 seconds whatever limit it is given."""


class TaskQueue:
    """The configured queue. The first call loads Cloud Tasks' library and opens its client."""

    def __init__(self, config: Config, client: "Callable[[], CloudTasksClient]") -> None:
        """Take the queue's name, its URLs and its service account, and a function that returns the client."""
        self._config = config
        self._client = client

    @property
    def is_configured(self) -> bool:
        """Whether a queue is configured."""
        return self._config.publish_queue is not None

    def enqueue(self, task_id: str, *, uid: str, post_id: str, due_at: datetime) -> None:
        """Create a task that brings a post. If the task exists already, it stays as it is.

        Raises:
            ServiceUnavailable: Cloud Tasks refused the task, or did not answer.

        """
        config = self._config
        body = {"userId": uid, "postId": post_id}
        self._create(task_id, config.publish_url, body, audience=config.tasks_audience, due_at=due_at)

    def enqueue_refresh(self, task_id: str, body: Mapping[str, Any], *, due_at: datetime) -> None:
        """Create a task for ``th_refresh_tokens``. If the task exists already, it stays as it is.

        The audience of its token is the URL that it calls, because Cloud Run checks the token first.

        Raises:
            ServiceUnavailable: Cloud Tasks refused the task, or did not answer.

        """
        url = self._config.refresh_url
        self._create(task_id, url, body, audience=url, due_at=due_at)

    def _create(
        self,
        task_id: str,
        url: str | None,
        body: Mapping[str, Any],
        *,
        audience: str | None,
        due_at: datetime,
    ) -> None:
        client = self._client()
        from google.api_core.exceptions import (  # noqa: PLC0415 - heavy
            AlreadyExists,
            GoogleAPICallError,
            RetryError,
        )
        from google.cloud import tasks_v2  # noqa: PLC0415 - heavy

        config = self._config
        task = tasks_v2.Task(
            name=self._name(task_id),
            schedule_time=due_at,
            http_request=tasks_v2.HttpRequest(
                url=url,
                headers={"Content-Type": "application/json"},
                body=json.dumps(body).encode(),
                oidc_token=tasks_v2.OidcToken(
                    service_account_email=config.tasks_service_account, audience=audience
                ),
            ),
        )
        try:
            client.create_task(parent=config.publish_queue, task=task, retry=None, timeout=RPC_TIMEOUT)
        except AlreadyExists:
            return
        except (GoogleAPICallError, RetryError) as error:
            raise ServiceUnavailable from error

    def delete(self, task_id: str) -> None:
        """Delete a task. A task that no longer exists counts as deleted.

        Raises:
            ServiceUnavailable: Cloud Tasks did not delete it, or did not answer.

        """
        client = self._client()
        from google.api_core.exceptions import (  # noqa: PLC0415 - heavy
            GoogleAPICallError,
            NotFound,
            RetryError,
        )

        try:
            client.delete_task(name=self._name(task_id), retry=None, timeout=RPC_TIMEOUT)
        except NotFound:
            return
        except (GoogleAPICallError, RetryError) as error:
            raise ServiceUnavailable from error

    def _name(self, task_id: str) -> str:
        return f"{self._config.publish_queue}/tasks/{task_id}"
