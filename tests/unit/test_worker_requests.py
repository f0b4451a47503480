"""What the worker's requests make of their parameters, in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from inference.camera import Camera
from inference.capture.depth_range import DepthRange
from inference.errors import OutputError, PictureError, SightlineError
from inference.file_stamp import read_stamp
from inference.frame import Frame
from inference.progress import Progress
from inference.view import Capture, View
from inference.worker import protocol
from inference.worker.capture_requests import import_capture
from inference.worker.failures import failure
from inference.worker.handlers import Handlers
from inference.worker.server import Context


class Listener:
    """A context and what was said through it."""

    def __init__(self, folder: Path) -> None:
        self.said: list[Mapping[str, Any]] = []
        self.context = Context(1, folder / "result-1", self.said.append)

    def texts(self, kind: str) -> list[str]:
        return [message["message"] for message in self.said if message["type"] == kind]


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    return Listener(tmp_path)


def camera(width: int = 6, height: int = 4) -> Camera:
    return Camera(width, height, 5.0, 5.0, width / 2, height / 2, np.eye(4))


@dataclass(frozen=True)
class Options:
    method: str = "convglr"
    quality: str = "full"
    sources: int | None = None


class Session:
    """Stands in for the methods: returns a frame of numbers that are all different."""

    def __init__(self) -> None:
        self.calls: list[tuple[Capture, Options]] = []
        self.unloaded = 0

    def synthesize(self, capture: Capture, target: Camera, options: Options, progress: Progress) -> Frame:
        self.calls.append((capture, options))
        progress(0.5, "halfway")
        size = (target.height, target.width)
        values = np.linspace(0, 1, 6 * size[0] * size[1], dtype=np.float32).reshape(6, *size)
        metadata = {"method": options.method, "device": "cpu", "warnings": ["only two sources"]}
        return Frame(target, np.moveaxis(values[:3], 0, -1), values[3], values[4], values[5], metadata)

    def unload(self) -> None:
        self.unloaded += 1


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    module = ModuleType("inference.synthesis")
    module.__dict__.update(Options=Options, Session=Session, METHODS=("convglr", "plane-sweep"))
    monkeypatch.setitem(sys.modules, "inference.synthesis", module)
    return Handlers()


def synthesis(tmp_path: Path, **more: Any) -> dict[str, Any]:
    capture = Capture((View("a", camera(), tmp_path / "a.png"),), points=np.ones((3, 3)))
    return {"capture": capture.to_json(), "target": camera().to_json(), **more}


def test_synthesize_gives_bottom_up_rows(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    data = handlers.synthesize(synthesis(tmp_path, options={"sources": 3}), listener.context)
    values = np.linspace(0, 1, 6 * 24, dtype=np.float32).reshape(6, 4, 6)
    assert data["rgba"].shape == (4, 6, 4) and data["rgba"].dtype == np.float32
    assert (
        data["rgba"].flags.c_contiguous and data["depth"].flags.c_contiguous and data["confidence"].flags.c_contiguous
    )
    np.testing.assert_array_equal(data["rgba"][0, 2], values[:4, 3, 2])
    np.testing.assert_array_equal(data["depth"][0], values[4, 3])
    np.testing.assert_array_equal(data["confidence"][3], values[5, 0])
    assert data["saved"] is None and data["metadata"]["method"] == "convglr"
    assert listener.texts(protocol.WARNING) == ["only two sources"]
    assert listener.texts(protocol.PROGRESS) == ["halfway"]


def test_the_session_stays_until_it_is_dropped(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    handlers.drop()
    handlers.synthesize(synthesis(tmp_path), listener.context)
    handlers.synthesize(synthesis(tmp_path, options={"method": "plane-sweep"}), listener.context)
    session = handlers._session
    assert isinstance(session, Session)
    assert [options.method for _, options in session.calls] == ["convglr", "plane-sweep"]
    assert session.calls[0][0].points is not None and session.calls[0][0].points.shape == (3, 3)
    assert handlers.unload({}, listener.context) == {} and session.unloaded == 1


def test_synthesize_saves_the_picture(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    saved = tmp_path / "deep" / "frame.png"
    data = handlers.synthesize(synthesis(tmp_path, save=str(saved)), listener.context)
    assert data["saved"] == saved
    stored = cv2.cvtColor(cv2.imread(str(saved), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    np.testing.assert_allclose(stored / 65535.0, data["rgba"][::-1], atol=1 / 65535)


def kept(tmp_path: Path, key: str = "k", **more: Any) -> dict[str, Any]:
    return synthesis(tmp_path, cache={"folder": str(tmp_path / "cache"), "key": key, "limit": 10**9}, **more)


def test_a_kept_picture_is_not_made_again(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    made = handlers.synthesize(kept(tmp_path), listener.context)
    assert "cached" not in made["metadata"]
    again = handlers.synthesize(kept(tmp_path), listener.context)
    session = handlers._session
    assert isinstance(session, Session) and len(session.calls) == 1
    assert again["metadata"] == {**made["metadata"], "cached": True}
    assert again["rgba"].dtype == np.float32
    np.testing.assert_allclose(again["rgba"], made["rgba"], atol=0.51 / 65535)
    np.testing.assert_array_equal(again["depth"], made["depth"])
    assert listener.texts(protocol.WARNING) == ["only two sources"] * 2
    handlers.synthesize(kept(tmp_path, "other"), listener.context)
    assert len(session.calls) == 2


def test_a_kept_picture_needs_no_method(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    made = handlers.synthesize(kept(tmp_path), listener.context)
    other = Handlers()
    other._resident = lambda: pytest.fail("the method is loaded")  # type: ignore[method-assign]
    again = other.synthesize(kept(tmp_path), listener.context)
    np.testing.assert_array_equal(again["depth"], made["depth"])


def test_a_damaged_picture_is_made_again(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    handlers.synthesize(kept(tmp_path), listener.context)
    (path,) = (tmp_path / "cache").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert "cached" not in handlers.synthesize(kept(tmp_path), listener.context)["metadata"]
    assert handlers.synthesize(kept(tmp_path), listener.context)["metadata"]["cached"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".exr"])
def test_a_kept_picture_is_saved_as_a_new_one(
    handlers: Handlers, listener: Listener, tmp_path: Path, suffix: str
) -> None:
    contents = []
    for name in ("new", "kept"):
        saved = tmp_path / f"{name}{suffix}"
        data = handlers.synthesize(kept(tmp_path, save=str(saved), stamp="abc"), listener.context)
        assert data["saved"] == saved and read_stamp(saved) == "abc"
        contents.append(saved.read_bytes())
    assert data["metadata"]["cached"]
    if suffix != ".exr":  # its numbers are linear light of 16 bits or of floats
        assert contents[0] == contents[1]


def test_a_picture_comes_though_it_cannot_be_kept(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    data = handlers.synthesize(kept(tmp_path, save=str(tmp_path / "a.png")), listener.context)
    assert data["rgba"].shape == (4, 6, 4) and (tmp_path / "a.png").exists()
    assert any(text.startswith("The picture is not kept") for text in listener.texts(protocol.WARNING))


def test_a_wrong_ending_is_told_before_the_work(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="must end in"):
        handlers.synthesize(synthesis(tmp_path, save=str(tmp_path / "a.tif")), listener.context)
    assert handlers._session is None


def test_a_missing_package_is_told_before_the_work(
    handlers: Handlers, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(ImportError) as caught:
        handlers.synthesize(synthesis(tmp_path, save=str(tmp_path / "a.exr")), listener.context)
    assert handlers._session is None and "'OpenEXR' is missing" in failure(caught.value, "synthesize").message
    assert handlers.synthesize(synthesis(tmp_path, save=str(tmp_path / "a.png")), listener.context)["saved"]


def test_a_relative_path_is_refused(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="relative"):
        handlers.synthesize(synthesis(tmp_path, save="frame.png"), listener.context)


def test_an_unknown_option_is_refused(handlers: Handlers, listener: Listener, tmp_path: Path) -> None:
    with pytest.raises(SightlineError, match="'colour' is not known; there are: method, quality, sources"):
        handlers.synthesize(synthesis(tmp_path, options={"colour": 1}), listener.context)


def test_info(handlers: Handlers, listener: Listener) -> None:
    data = handlers.info({}, listener.context)
    assert data["packages"]["numpy"] == np.__version__ and data["packages"]["torch"]
    assert data["methods"] == ["convglr", "plane-sweep"]
    assert data["python"]["executable"] == sys.executable
    json.dumps(data)


def test_info_of_a_worker_without_torch(
    handlers: Handlers, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "inference.synthesis", None)
    monkeypatch.setattr("importlib.metadata.version", lambda name: _absent(name))
    data = handlers.info({}, listener.context)
    assert data["methods"] == [] and set(data["packages"].values()) == {None}
    assert any("inference.synthesis" in text for text in listener.texts(protocol.WARNING))


def _absent(name: str) -> str:
    import importlib.metadata

    raise importlib.metadata.PackageNotFoundError(name)


def write_capture(folder: Path, count: int = 4, **more: Any) -> Path:
    """Write pictures of one textured wall, moved sideways, with lens distortion."""
    rng = np.random.default_rng(3)
    wall = cv2.resize(rng.integers(0, 256, (24, 48, 3), dtype=np.uint8), (256, 128), interpolation=cv2.INTER_CUBIC)
    frames = []
    for index in range(count):
        cv2.imwrite(str(folder / f"{index}.png"), wall[:96, 8 * index : 8 * index + 128])
        pose = np.diag([1.0, -1.0, -1.0, 1.0])
        pose[0, 3] = 0.2 * index
        frames.append({"file_path": f"{index}.png", "transform_matrix": pose.tolist()})
    lens = {"w": 128, "h": 96, "fl_x": 120.0, "fl_y": 120.0, "cx": 64.0, "cy": 48.0, "k1": -0.1}
    (folder / "transforms.json").write_text(json.dumps({**lens, **more, "frames": frames}))
    return folder / "transforms.json"


def test_import_prepares_pictures_for_blender(listener: Listener, tmp_path: Path) -> None:
    path = write_capture(tmp_path, depth_near=1.0, depth_far=9.0)
    data = import_capture({"path": str(path), "pictures": str(tmp_path / "out")}, listener.context)
    capture = Capture.from_json(json.loads(protocol.encode(data["capture"])))
    assert len(capture) == 4 and (capture.depth_near, capture.depth_far) == (1.0, 9.0)
    for view in capture:
        assert isinstance(view.image, Path) and view.image.parent == tmp_path / "out" and view.image.exists()
        assert view.camera.distortion is None and view.camera.fx == pytest.approx(view.camera.fy)
    report = data["report"]
    assert (report["views"], report["undistorted"], report["left_out"]) == (4, 4, {})
    assert report["depth_origin"] == "given" and listener.texts(protocol.WARNING) == []


def test_import_leaves_out_what_cannot_be_used(listener: Listener, tmp_path: Path) -> None:
    path = write_capture(tmp_path, depth_near=1.0, depth_far=9.0)
    stored = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(stored[: len(stored) // 2])
    data = import_capture({"path": str(path), "pictures": str(tmp_path / "out")}, listener.context)
    assert [view["name"] for view in data["capture"]["views"]] == ["0", "2", "3"]
    assert list(data["report"]["left_out"]) == ["1"] and len(listener.texts(protocol.WARNING)) == 1
    for index in range(4):
        (tmp_path / f"{index}.png").write_bytes(b"\x89PNG")
    with pytest.raises(PictureError):
        import_capture({"path": str(path), "pictures": str(tmp_path / "new")}, listener.context)


def test_import_without_a_depth_range_says_so(listener: Listener, tmp_path: Path) -> None:
    path = write_capture(tmp_path, count=2)
    for index in range(2):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((96, 128, 3), 90, dtype=np.uint8))
    data = import_capture({"path": str(path), "pictures": str(tmp_path / "out")}, listener.context)
    assert "depth_near" not in data["capture"] and data["report"]["depth_origin"] is None
    assert len(listener.texts(protocol.WARNING)) == 1


def test_depth_range_of_what_is_known(listener: Listener, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 6, 3), np.uint8))
    capture = Capture((View("a", camera(), tmp_path / "a.png"),), depth_near=2.0, depth_far=5.0)
    found = Handlers().depth_range({"capture": capture.to_json()}, listener.context)
    assert found == {"near": 2.0, "far": 5.0, "origin": "given"}


def test_a_second_question_for_the_depth_range_costs_nothing(
    listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inference import synthesis as module

    asked: list[Capture] = []

    def find(capture: Capture, *others: object) -> DepthRange:
        asked.append(capture)
        return DepthRange(2.0, 5.0, "triangulated")

    monkeypatch.setattr(module, "find_depth_range", find)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 6, 3), np.uint8))
    params = {"capture": Capture((View("a", camera(), tmp_path / "a.png"),)).to_json()}
    handlers = Handlers()
    wanted = {"near": 2.0, "far": 5.0, "origin": "triangulated"}
    assert [handlers.depth_range(params, listener.context) for _ in range(3)] == [wanted] * 3 and len(asked) == 1
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 6, 3), 200, np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 0])
    handlers.depth_range(params, listener.context)
    assert len(asked) == 2
    handlers.unload({}, listener.context)
    handlers.depth_range(params, listener.context)
    assert len(asked) == 3
