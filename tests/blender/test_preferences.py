"""The page in the preferences, what it asks the worker, the self-test and the diagnostics."""

import getpass
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest

from tests.blender.test_panels import Recorder

Scene = Callable[[str], ModuleType]


class Page(Recorder):
    """A recorder whose operators take properties."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        call = super().__getattr__(name)
        if name == "operator":
            return lambda *arguments, **options: (call(*arguments, **options), SimpleNamespace())[1]
        return lambda *arguments, **options: (call(*arguments, **options), Page(self.seen))[1]


@pytest.fixture
def own(blank: None, extension: str, tmp_path: Path) -> "Iterator[bpy.types.AddonPreferences]":
    """The preferences, with the backend's folder in a place of the test's."""
    preferences = bpy.context.preferences.addons[extension].preferences
    preferences.backend_folder = str(tmp_path / "backend")
    yield preferences
    for name in ("backend_folder", "backend_python", "wheel_folder", "accelerator", "show_backend", "show_weights"):
        preferences.property_unset(name)
    preferences.weights_folders.clear()


@pytest.fixture
def working(own: object, scene_module: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This Python runs the worker, whose packages it has."""
    backend = scene_module("backend")
    monkeypatch.setenv(backend.PYTHON_VARIABLE, sys.executable)
    backend.close()
    yield
    backend.close()
    scene_module("machine").forget()


@pytest.fixture
def page(own: "bpy.types.AddonPreferences") -> Callable[[], str]:
    """Draw the page; return all it shows."""

    def draw() -> str:
        seen: list[str] = []
        context = SimpleNamespace(
            preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)), region=SimpleNamespace(width=2000)
        )
        type(own).draw(SimpleNamespace(layout=Page(seen), **_values(own)), context)
        return "\n".join(seen)

    return draw


def _values(own: "bpy.types.AddonPreferences") -> dict[str, object]:
    """Return the properties of the preferences under their names, with their types for the recorder."""
    names = [prop.identifier for prop in own.bl_rna.properties if prop.identifier != "rna_type"]
    return {"bl_rna": own.bl_rna} | {name: getattr(own, name) for name in names}


