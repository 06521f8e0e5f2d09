"""Where the services of a suite listen, and the names that they share."""

import yaml

from emulator.suite.paths import ROOT
from emulator.suite.ports import HOST, Ports


def read_region() -> str:
    """Return the region of functions.yaml, where all functions have the same."""
    endpoints = yaml.safe_load((ROOT / "functions.yaml").read_text(encoding="utf-8"))["endpoints"]
    [region] = {region for endpoint in endpoints.values() for region in endpoint["region"]}
    return str(region)


PROJECT = "demo-threads"
"""The Firebase project. Because of ``demo-`` the CLI never calls Google for it."""

REGION = read_region()
"""Part of the functions' URLs, and of the queue's name."""

APP_ID = "1234567890123456"
"""The id of the Threads app."""

QUEUE = f"projects/{PROJECT}/locations/{REGION}/queues/threads-publish"
"""The full name of the queue that publishing uses."""

TASKS_SERVICE_ACCOUNT = f"tasks@{PROJECT}.iam.gserviceaccount.com"
"""The service account in the tokens of tasks."""


class Addresses:
    """The addresses that follow from the ports."""

    def __init__(self, ports: Ports) -> None:
        """Take the ports."""
        self.ports = ports
        self.project = PROJECT
        self.queue = QUEUE
        self.app_id = APP_ID
        self.auth_host = f"{HOST}:{ports.auth}"
        self.firestore_host = f"{HOST}:{ports.firestore}"
        self.threads_url = f"http://{HOST}:{ports.threads}"
        self.tasks_host = f"{HOST}:{ports.tasks}"
        """Of the Cloud Tasks emulator: gRPC."""
        self.tasks_url = f"http://{HOST}:{ports.tasks_http}"
        """Of the Cloud Tasks emulator: controls and keys."""
        self.page_url = f"http://{HOST}:{ports.page}"
        self.functions_url = f"http://{HOST}:{ports.functions}/{PROJECT}/{REGION}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make Google's libraries use the emulators."""
        return {
            "FIREBASE_AUTH_EMULATOR_HOST": self.auth_host,
            "FIRESTORE_EMULATOR_HOST": self.firestore_host,
            "GCLOUD_PROJECT": self.project,
        }
