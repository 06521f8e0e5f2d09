"""Settings of this folder."""

import tempfile
from pathlib import Path

from hypothesis import configuration, settings

# The Functions emulator reloads whenever a file appears in the project: examples are not kept there.
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")
settings.register_profile("unit", max_examples=80, deadline=None, database=None)
settings.load_profile("unit")
