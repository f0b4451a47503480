"""The built zip, installed by Blender into a clean user folder."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installed.sessions import ROOT, blender_process, outcome


@pytest.fixture(scope="session")
def archive() -> Iterator[Path]:
    """The zip that `make build` makes."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        pytest.skip("Blender's module is not here")
    builder = next(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    folder = Path(tempfile.mkdtemp(prefix="sightline-build-"))
    command = [sys.executable, str(builder), "build", "--source-dir", str(ROOT), "--output-dir", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    yield next(folder.glob("sightline-*.zip"))
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def installed(archive: Path) -> Iterator[Path]:
    """The user folder into which the zip was installed."""
    folder = Path(tempfile.mkdtemp(prefix="sightline-installed-"))
    record = outcome(blender_process(folder, "install", archive))
    assert record["installed"]
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def session(installed: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start another Blender with the installed extension."""
    return lambda *arguments: blender_process(installed, *arguments)
