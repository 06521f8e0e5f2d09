"""Where the project's own files and the installed tools are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The project's folder."""

EMULATOR = ROOT / "emulator"

NODE_MODULES = EMULATOR / "node_modules"

FIREBASE = NODE_MODULES / ".bin" / "firebase"
"""The Firebase CLI."""

CLIENT = ROOT / "client" / "dist"
"""The built client."""
