"""The checkout as an extension of Blender's module, in a user folder of its own."""

import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bl_ext.user_default.sightline"

if "bpy" not in sys.modules:
    os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="sightline-test-")

bpy = pytest.importorskip("bpy")
import addon_utils  # noqa: E402

from tests.blender import made_up_scene  # noqa: E402
from tests.blender.camera_move import animate  # noqa: E402
from tests.blender.frame_sessions import WORKER  # noqa: E402


def pytest_sessionfinish() -> None:
    shutil.rmtree(os.environ["BLENDER_USER_RESOURCES"], ignore_errors=True)


@pytest.fixture(scope="session")
def user_folder() -> Path:
    return Path(os.environ["BLENDER_USER_RESOURCES"])


@pytest.fixture(scope="session")
def extension(user_folder: Path) -> Iterator[str]:
    """The name of the enabled extension's package; disabled in the end, which ends its worker."""
    link = user_folder / "extensions" / "user_default" / "sightline"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(ROOT, target_is_directory=True)
    bpy.ops.extensions.repo_refresh_all()
    assert addon_utils.enable(PACKAGE, default_set=True) is not None, "the extension could not be enabled"
    yield PACKAGE
    addon_utils.disable(PACKAGE)


@pytest.fixture
def blank(extension: str) -> None:
    """Blender's start-up scene, with the extension enabled."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)


@pytest.fixture
def cameras(blank: None) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.scene.cameras")


@pytest.fixture
def scene_module(blank: None) -> Callable[[str], ModuleType]:
    """Import a module of the enabled extension's ``scene``."""
    return lambda name: importlib.import_module(f"{PACKAGE}.scene.{name}")


@pytest.fixture
def add_source(blank: None) -> Callable[..., "bpy.types.Object"]:
    """Add a camera at x with a picture behind it to a collection."""
    return made_up_scene.add_source


@pytest.fixture
def capture(blank: None, tmp_path: Path) -> "bpy.types.Collection":
    """The made-up capture as a collection, as a photogrammetry importer would have left it, with a target between."""
    return made_up_scene.build(tmp_path)


@pytest.fixture
def blend(capture: "bpy.types.Collection", tmp_path: Path) -> Path:
    """A saved file with a target that moves."""
    animate()
    path = tmp_path / "move.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    return path


@pytest.fixture
def frame_worker(scene_module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker that makes grey frames."""
    backend = scene_module("backend")
    backend.close()
    monkeypatch.setattr(backend.WorkerClient, "module", WORKER)
    yield
    backend.close()


@pytest.fixture
def command(scene_module: Callable[[str], ModuleType], capfd) -> Callable[..., tuple[int, str, str]]:
    """Do what ``blender --command sightline`` does; return the status and what was printed and said."""

    def done(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        status = scene_module("batch").command([str(argument) for argument in arguments])
        return (status, *capfd.readouterr())

    return done
