"""The checkout as an extension of Blender's module, in a user folder of its own."""

import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bl_ext.user_default.sightline"

if "bpy" not in sys.modules:
    os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="sightline-test-")

bpy = pytest.importorskip("bpy")
import addon_utils  # noqa: E402


@pytest.fixture(scope="session")
def user_folder() -> Iterator[Path]:
    folder = Path(os.environ["BLENDER_USER_RESOURCES"])
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def extension(user_folder: Path) -> str:
    """The name of the enabled extension's package."""
    link = user_folder / "extensions" / "user_default" / "sightline"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(ROOT, target_is_directory=True)
    bpy.ops.extensions.repo_refresh_all()
    assert addon_utils.enable(PACKAGE, default_set=True) is not None, "the extension could not be enabled"
    return PACKAGE


@pytest.fixture
def blank(extension: str) -> None:
    """Blender's start-up scene, with the extension enabled."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)


@pytest.fixture
def cameras(blank: None) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.scene.cameras")
