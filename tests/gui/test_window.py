"""What a user does, in a window; every step leaves a picture in out/gui."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from tests.gui.blender import ROOT, Blender

STILL_LIFE = ROOT / "examples" / "still_life" / "transforms.json"
PERSON = ROOT / "examples" / "person" / "transforms.json"


def difference(shown: Path, frame: list[int], picture: Path) -> float:
    """Return by how many of 255 levels half of the pixels differ at most.

    Args:
        shown: The screen.
        frame: Where it shows the picture: left, top, width, height. Its right part lies under the sidebar.
        picture: What should show there. Lines and handles that Blender draws over it count among the other half.
    """
    left, top, width, height = frame
    part = slice(top, top + height), slice(left, left + int(0.7 * width))
    screen = cv2.imread(str(shown))[part].astype(float)
    wanted = cv2.resize(cv2.imread(str(picture)), (width, height), interpolation=cv2.INTER_AREA)
    return float(np.median(np.abs(screen - wanted[:, : screen.shape[1]])))


def test_a_view(blender: Blender, out: Path) -> None:
    facts = blender.run("view", out, STILL_LIFE)["facts"]
    assert facts["seconds_to_cancel"] < 5
    assert difference(out / "result.png", facts["frame"], Path(facts["result"])) <= 4
    assert difference(out / "undone.png", facts["frame"], Path(facts["result"])) > 20


def test_rendering(blender: Blender, out: Path) -> None:
    facts = blender.run("render", out, STILL_LIFE)["facts"]
    synthesized, full, preview = (
        cv2.imread(facts[name], cv2.IMREAD_UNCHANGED).astype(float)
        for name in ("synthesized", "rendered_full", "rendered_preview")
    )
    assert np.abs(synthesized[..., :3] / 257 - full[..., :3]).mean() < 1
    assert preview.shape == full.shape and preview[..., 3].min() == 255
    assert np.abs(preview - full).mean() < 12
    assert facts["seconds_to_cancel"] < 15  # a worker that does not listen is ended after 10


def test_an_animation(blender: Blender, out: Path) -> None:
    shutil.rmtree(out / "animation_files", ignore_errors=True)
    facts = blender.run("animation", out, STILL_LIFE)["facts"]
    first, last = (Path(facts["files"][place]) for place in (0, -1))
    number = len(facts["files"])
    assert difference(out / "animation_1.png", facts["frame"], first) <= 4
    assert difference(out / f"animation_{number}.png", facts["frame"], last) <= 4
    assert difference(out / "animation_1.png", facts["frame"], last) > 6


def test_a_person(blender: Blender, out: Path) -> None:
    facts = blender.run("person", out, PERSON)["facts"]
    assert facts["count"] > 1000
    splatted = cv2.imread(facts["rendered_splatted"], cv2.IMREAD_UNCHANGED)
    photograph = cv2.imread(str(PERSON.parent / "images" / "cam_00.png"), cv2.IMREAD_UNCHANGED)
    covered = [float(np.mean(picture[..., 3] > 127)) for picture in (splatted, photograph)]
    assert 0.5 < covered[0] / covered[1] < 2
