"""Finds the jar of the Firestore emulator, so that a machine that has one does not download another.

The Firebase CLI keeps a copy in its cache, and downloads it (137 MB) if it is missing. The Google Cloud CLI's
component ``cloud-firestore-emulator`` is the same program. But its jar names no main class, which the
Firebase CLI's ``java -jar`` needs. So this module writes a small jar with only a manifest, which names the
main class and the component's jar.

``python -m emulator.suite.firestore_jar`` downloads the jar, unless the machine has one.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from emulator.suite.paths import FIREBASE, NODE_MODULES

VARIABLE = "FIRESTORE_EMULATOR_BINARY_PATH"
"""Tells the CLI where the jar is (lib/emulator/downloadableEmulators.js). It then downloads nothing."""

MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"

_COMPONENT = Path("platform", "cloud-firestore-emulator", "cloud-firestore-emulator.jar")
# Where packages and installers put the Google Cloud CLI.
_USUAL_SDKS = (
    "~/google-cloud-sdk",
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "/opt/homebrew/share/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
)
# A line of a manifest has at most 72 bytes. A longer value continues in lines that begin with a space.
_MANIFEST_LINE = 72

_DOWNLOADS = NODE_MODULES / "firebase-tools" / "lib" / "emulator" / "downloadableEmulatorInfo.json"


def for_cli(jar: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Write ``jar`` for the CLI and return it; None if the CLI finds or downloads the emulator itself."""
    if VARIABLE in environ or in_cache(environ):
        return None
    component = find_component(environ)
    if component is None:
        return None
    write_manifest_jar(jar, component)
    return jar


def in_cache(environ: Mapping[str, str]) -> bool:
    """Return whether the CLI has downloaded the version that it needs."""
    downloads = json.loads(_DOWNLOADS.read_text(encoding="utf-8"))
    jar: str = downloads["firestore"]["downloadPathRelativeToCacheDir"]
    cache = environ.get("FIREBASE_EMULATORS_PATH") or "~/.cache/firebase/emulators"
    return (Path(cache).expanduser() / jar).exists()


def find_component(environ: Mapping[str, str]) -> Path | None:
    """Return the jar of the Google Cloud CLI's component, or None."""
    return next((jar for sdk in _sdks(environ) if (jar := sdk / _COMPONENT).is_file()), None)


def write_manifest_jar(jar: Path, component: Path) -> None:
    """Write a jar with only a manifest, which starts the emulator in ``component``."""
    lines = [
        "Manifest-Version: 1.0",
        f"Main-Class: {MAIN_CLASS}",
        *_folded(f"Class-Path: {component.resolve().as_uri()}"),
    ]
    jar.parent.mkdir(parents=True, exist_ok=True)
    # Replace it in one step: the Java of another suite may be reading it.
    unfinished = jar.with_suffix(f".{os.getpid()}")
    with zipfile.ZipFile(unfinished, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "".join(f"{line}\r\n" for line in lines))
    unfinished.replace(jar)


def _sdks(environ: Mapping[str, str]) -> Iterator[Path]:
    for variable in ("CLOUDSDK_ROOT_DIR", "CLOUDSDK_ROOT"):
        if root := environ.get(variable):
            yield Path(root)
    if gcloud := shutil.which("gcloud", path=environ.get("PATH")):
        yield Path(gcloud).resolve().parent.parent
    for usual in _USUAL_SDKS:
        yield Path(usual).expanduser()


def _folded(line: str) -> Iterator[str]:
    yield line[:_MANIFEST_LINE]
    rest = line[_MANIFEST_LINE:]
    step = _MANIFEST_LINE - 1
    for start in range(0, len(rest), step):
        yield " " + rest[start : start + step]


if __name__ == "__main__":
    if VARIABLE in os.environ or in_cache(os.environ) or find_component(os.environ):
        sys.exit(0)
    sys.exit(
        subprocess.run([FIREBASE, "setup:emulators:firestore"], check=False).returncode  # noqa: S603
    )
