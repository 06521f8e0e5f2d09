"""The command and the environment of each service. Nothing is started here."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emulator.suite import firestore_jar, ports
from emulator.suite.addresses import TASKS_SERVICE_ACCOUNT, Addresses
from emulator.suite.pages import ERRORS
from emulator.suite.paths import FIREBASE, ROOT
from emulator.suite.ports import HOST, Ports
from emulator.suite.scheduler import scheduled_url

QUEUE_FLAGS = ROOT / "queue.yaml"
"""The configuration of the queue. The real queue is configured by the same file."""

DEVELOPMENT_PORTS = (3000, 3001, 4173, 4200, 4321, 5000, 5173, 5174, 8081)
"""The usual ports of development servers: Next.js, Vite, Angular, Astro, Firebase Hosting, Expo. Their
pages may call the functions of the local suite."""

NEW_CONNECTIONS = Path(__file__).with_name("new_connections.cjs")
"""The script that the Firebase CLI loads first."""

Command = list[str | Path]


def threads_emulator(suite: Addresses, *, webhooks: bool) -> Command:
    """Return the command of the Threads emulator, whose app is the functions."""
    return [
        *(sys.executable, "-m", "emulator.threads_api"),
        *("--host", HOST, "--port", str(suite.ports.threads)),
        *("--app-id", suite.app_id),
        *("--redirect-uri", f"{suite.functions_url}/th_auth_callback"),
        *("--deauthorize-url", f"{suite.functions_url}/th_deauthorize"),
        *("--delete-url", f"{suite.functions_url}/th_delete_data"),
        *("--webhook-url", f"{suite.functions_url}/th_webhook"),
        *("--webhook-field", "publish", "--webhook-field", "delete", "--strict"),
        *("--set", f"webhooks={json.dumps(webhooks)}"),
    ]


def tasks_emulator(suite: Addresses) -> Command:
    """Return the command of the Cloud Tasks emulator."""
    return [
        *(sys.executable, "-m", "emulator.cloud_tasks", "--host", HOST),
        *("--port", str(suite.ports.tasks), "--http-port", str(suite.ports.tasks_http)),
        *("--queue", suite.queue, "--queue-flags", str(QUEUE_FLAGS)),
    ]


def page_server(suite: Addresses, *, sign_in: str, log: Path) -> Command:
    """Return the command of the console's server. ``log`` is where the Firebase CLI writes."""
    return [
        *(sys.executable, "-m", "emulator.suite.app_server"),
        *("--ports", json.dumps(asdict(suite.ports))),
        *("--sign-in", sign_in, "--log", log),
    ]


def firebase(suite: Addresses, config: Path, *, functions: bool) -> Command:
    """Return the command of the Firebase CLI, which starts Auth, Firestore and the functions."""
    emulators = ["auth", "firestore"] + (["functions"] if functions else [])
    return [
        *(FIREBASE, "emulators:start", "--project", suite.project),
        *("--only", ",".join(emulators), "--config", config),
    ]


def firebase_config(chosen: Ports, *, ui: int | None = None) -> dict[str, Any]:
    """Return firebase.json with these ports. The CLI reads ports only from its config file.

    Args:
        chosen: the ports.
        ui: the port of Firebase's Emulator UI, which the CLI downloads. None: it is not started.

    """
    config: dict[str, Any] = json.loads((ROOT / "firebase.json").read_text(encoding="utf-8"))
    for name in ("auth", "firestore", "functions"):
        config["emulators"][name] = {"host": HOST, "port": asdict(chosen)[name]}
    # By default every CLI looks for these ports from the same number on, so that two suites that start
    # together would collide.
    config["emulators"]["hub"], config["emulators"]["logging"], websocket = (
        {"host": HOST, "port": port} for port in ports.free(3, besides=asdict(chosen).values())
    )
    config["emulators"]["firestore"]["websocketPort"] = websocket["port"]
    if ui is not None:
        config["emulators"]["ui"] = {"enabled": True, "host": HOST, "port": ui}
    return config


def firebase_environment(environment: Mapping[str, str], java: Path) -> dict[str, str]:
    """Return the variables for the Firebase CLI: this Java first, its script, and the Firestore jar."""
    jar = firestore_jar.for_cli(ROOT / ".emulator" / "firestore.jar")
    script = f"--require={json.dumps(str(NEW_CONNECTIONS))}"
    return {
        "PATH": os.pathsep.join([str(java.parent), environment.get("PATH", os.defpath)]),
        "NODE_OPTIONS": f"{environment.get('NODE_OPTIONS', '')} {script}".strip(),
        **({} if jar is None else {firestore_jar.VARIABLE: str(jar)}),
    }


def functions_environment(suite: Addresses) -> dict[str, str]:
    """Return the configuration of the functions. The Functions emulator passes its variables on to them."""
    return {
        "THREADS_APP_ID": suite.app_id,
        "THREADS_REDIRECT_URI": f"{suite.functions_url}/th_auth_callback",
        "THREADS_AUTHORIZE_URL": f"{suite.threads_url}/oauth/authorize",
        "THREADS_GRAPH_URL": suite.threads_url,
        # As the README recommends, and with everything switched on.
        "CONNECT_MODE": "confirm",
        "SIGN_IN": "on",
        "PUBLISH_QUEUE": suite.queue,
        "PUBLISH_URL": f"{suite.functions_url}/publish_threads",
        "REFRESH_URL": scheduled_url(suite, "th_refresh_tokens"),
        "UPKEEP_URL": scheduled_url(suite, "th_upkeep"),
        "TASKS_SERVICE_ACCOUNT": TASKS_SERVICE_ACCOUNT,
        "TASKS_ISSUER": suite.tasks_url,
        "TASKS_CERTS_URL": f"{suite.tasks_url}/certs",
        "TASKS_API_URL": f"http://{suite.tasks_host}",
        "ERRORS_URL": f"{suite.page_url}/{ERRORS}",
        "ALLOWED_ORIGINS": ",".join(_origins(suite.ports.page, *DEVELOPMENT_PORTS)),
    }


def _origins(*ports: int) -> list[str]:
    return [f"http://{host}:{port}" for port in ports for host in (HOST, "localhost")]


def no_proxy() -> dict[str, str]:
    """Return the variables that keep calls on this machine away from a proxy."""
    return {"NO_PROXY": f"{HOST},localhost", "no_proxy": f"{HOST},localhost"}
