"""Serves the console: its files, the client, Firebase's SDK, and what the page may do with the suite.

Everything comes from this machine, so the page works without a network. Listens on the loopback address only.
"""

import argparse
import base64
import gzip
import hashlib
import json
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import requests
from flask import Flask, Response, abort, jsonify, render_template, request, send_from_directory

from emulator.suite import pages
from emulator.suite.addresses import Addresses
from emulator.suite.journals import FunctionLines, read_journals
from emulator.suite.paths import CLIENT, EMULATOR, NODE_MODULES
from emulator.suite.ports import HOST, Ports
from emulator.suite.trouble import Trouble, UnknownTroubleError

PAGE = EMULATOR / "app"
PAGE_FILES = {".js", ".css", ".svg"}
COMPRESSION = 6
"""gzip's usual level."""

SDK = NODE_MODULES / "firebase"
SDK_MODULES = ("app", "auth", "firestore")


def create_app(suite: Addresses, *, is_sign_in_on: bool, log: Path) -> Flask:
    """Return the server.

    Args:
        suite: what the page must know about, and what it may look into and disturb.
        is_sign_in_on: whether people can sign in with Threads.
        log: what the Firebase CLI prints, where the functions write.

    """
    server = Flask(__name__, static_folder=None, template_folder=str(PAGE))
    # A name of somebody else that leads to this machine is refused (DNS rebinding).
    server.config["TRUSTED_HOSTS"] = [HOST, "localhost"]
    import_map = json.dumps({"imports": _imports()}, indent=2)
    policy = _content_security_policy(import_map, suite)
    _add_page(server, import_map)
    _add_tools(server, suite, FunctionLines(log))

    @server.get("/config.json")
    def config() -> Response:
        return jsonify(
            projectId=suite.project,
            authEmulator=f"http://{suite.auth_host}",
            firestoreEmulator={"host": HOST, "port": suite.ports.firestore},
            functionsUrl=suite.functions_url,
            threadsUrl=suite.threads_url,
            signIn=is_sign_in_on,
        )

    @server.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-cache"
        return _compressed(response)

    return server


def _compressed(response: Response) -> Response:
    """Compress a text for a browser that takes it so, as a production server does."""
    is_text = response.mimetype in {"text/html", "text/css", "text/javascript", "application/json"}
    if is_text and response.status_code == HTTPStatus.OK and request.accept_encodings.quality("gzip"):
        response.direct_passthrough = False
        response.set_data(gzip.compress(response.get_data(), COMPRESSION))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
    return response


def _add_page(server: Flask, import_map: str) -> None:
    """Serve the page's files, the client, and Firebase's modules."""

    @server.get("/")
    def page() -> str:
        return render_template("index.html", import_map=import_map)

    @server.get("/<name>")
    def page_file(name: str) -> Response:
        if Path(name).suffix not in PAGE_FILES:
            _not_found()
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

    @server.get("/docs/<name>.md")
    def documentation(name: str) -> str:
        found = pages.find(name)
        return pages.render(found) if found else _not_found()


def _add_tools(server: Flask, suite: Addresses, lines: FunctionLines) -> None:
    """Serve what the page shows of the suite's inside, and let it make trouble."""
    trouble = Trouble(suite)

    @server.get("/journals")
    def journals() -> Response:
        return jsonify(read_journals(suite, lines))

    @server.get("/trouble")
    def show_trouble() -> Response:
        return jsonify(trouble.current())

    @server.get("/trouble/errors")
    def list_errors() -> Response:
        return jsonify(trouble.catalogue())

    @server.post("/trouble")
    def make_trouble() -> Response:
        """Take ``{name, accountId?}`` from this page, and from no other one."""
        if urlsplit(request.headers.get("Origin", "")).netloc != request.host:
            abort(HTTPStatus.FORBIDDEN)
        wanted = request.get_json()
        return jsonify(trouble.make(str(wanted.get("name")), wanted.get("accountId")))

    @server.errorhandler(UnknownTroubleError)
    def answer_unknown(error: UnknownTroubleError) -> tuple[Response, int]:
        return jsonify(error=str(error)), HTTPStatus.BAD_REQUEST

    @server.errorhandler(requests.RequestException)
    def answer_silence(_error: requests.RequestException) -> tuple[Response, int]:
        return jsonify(error="An emulator does not answer."), HTTPStatus.BAD_GATEWAY


def _imports() -> dict[str, str]:
    """Map the names of Firebase's modules, and the web addresses with which they import each other."""
    version = json.loads((SDK / "package.json").read_text(encoding="utf-8"))["version"]
    imports = {f"firebase/{module}": f"/vendor/{_file(module)}" for module in SDK_MODULES}
    return imports | {f"https://www.gstatic.com/firebasejs/{version}/": "/vendor/"}


def _file(module: str) -> str:
    return f"firebase-{module}.js"


def _content_security_policy(import_map: str, suite: Addresses) -> str:
    """Allow what the page needs, which is all on this machine.

    Its only inline script is the import map, which is allowed by its hash.
    """
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    functions = f"http://{HOST}:{suite.ports.functions}"
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'sha256-{digest}'",
            "style-src 'self'",
            # The Threads emulator has the profile pictures, and the samples.
            f"img-src 'self' data: {suite.threads_url}",
            f"media-src {suite.threads_url}",
            f"connect-src 'self' http://{suite.auth_host} http://{suite.firestore_host} {functions}",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ]
    )


def _not_found() -> NoReturn:
    abort(HTTPStatus.NOT_FOUND)


def main() -> None:
    """Serve the console until the process is ended."""
    arguments = argparse.ArgumentParser(prog="python -m emulator.suite.app_server", description=main.__doc__)
    arguments.add_argument("--ports", required=True, help="the ports of the suite, as JSON")
    arguments.add_argument("--sign-in", choices=("on", "off"), required=True, help="SIGN_IN of the functions")
    arguments.add_argument("--log", type=Path, required=True, help="what the Firebase CLI prints")
    chosen = arguments.parse_args()
    suite = Addresses(Ports(**json.loads(chosen.ports)))
    server = create_app(suite, is_sign_in_on=chosen.sign_in == "on", log=chosen.log)
    server.run(host=HOST, port=suite.ports.page, threaded=True)


if __name__ == "__main__":
    main()
