"""Cloud Tasks: creating and deleting the tasks that call our own functions.

Some bring a post back to ``publish_threads``, some an account to ``th_refresh_tokens``. A task carries names
and nothing else; what is to be published lies in the record. Source:
https://cloud.google.com/tasks/docs/creating-http-target-tasks
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

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
        """Take the queue's name, the URLs that tasks call, the account they come from, and the client."""
        self._config = config
        self._client = client

    @property
    def is_configured(self) -> bool:
        """Whether there is a queue."""
        return self._config.publish_queue is not None

    def enqueue(self, task_id: str, *, uid: str, post_id: str, due_at: datetime) -> None:
        """Create a task that brings a post; one that has been created before is left as it is.

        Raises:
            ServiceUnavailable: Cloud Tasks did not take it, or did not say.

        """
        config = self._config
        body = {"userId": uid, "postId": post_id}
        self._create(task_id, config.publish_url, body, audience=config.tasks_audience, due_at=due_at)

    def enqueue_refresh(self, task_id: str, body: Mapping[str, Any], *, due_at: datetime) -> None:
        """Create a task for ``th_refresh_tokens``; one that has been created before is left as it is.

        Its audience is the URL it calls: Cloud Run looks at it before the function does.

        Raises:
            ServiceUnavailable: Cloud Tasks did not take it, or did not say.

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
