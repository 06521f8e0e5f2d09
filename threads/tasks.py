"""Cloud Tasks: creating and deleting the tasks that bring a post back to ``publish_threads``.

A task carries the names of its post and nothing else; what is to be published lies in the record. Source:
https://cloud.google.com/tasks/docs/creating-http-target-tasks
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING

from threads.config import Config
from threads.errors import ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.cloud.tasks_v2 import CloudTasksClient

RPC_TIMEOUT = 10.0
"""Seconds for one call to Cloud Tasks."""


class Queue:
    """The queue of the configuration. Cloud Tasks is loaded, and its client opened, with the first call."""

    def __init__(self, config: Config, client: "Callable[[], CloudTasksClient]") -> None:
        """Take the queue's name, the URL that tasks call, the account they come from, and the client."""
        self._config = config
        self._client = client

    @property
    def is_configured(self) -> bool:
        """Whether there is a queue."""
        return self._config.publish_queue is not None

    def enqueue(self, task_id: str, *, uid: str, post_id: str, due_at: datetime) -> None:
        """Create a task; one that has been created before is left as it is.

        Raises:
            ServiceUnavailable: Cloud Tasks did not take it, or did not say.

        """
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
                url=config.publish_url,
                headers={"Content-Type": "application/json"},
                body=json.dumps({"userId": uid, "postId": post_id}).encode(),
                oidc_token=tasks_v2.OidcToken(
                    service_account_email=config.tasks_service_account, audience=config.tasks_audience
                ),
            ),
        )
        try:
            client.create_task(parent=config.publish_queue, task=task, timeout=RPC_TIMEOUT)
        except AlreadyExists:
            return
        except (GoogleAPICallError, RetryError) as error:
            raise ServiceUnavailable from error

    def delete(self, task_id: str) -> None:
        """Delete a task; one that is not there any more is deleted.

        Raises:
            ServiceUnavailable: Cloud Tasks did not do it, or did not say.

        """
        client = self._client()
        from google.api_core.exceptions import (  # noqa: PLC0415 - heavy
            GoogleAPICallError,
            NotFound,
            RetryError,
        )

        try:
            client.delete_task(name=self._name(task_id), timeout=RPC_TIMEOUT)
        except NotFound:
            return
        except (GoogleAPICallError, RetryError) as error:
            raise ServiceUnavailable from error

    def _name(self, task_id: str) -> str:
        return f"{self._config.publish_queue}/tasks/{task_id}"
