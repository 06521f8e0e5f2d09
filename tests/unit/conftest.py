"""Settings of this folder."""

import os
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import configuration, settings

from tests.unit.support import ENVIRONMENT

# The Functions emulator reloads whenever a file appears in the project: examples are not kept there.
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")
settings.register_profile("unit", max_examples=80, deadline=None, database=None)
settings.load_profile("unit")


@pytest.fixture(scope="session")
def app() -> ModuleType:
    """Load ``threads.app`` with a valid configuration, beside the one that other tests may have loaded."""
    path = Path(__file__).parents[2] / "threads" / "app.py"
    spec = spec_from_file_location("app_under_test", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", dict(ENVIRONMENT))
        spec.loader.exec_module(module)
    return module
