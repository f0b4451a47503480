"""Every format comes into Blender and leaves it again with the same cameras."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.made_up import write_capture
from tests.shared_data import ROOT

Scene = Callable[[str], ModuleType]

FORMATS = (
    *("COLMAP", "COLMAP, text", "transforms.json", "IDR", "LLFF", "MVSNet", "Meshroom", "Metashape", "Middlebury"),
    *("OpenCV", "OpenMVG", "OpenSfM", "RealityScan CSV", "RealityScan XMP", "Strecha"),
)


def library(*arguments: object) -> Any:
    """Ask a process of its own: pycolmap and OpenCV stay out of this one."""
    command = [sys.executable, "-m", "tests.unit.capture_library", *map(str, arguments)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    return library("write", tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def truths(samples: dict[str, dict[str, str]]) -> dict[str, Any]:
    read = library("read", *(sample["folder"] for sample in samples.values()))
    return dict(zip(samples, read, strict=True))


def poses(record: dict[str, Any]) -> np.ndarray:
    return np.array([view["camera"]["world_to_camera"] for view in record["views"]])


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[float, float, float]:
    """The largest in intrinsics (pixels), in orientation (radians), and in place (by the size of the scene)."""
    assert len(before["views"]) == len(after["views"])
    ours, theirs = poses(before), poses(after)
    nearest = np.abs(ours[:, None] - theirs[None]).max(axis=(2, 3)).argmin(axis=1)
    assert sorted(nearest) == list(range(len(ours)))
    pixels = 0.0
    for view, index in zip(before["views"], nearest, strict=True):
        other = after["views"][index]["camera"]
        assert "distortion" not in other
        assert (other["width"], other["height"]) == (view["camera"]["width"], view["camera"]["height"])
        pixels = max(pixels, *(abs(view["camera"][key] - other[key]) for key in ("fx", "fy", "cx", "cy")))
    theirs = theirs[nearest]
    turned = float(np.abs(ours[:, :3, :3] - theirs[:, :3, :3]).max())
    centres, moved = (-np.einsum("nji,nj->ni", p[:, :3, :3], p[:, :3, 3]) for p in (ours, theirs))
    # The most that cameras are apart; what they look at is farther, but known of some formats only.
    size = max(np.linalg.norm(centres[:, None] - centres[None], axis=-1).max(), before.get("depth_far", 0.0))
    return pixels, turned, float(np.abs(centres - moved).max() / size)


def export(kind: str, folder: Path) -> Path:
    if kind == "colmap":
        assert bpy.ops.sightline.export_colmap(directory=str(folder)) == {"FINISHED"}
        return folder
    assert bpy.ops.sightline.export_transforms(filepath=str(folder / "transforms.json")) == {"FINISHED"}
    return folder / "transforms.json"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_comes_back(blank, samples, truths, tmp_path: Path, scene_module: Scene, name: str) -> None:
    assert set(samples) == set(FORMATS)
    bpy.context.scene.sightline.output_folder = str(tmp_path / "pictures")
    path = Path(samples[name]["path"])
    if path.is_file():
        assert path.suffix in scene_module("captures").ENDINGS, "the file browser does not show it"
    assert bpy.ops.sightline.import_capture(filepath=str(path)) == {"FINISHED"}
    known = bpy.context.scene.sightline.capture.sightline
    assert known.format == samples[name]["format"] and known.report.startswith(f"{len(truths[name]['views'])} cameras")
    read = library("read", export("transforms", tmp_path / "t"), export("colmap", tmp_path / "c"))
    for kind, after in zip(("transforms.json", "COLMAP"), read, strict=True):
        pixels, turned, moved = differences(truths[name], after)
        print(f"{name} -> {kind}: {pixels:.1e} px, {turned:.1e} rad, {moved:.1e} of the size")
        assert pixels <= 0.01 and turned <= 1e-6 and moved <= 1e-6
        points = truths[name].get("points")
        assert (points is None) == ("points" not in after)
        if points is not None:
            found = np.sort(after["points"], axis=0)
            assert np.abs(np.sort(points, axis=0) - found).max() <= 1e-6 * np.abs(points).max()
        for view in after["views"]:
            assert Path(view["image"]).is_file()


def test_it_leaves_as_it_stands(blank, tmp_path: Path) -> None:
    """Moved and scaled with its empty, without what is switched off."""
    bpy.context.scene.sightline.output_folder = str(tmp_path / "pictures")
    before = library("read", write_capture(tmp_path / "c"))[0]
    bpy.ops.sightline.import_capture(filepath=str(tmp_path / "c"))
    collection = bpy.context.scene.sightline.capture
    empty = next(obj for obj in collection.objects if obj.type == "EMPTY")
    empty.location, empty.rotation_euler, empty.scale = (3, -2, 7), (0.4, 1.0, -2), (2, 2, 2)
    bpy.context.view_layer.update()
    matrix = np.array(empty.matrix_world)
    collection.objects["view_2"].data.sightline.enabled = False
    after = library("read", export("transforms", tmp_path / "out"))[0]
    views = [view for view in before["views"] if view["name"] != "view_2"]
    for view in views:
        pose = matrix @ np.linalg.inv(view["camera"]["world_to_camera"])
        pose[:3, :3] /= 2
        view["camera"]["world_to_camera"] = np.linalg.inv(pose).tolist()
    pixels, turned, moved = differences({"views": views}, after)
    assert pixels <= 0.01 and turned <= 1e-6 and moved <= 2e-6
    # Scaling changes depths, so the range that was found does not count any longer.
    assert "depth_near" in before and "depth_near" not in after


def test_what_is_in_the_way_is_said(blank, tmp_path: Path) -> None:
    bpy.context.scene.sightline.output_folder = str(tmp_path / "pictures")
    assert not bpy.ops.sightline.export_colmap.poll()
    bpy.ops.sightline.import_capture(filepath=str(write_capture(tmp_path / "c")))
    with pytest.raises(RuntimeError, match="choose where to write"):
        bpy.ops.sightline.export_transforms()
    (tmp_path / "out" / "images").mkdir(parents=True)
    (tmp_path / "out" / "images" / "view_0.png").write_bytes(b"somebody's")
    with pytest.raises(RuntimeError, match="is there already and another picture"):
        bpy.ops.sightline.export_colmap(directory=str(tmp_path / "out"))
    assert not (tmp_path / "out" / "sparse").exists()
