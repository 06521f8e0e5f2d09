"""Serves the demo page: its files, the client, Firebase's SDK, and the addresses of the suite.

Everything comes from this machine, so the page works without a network. Listens on the loopback address only.
"""

import argparse
import base64
import hashlib
import json
from http import HTTPStatus
from typing import NoReturn
from urllib.parse import urlsplit

from flask import Flask, Response, abort, jsonify, render_template, send_from_directory

from emulator.suite.paths import CLIENT, EMULATOR, NODE_MODULES
from emulator.suite.ports import HOST

PAGE = EMULATOR / "app"
SDK = NODE_MODULES / "firebase"
SDK_MODULES = ("app", "auth", "firestore")


def create_app(
    *, project: str, auth_url: str, firestore_port: int, functions_url: str, is_sign_in_on: bool
) -> Flask:
    """Return the server. The arguments are what the page must know about the suite."""
    server = Flask(__name__, static_folder=None, template_folder=str(PAGE))
    import_map = json.dumps({"imports": _imports()}, indent=2)
    functions = urlsplit(functions_url)
    policy = _content_security_policy(
        import_map, auth_url, f"http://{HOST}:{firestore_port}", f"{functions.scheme}://{functions.netloc}"
    )

    @server.get("/")
    def page() -> str:
        return render_template("index.html", import_map=import_map)

    @server.get("/<any('app.js', 'view.js', 'style.css', 'icon.svg'):name>")
    def page_file(name: str) -> Response:
        return send_from_directory(PAGE, name)

    @server.get("/vendor/<name>")
    def sdk_file(name: str) -> Response:
        if name not in {_file(module) for module in SDK_MODULES}:
            _not_found()
        return send_from_directory(SDK, name)

    @server.get("/client/<path:name>")
    @server.get("/client/example/", defaults={"name": "example/index.html"})
    def client_file(name: str) -> Response:
        return send_from_directory(CLIENT, name)

    @server.get("/config.json")
    def config() -> Response:
        return jsonify(
            projectId=project,
            authEmulator=auth_url,
            firestoreEmulator={"host": HOST, "port": firestore_port},
            functionsUrl=functions_url,
            signIn=is_sign_in_on,
        )

    @server.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-cache"
        return response

    return server


def _imports() -> dict[str, str]:
    """Map the names of Firebase's modules, and the web addresses with which they import each other."""
    version = json.loads((SDK / "package.json").read_text(encoding="utf-8"))["version"]
    imports = {f"firebase/{module}": f"/vendor/{_file(module)}" for module in SDK_MODULES}
    return imports | {f"https://www.gstatic.com/firebasejs/{version}/": "/vendor/"}


def _file(module: str) -> str:
    return f"firebase-{module}.js"


def _content_security_policy(import_map: str, *services: str) -> str:
    """Allow what the page needs. Its only inline script is the import map, which is allowed by its hash."""
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'sha256-{digest}'",
            "style-src 'self'",
            # Profile pictures and previews are on other servers.
            "img-src 'self' data: http: https:",
            f"connect-src 'self' {' '.join(services)}",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ]
    )


def _not_found() -> NoReturn:
    abort(HTTPStatus.NOT_FOUND)


def main() -> None:
    """Serve the demo page until the process is ended."""
    arguments = argparse.ArgumentParser(prog="python -m emulator.suite.app_server", description=main.__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--project", required=True)
    arguments.add_argument("--auth-port", type=int, required=True)
    arguments.add_argument("--firestore-port", type=int, required=True)
    arguments.add_argument("--functions-url", required=True)
    arguments.add_argument("--sign-in", choices=("on", "off"), required=True, help="SIGN_IN of the functions")
    chosen = arguments.parse_args()
    server = create_app(
        project=chosen.project,
        auth_url=f"http://{HOST}:{chosen.auth_port}",
        firestore_port=chosen.firestore_port,
        functions_url=chosen.functions_url,
        is_sign_in_on=chosen.sign_in == "on",
    )
    server.run(host=HOST, port=chosen.port, threaded=True)


if __name__ == "__main__":
    main()
