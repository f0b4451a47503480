"""What a user does, in a window; every step leaves a picture in out/gui."""

from pathlib import Path

import cv2
import numpy as np

from tests.gui.blender import ROOT, Blender

STILL_LIFE = ROOT / "examples" / "still_life" / "transforms.json"


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
