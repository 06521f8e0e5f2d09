"""What `firebase deploy` does with this folder, asked of the CLI's own code."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from emulator.suite.addresses import REGION
from emulator.suite.paths import ROOT

FIREBASE_TOOLS = ROOT / "emulator" / "node_modules" / "firebase-tools" / "lib"
MADE_BY_HAND_OR_RUN = (
    ".env.local",
    ".env.demo-threads",
    ".secret.local",
    ".firebase-9099.json",
    ".firebaserc",
    ".emulator/run/firebase.log",
    ".git/config",
    ".hypothesis/x",
    ".venv/x.py",
    "__pycache__/main.cpython-311.pyc",
    "threads/__pycache__/app.cpython-311.pyc",
    "firebase-debug.log",
    "firebase-debug.1.log",
    "firestore-debug.log",
    "node_modules/x/index.js",
    "venv/lib/x.py",
    "emulator/x.py",
    "tests/x.py",
    "docs/x.txt",
    "serviceAccountKey.json",
    "my-app-firebase-adminsdk-abc.json",
    "key.pem",
    "settings.py",
    "data.sqlite",
    "threads/serviceAccountKey.json",
    "threads/base/key.pem",
    "threads/notes.txt",
    "scripts/main.sh",
)
"""What must stay on this machine, whoever has put it there: the list of what is uploaded allows, and does not
forbid."""


def ask_cli(script: str, *arguments: str | Path) -> Any:
    """Run JavaScript with the CLI's code as ``lib(path)``, and return the JSON that it answers."""
    source = f"""
        const lib = (path) => require({json.dumps(str(FIREBASE_TOOLS))} + "/" + path);
        const answer = async () => {{ {script} }};
        answer().then((value) => console.log(JSON.stringify(value)));
    """
    command = ["node", "-e", source, *map(str, arguments)]
    answer = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)  # noqa: S603
    return json.loads(answer.stdout)


@pytest.fixture(params=["checkout", "threads"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a folder with the sources, everything else that lies beside them, and what a run makes."""
    tmp_path = tmp_path / request.param  # whatever the folder is called
    tmp_path.mkdir()
    for path in ROOT.iterdir():
        if path.is_dir():
            (tmp_path / path.name).mkdir()
            (tmp_path / path.name / "decoy.txt").touch()
        else:
            shutil.copy(path, tmp_path)
    shutil.rmtree(tmp_path / "threads")
    shutil.copytree(ROOT / "threads", tmp_path / "threads", ignore=shutil.ignore_patterns("__pycache__"))
    for name in MADE_BY_HAND_OR_RUN:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_only_the_functions_are_uploaded(folder: Path) -> None:
    """No secret, environment, test or emulator leaves this machine, whatever else lies in the folder."""
    [functions] = json.loads((ROOT / "firebase.json").read_text())["functions"]
    archive = ask_cli(
        """
        const [path, config] = process.argv.slice(1);
        const { prepareFunctionsUpload } = lib("deploy/functions/prepareFunctionsUpload");
        const { pathToSource } = await prepareFunctionsUpload(path, path, JSON.parse(config), []);
        require("fs").copyFileSync(pathToSource, path + ".zip"); // the CLI deletes its own with its end
        return path + ".zip";
        """,
        folder,
        json.dumps(functions),
    )
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "threads").rglob("*.py")}
    assert {*zipfile.ZipFile(archive).namelist()} == {
        "main.py",
        "requirements.txt",
        "functions.yaml",
        *sources,
    }


def test_the_cli_takes_the_folder_for_python_and_finds_the_functions() -> None:
    """functions.yaml is read as it is meant, and no package.json makes the CLI expect Node functions."""
    [functions] = json.loads((ROOT / "firebase.json").read_text())["functions"]
    found = ask_cli(
        """
        const [sourceDir, runtime] = process.argv.slice(1);
        const context = { projectId: "demo-threads", projectDir: sourceDir, sourceDir, runtime };
        const delegate = await lib("deploy/functions/runtimes").getRuntimeDelegate(context);
        return { language: delegate.language, endpoints: (await delegate.discoverBuild({}, {})).endpoints };
        """,
        ROOT,
        functions["runtime"],
    )
    assert found["language"] == "python"
    assert {"th_auth_start", "th_auth_callback", "publish_threads", "th_accounts"} <= found[
        "endpoints"
    ].keys()
    for name, endpoint in found["endpoints"].items():
        assert endpoint["entryPoint"] == name
        assert endpoint["region"] == [REGION]


def test_the_lock_file_names_no_registry() -> None:
    """The installation uses the registry of the user's npm configuration."""
    packages = json.loads((ROOT / "emulator" / "package-lock.json").read_text())["packages"]
    assert len(packages) > 100
    assert [name for name, package in packages.items() if "resolved" in package] == []