def test_missing(page, scene_module: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = scene_module("backend")
    monkeypatch.delenv(backend.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(backend, "WORKER_PACKAGES", ("no_such_package",))
    backend.forget()
    text = page()
    assert "The backend is not installed" in text and "sightline.install_backend" in text
    assert "to download" in text and "on the disk" in text, "the costs are shown before anything is fetched"
    backend.forget()


def test_devices_packages_and_the_way_to_splat(working: None, page, scene_module: Scene) -> None:
    assert "press Find Devices" in page()
    assert bpy.ops.sightline.find_devices() == {"FINISHED"}
    text = page()
    assert "CPU, " in text and "torch 2." in text and "Gaussians are splatted by" in text
    assert "set by SIGHTLINE_PYTHON" in text and "torch" not in sys.modules


def test_devices_in_words(working: None, scene_module: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = scene_module("machine")
    cuda = {"name": "cuda", "label": "NVIDIA X", "memory": 24 * 10**9, "capability": "8.9", "driver": "570.1"}
    cpu = {"name": "cpu", "label": "CPU, 8 threads", "memory": None, "capability": "", "driver": ""}
    monkeypatch.setattr(machine, "found", lambda: {"devices": [cuda, cpu]})
    assert machine.device_lines() == [
        "CUDA: NVIDIA X, 24.0 GB, compute capability 8.9, driver 570.1",
        "CPU, 8 threads",
    ]


def test_self_test_passes_and_is_shown(working: None, page) -> None:
    assert bpy.ops.sightline.self_test() == {"FINISHED"}
    sentence = bpy.context.window_manager.sightline.facts
    assert sentence.startswith("Self-test passed in ") and "on cpu: Plane Sweep 4" in sentence and "ConvGLR" in sentence
    assert sentence in page()


@pytest.mark.parametrize("fault", ["a shift", "a hole"])
def test_self_test_sees_faults(working: None, scene_module: Scene, fault: str) -> None:
    """A picture from one pixel aside, and one with a hole, do not pass."""
    test = scene_module("self_test")
    rgb = test.picture(test.TARGET)
    rgba = np.concatenate([rgb, np.ones((*rgb.shape[:2], 1))], axis=-1).astype(np.float32)
    assert test._judged("It", rgba) > 60
    if fault == "a shift":
        rgba = np.roll(rgba, 1, axis=1)
    else:
        rgba[:10, :, 3] = 0
    with pytest.raises(scene_module("backend").BackendError, match=r"It makes wrong pictures .* dB"):
        test._judged("It", rgba)


def test_diagnostics_name_no_people_and_no_machines(
    working: None, scene_module: Scene, own, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = scene_module("diagnostics")
    monkeypatch.setattr(getpass, "getuser", lambda: "jane.doe")
    monkeypatch.setattr(platform, "node", lambda: "render-07.studio.example")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/jane.doe"))
    own.wheel_folder = "/home/jane.doe/wheels"
    scene_module("error_log").remember("Installing", "It failed on RENDER-07 in '/srv/Jane.Doe/x' for jane.doe.")
    bpy.ops.sightline.find_devices()
    root = scene_module("backend").backend_root()
    root.mkdir(parents=True)
    (root / "install.log").write_text("Looking in /home/jane.doe-two and /home/jane.doe/pip\n")
    text = told.diagnostics()
    assert "jane" not in text.lower().replace("jane.doe-two", "") and "render-07" not in text.lower()
    assert "wheels '<home>/wheels'" in text and "in '/srv/<user>/x' for <user>." in text and "on <host> in" in text
    assert "/home/jane.doe-two and <home>/pip" in text, "only the whole name is masked"
    for fact in ("Sightline 0", f"Blender {bpy.app.version_string}", "Package: torch 2", "Device: CPU", "Last errors:"):
        assert fact in text
    assert "Weights: convglr-guided 5a10" in text and "Worker's log:" in text


def test_copy_diagnostics(working: None, scene_module: Scene) -> None:
    assert bpy.ops.sightline.copy_diagnostics() == {"FINISHED"}
    if not bpy.app.background:
        assert bpy.context.window_manager.clipboard.startswith("Sightline ")


def test_weights_of_further_folders(working: None, own, page, scene_module: Scene, tmp_path: Path) -> None:
    files = scene_module("weight_files")
    shipped = Path(__file__).parents[2] / "inference" / "weights" / "convglr-guided.safetensors"
    folder = tmp_path / "my weights"
    folder.mkdir()
    (folder / "ours.safetensors").write_bytes(shipped.read_bytes())
    (folder / "official.pth").write_bytes(b"\x80\x04.")
    (folder / "noise.safetensors").write_bytes(b"\xff" * 64)
    user = scene_module("backend").user_folder("weights", create=True)
    (user / "mine.safetensors").write_bytes(shipped.read_bytes())
    try:
        bpy.ops.sightline.add_weights_folder()
        own.weights_folders[0].folder = str(folder)
        own.show_weights = True
        text = page()
        assert "Weights: convglr-guided, gps-gaussian, mine, ours" in text
        assert "ours: convglr, 1.6 MB, GPL-3.0-or-later, named here" in text and "user folder" in text
        assert "Trained on synthetic scenes" in text and "sightline.open_card" in text
        assert (
            "'official.pth' is not read: only safetensors files are" in text
            and "noise.safetensors' have no rec" in text
        )
        # The worker finds them too.
        client = scene_module("backend").client()
        told = client.wait(client.submit("info", {}), timeout=60)
        assert {"mine", "ours", "convglr-guided"} <= {entry["name"] for entry in told["weights"]}
        bpy.ops.sightline.remove_weights_folder(index=0)
        assert "ours" not in page()
    finally:
        (user / "mine.safetensors").unlink()
        files.forget()


def test_only_known_cards_are_opened(own, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no card"):
        bpy.ops.sightline.open_card(card=str(tmp_path))


def test_the_backend_outlives_an_update_of_the_extension(own, scene_module: Scene) -> None:
    backend = scene_module("backend")
    own.backend_folder = ""
    for folder in (backend.backend_root(), backend.user_folder("cache"), backend.user_folder("weights")):
        assert ".user" in folder.parts and not folder.is_relative_to(backend.ROOT)


def test_the_page_is_drawn_in_a_moment(working: None, own, page) -> None:
    """Files are looked at; none is read whole, nothing is started."""
    own.show_backend = own.show_weights = True
    page()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        page()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05, times
