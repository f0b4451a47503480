"""The built zip, installed by Blender into a clean user folder."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installed.sessions import ROOT, blender_process, outcome


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that `make build` makes."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        pytest.skip("Blender's module is not here")
    builder = next(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    folder = tmp_path_factory.mktemp("build")
    command = [sys.executable, str(builder), "build", "--source-dir", str(ROOT), "--output-dir", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("sightline-*.zip"))


@pytest.fixture(scope="session")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user folder into which the zip was installed."""
    folder = tmp_path_factory.mktemp("installed")
    record = outcome(blender_process(folder, "install", archive))
    assert record["installed"]
    return folder


@pytest.fixture
def session(installed: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start another Blender with the installed extension."""
    return lambda *arguments: blender_process(installed, *arguments)
