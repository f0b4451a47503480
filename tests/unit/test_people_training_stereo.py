"""Stereo errors on pairs whose flow is known: of a ring around a ball, and of a shifted picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from inference.capture import write_transforms
from inference.errors import CaptureError
from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from inference.picture_output import write_picture
from inference.view import Capture, View
from tests.unit.people_examples import ball, camera_at
from training.gps_gaussian.stereo_error import StereoError, real_error, ring_error, stereo_table


@pytest.fixture(scope="module")
def network() -> GPSGaussian:
    """One whose stereo adds half a pixel to every flow."""
    torch.manual_seed(0)
    made = GPSGaussian(NetworkConfig()).eval()
    head = made.raft_stereo.update_module.update_block.flow_head.conv2
    # A third of a sixteenth of a cell in each of the three steps.
    torch.nn.init.constant_(head.bias, 1 / 48)
    return made


def test_a_ring_s_pairs_are_measured_without_its_middle_views(network: GPSGaussian, tmp_path: Path) -> None:
    (tmp_path / "depth").mkdir()
    views = []
    for name, azimuth in {"cam_00": 0.0, "cam_01": 15.0, "cam_02": 30.0, "mid_00": 7.5}.items():
        picture = ball(camera_at(azimuth))
        write_picture(tmp_path / f"{name}.png", picture.rgb, picture.mask, bits=8)
        if not name.startswith("mid"):
            np.save(tmp_path / "depth" / f"{name}.npy", picture.depth)
        views.append(View(name, picture.camera, tmp_path / f"{name}.png"))
    write_transforms(Capture(tuple(views)), tmp_path / "transforms.json")
    error = ring_error(tmp_path, network, 192)
    assert error.name == tmp_path.name
    assert error.guided < 0.3
    assert error.network == pytest.approx(0.5, abs=error.guided)
    # Two pairs of two views.
    assert error.pixels > 4 * 0.5 * (picture.mask > 0).sum()
    (tmp_path / "depth" / "cam_01.npy").unlink()
    with pytest.raises(CaptureError, match="cam_01"):
        ring_error(tmp_path, network, 192)


def test_a_real_pair_is_measured_where_its_truth_is_known(network: GPSGaussian, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    scene = cv2.GaussianBlur(random.random((100, 160, 3), np.float32), (0, 0), 1.2)
    scene = np.round(255 * (scene - scene.min()) / np.ptp(scene)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "left.png"), scene[:, 12:142])
    cv2.imwrite(str(tmp_path / "right.png"), scene[:, 18:148])
    truth = np.full((100, 130), 6.0, np.float32)
    truth[:, :20] = np.nan
    truth[0, 50], truth[0, 51] = 3.0, 12.0
    np.save(tmp_path / "disparity_left.npy", truth)
    error = real_error(tmp_path, network)
    assert error.guided < 0.05
    assert error.network == pytest.approx(0.5, abs=0.05)
    assert error.pixels == 100 * 110
    with pytest.raises(CaptureError, match="disparity_left"):
        real_error(tmp_path / "nowhere", network)


def test_table_names_what_was_measured() -> None:
    table = stereo_table([StereoError("ring", 0.25, 0.125, 1000)])
    assert table.splitlines()[-1] == "| ring | 0.250 | 0.125 | 1000 |"
