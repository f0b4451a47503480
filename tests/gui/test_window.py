"""What a user does, in a window; every step leaves a picture in out/gui."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from tests.gui.blender import ROOT, Blender

STILL_LIFE = ROOT / "examples" / "still_life" / "transforms.json"
PERSON = ROOT / "examples" / "person" / "transforms.json"

# Seconds that a cancel may take: a worker that does not listen is ended after 10.
CANCELLED = 15.0

# Seconds that Blender may stand still while kept frames are shown.
STALL = 0.05


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
    assert facts["seconds_to_cancel"] < CANCELLED
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
    running, cancelled = (cv2.imread(str(out / f"{name}.png")) for name in ("render_running", "render_cancelled"))
    inner = slice(250, 650), slice(450, 990)
    assert np.abs(running[inner].astype(float) - cancelled[inner]).mean() < 2, "nothing had come, and nothing came"
    assert facts["seconds_to_cancel"] < CANCELLED


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
    assert facts["seconds_to_follow"] < 5
    views = [cv2.imread(str(out / f"person_{name}.png")).astype(int)[150:750, 60:880] for name in ("free", "moved")]
    changed = np.abs(views[1] - views[0]).max(axis=2) > 40
    assert 0.02 < changed.mean() < 0.8, "the person stands elsewhere"


def test_the_viewport(blender: Blender, out: Path) -> None:
    facts = blender.run("viewport", out, STILL_LIFE)["facts"]
    frame, synthesized = facts["frame"], Path(facts["synthesized"])
    assert difference(out / "viewport_solid.png", frame, synthesized) > 20
    assert difference(out / "viewport_camera_sharp.png", frame, synthesized) <= 4
    seconds = facts["viewport_camera"]
    coarse = [difference(out / f"viewport_camera_{index:02d}.png", frame, synthesized) for index in range(len(seconds))]
    first = next(index for index, levels in enumerate(coarse) if levels < 12)
    assert seconds[first] < 2, "it is in the cache"

    left, top, width, height = frame
    inner = slice(top + height // 4, top + 3 * height // 4), slice(left, left + width // 2)
    free, through = (
        cv2.imread(str(out / f"{name}.png"))[inner].astype(int)
        for name in ("viewport_free_sharp", "viewport_camera_sharp")
    )
    snapshots = [cv2.imread(str(out / f"viewport_free_{index:02d}.png"))[inner] for index in range(len(seconds))]
    assert any(picture.std() > 25 for picture in snapshots)
    assert facts["viewport_free_first"] < 5
    assert free.std() > 25 and np.abs(free - through).mean() > 10

    wide = slice(top + height // 4, top + height), slice(left, left + int(0.9 * width))  # with the capture's empty
    before, selected = (
        cv2.imread(str(out / f"viewport_{name}.png"))[wide].astype(int) for name in ("free_sharp", "selected")
    )
    outlined = np.abs(selected - before).max(axis=2) > 40
    assert outlined.sum() > 100, "what is selected has its outline"
    assert outlined.mean() < 0.01, "the picture behind it stays"


def test_the_timeline(blender: Blender, out: Path) -> None:
    shutil.rmtree(out / "timeline_files", ignore_errors=True)
    facts = blender.run("timeline", out, STILL_LIFE)["facts"]
    assert facts["stands_in"] == ["Frame 1, until 12 is made"]
    files = sorted(Path(facts["files"]).parent.glob("*.png"))
    for number, right, wrong in ((1, files[0], files[-1]), (len(files), files[-1], files[0])):
        picture = out / f"timeline_{number}.png"
        assert difference(picture, facts["frame"], right) <= 4 < difference(picture, facts["frame"], wrong)
    # A software rasteriser draws the window: how fast Blender itself plays on it is the measure, and our share of that.
    assert facts["played_rendered"]["frames_per_second"] > 0.5 * facts["played_solid"]["frames_per_second"]
    for name in ("own_scrubbed", "own_played_rendered"):
        assert facts[name]["longest"] < STALL
    assert facts["own_played_rendered"]["right"] == 1, "what is drawn is the frame that plays"
    assert facts["own_played_rendered"]["each"] < 1 / 24
