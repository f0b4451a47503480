"""``python -m inference splat``."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from inference.__main__ import main
from inference.gaussian_ply import write_gaussians
from inference.splatting import rasterize
from tests.unit.test_splatting import camera_at, cloud

OPENCV_TO_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def cameras_file(folder: Path, **changes: object) -> Path:
    camera = camera_at()
    frame = {
        "file_path": "images/one.png",
        "transform_matrix": (camera.camera_to_world @ OPENCV_TO_OPENGL).tolist(),
        **{"w": camera.width, "h": camera.height, "fl_x": camera.fx, "fl_y": camera.fy},
        **{"cx": camera.cx, "cy": camera.cy},
        **changes,
    }
    path = folder / "cameras.json"
    path.write_text(json.dumps({"frames": [{k: v for k, v in frame.items() if v is not None}]}))
    return path


def test_pictures_are_written(tmp_path: Path) -> None:
    gaussians = cloud(3, 200, 1, size=0.1)
    write_gaussians(tmp_path / "cloud.ply", gaussians)
    out = tmp_path / "out"
    assert (
        main(["splat", str(tmp_path / "cloud.ply"), "--cameras", str(cameras_file(tmp_path)), "--out", str(out)]) == 0
    )
    [path] = out.iterdir()
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None and picture.shape == (50, 70, 4) and picture.dtype == np.uint16
    expected = rasterize(gaussians, camera_at())
    alpha = picture[..., 3] / 65535
    assert np.abs(alpha - expected.alpha).max() < 1e-3
    low = (expected.rgb <= expected.alpha[..., None]).all(axis=2)  # brighter colours are cut at white
    assert np.abs(picture[..., 2::-1] / 65535 * alpha[..., None] - expected.rgb)[low].max() < 2e-3


def test_faults_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_gaussians(tmp_path / "cloud.ply", cloud(3, 5))
    out = str(tmp_path / "out")
    missing = ["splat", str(tmp_path / "nowhere.ply"), "--cameras", str(cameras_file(tmp_path)), "--out", out]
    assert main(missing) == 1 and "nowhere.ply" in capsys.readouterr().err
    sizeless = cameras_file(tmp_path, w=None)
    assert main(["splat", str(tmp_path / "cloud.ply"), "--cameras", str(sizeless), "--out", out]) == 1
    assert "one.png" in capsys.readouterr().err
    if not torch.cuda.is_available():
        on_gpu = ["splat", str(tmp_path / "cloud.ply"), "--cameras", str(cameras_file(tmp_path)), "--out", out]
        assert main([*on_gpu, "--device", "cuda"]) == 1 and "'cuda' is not there" in capsys.readouterr().err
