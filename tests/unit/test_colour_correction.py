"""A correction of colours: what it does to pictures, and where it is applied."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.camera import Camera, Distortion
from inference.capture.photographs import Photographs, identity, load_photograph, write_rectified
from inference.colour import corrected
from inference.colour_correction import ColourCorrection
from inference.errors import PictureError
from inference.view import View

WARM = ColourCorrection((1.5, 1.0, 0.5), (0.01, 0.0, -0.01))


def srgb_of(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def view(tmp_path: Path, colour: ColourCorrection | None = WARM) -> View:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.full((6, 8, 3), 128, np.uint8))
    return View("a", Camera(8, 6, 10.0, 10.0, 4.0, 3.0, np.eye(4)), path, colour=colour)


def test_gain_and_offset_are_of_linear_light() -> None:
    linear = ((0.5 + 0.055) / 1.055) ** 2.4
    found = corrected(np.full((1, 3), 0.5, np.float32), WARM)[0]
    np.testing.assert_allclose(
        found, [srgb_of(1.5 * linear + 0.01), srgb_of(linear), srgb_of(0.5 * linear - 0.01)], atol=1e-6
    )


def test_what_is_clipped_stays_white() -> None:
    greys = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[:, None], 3, axis=1)
    for gain in (0.5, 1.0, 2.0):
        found = corrected(greys, ColourCorrection((gain,) * 3))
        np.testing.assert_allclose(found[-1], 1.0, atol=1e-6)
        assert (np.diff(found[:, 0]) >= 0).all() and np.diff(found[:, 0]).max() < 0.05


@pytest.mark.parametrize("values", [{"gain": (0.0, 1.0, 1.0)}, {"gain": (1.0, 1.0)}, {"offset": (0.0, 0.0, np.nan)}])
def test_impossible_corrections_are_refused(values: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(PictureError, match="colour correction"):
        ColourCorrection(**values)  # type: ignore[arg-type]


def test_a_correction_comes_back_from_json(tmp_path: Path) -> None:
    record = json.loads(json.dumps(view(tmp_path).to_json()))
    assert View.from_json(record).colour == WARM
    assert "colour" not in view(tmp_path, None).to_json()
    assert ColourCorrection().changes_nothing and not WARM.changes_nothing
    assert ColourCorrection((0.5, 0.5, 0.5)).stops == pytest.approx(-1)


def test_photographs_are_corrected_where_they_are_read(tmp_path: Path) -> None:
    plain = load_photograph(view(tmp_path, None))
    found = load_photograph(view(tmp_path), 0.5)
    np.testing.assert_allclose(found.rgb, corrected(plain.rgb, WARM)[:3, :4], atol=1e-6)
    photographs = Photographs()
    assert not np.allclose(photographs.get(view(tmp_path)).rgb, photographs.get(view(tmp_path, None)).rgb)
    assert len({identity(view(tmp_path, colour)) for colour in (None, WARM, ColourCorrection((2.0, 1.0, 1.0)))}) == 3


def test_files_are_written_without_it_and_keep_it_as_a_setting(tmp_path: Path) -> None:
    bent = view(tmp_path)
    bent = replace(bent, camera=replace(bent.camera, distortion=Distortion("opencv", (0.01,))))
    written = write_rectified(bent, tmp_path / "out")
    assert written.colour == WARM and isinstance(written.image, Path)
    assert (cv2.imread(str(written.image))[2:4, 3:5] == 128).all()
