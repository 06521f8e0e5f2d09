"""Finds the Firestore emulator's jar, so that a machine which has one does not download another.

The Firebase CLI keeps its own copy in a cache and downloads it (137 MB) when it is missing. The
Google Cloud CLI's component ``cloud-firestore-emulator`` is the same program, but its jar names no
main class, which the CLI's ``java -jar`` needs: a jar of one manifest, put before it, does.

``python -m emulator.firestore_jar`` downloads it now, if that is needed at all.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

VARIABLE = "FIRESTORE_EMULATOR_BINARY_PATH"
"""Names the jar to the CLI (lib/emulator/downloadableEmulators.js), which then downloads nothing."""

MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"

_COMPONENT = Path("platform", "cloud-firestore-emulator", "cloud-firestore-emulator.jar")
# Where the Google Cloud CLI's packages and installers put it.
_USUAL_SDKS = (
    "~/google-cloud-sdk",
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "/opt/homebrew/share/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
)
# A manifest's lines hold 72 bytes; longer values go on in lines that begin with a space.
_MANIFEST_LINE = 72

_EMULATOR = Path(__file__).parent
_FIREBASE = _EMULATOR / "node_modules" / ".bin" / "firebase"
_DOWNLOADS = (
    _EMULATOR / "node_modules" / "firebase-tools" / "lib" / "emulator" / "downloadableEmulatorInfo.json"
)


def for_cli(jar: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return ``jar``, written for the CLI, or None to leave the matter to the CLI."""
    if VARIABLE in environ or in_cache(environ):
        return None
    component = find_component(environ)
    if component is None:
        return None
    write_manifest_jar(jar, component)
    return jar


def in_cache(environ: Mapping[str, str]) -> bool:
    """Return whether the CLI has downloaded the version that it wants."""
    downloads = json.loads(_DOWNLOADS.read_text(encoding="utf-8"))
    jar: str = downloads["firestore"]["downloadPathRelativeToCacheDir"]
    cache = environ.get("FIREBASE_EMULATORS_PATH") or "~/.cache/firebase/emulators"
    return (Path(cache).expanduser() / jar).exists()


def find_component(environ: Mapping[str, str]) -> Path | None:
    """Return the Google Cloud CLI component's jar, if this machine has it."""
    return next((jar for sdk in _sdks(environ) if (jar := sdk / _COMPONENT).is_file()), None)


def write_manifest_jar(jar: Path, component: Path) -> None:
    """Write ``jar``: nothing but a manifest that starts the emulator in ``component``."""
    lines = [
        "Manifest-Version: 1.0",
        f"Main-Class: {MAIN_CLASS}",
        *_folded(f"Class-Path: {component.resolve().as_uri()}"),
    ]
    jar.parent.mkdir(parents=True, exist_ok=True)
    # Put in place at once: another suite's Java may be reading it.
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
        subprocess.run([_FIREBASE, "setup:emulators:firestore"], check=False).returncode  # noqa: S603
    )
