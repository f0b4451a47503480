"""Rigs of small cameras around a striped ball, in place of a person: quick to make, and its truth is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.camera import Camera
from inference.frame import Frame
from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from inference.gps_gaussian.regressor import OPAQUE, PixelGaussians
from inference.gps_gaussian.weights import save_network
from inference.view import Capture, View
from tests.unit.people_examples import CENTRE, RADIUS, ball
from tests.unit.stereo_rigs import on_ring

DISTANCE = 20.0
AZIMUTHS = tuple(range(0, 360, 45))
Array = np.ndarray[Any, Any]


def camera_at(azimuth: float, **changes: Any) -> Camera:
    """A small camera on the ring around the ball, in which the ball is about 140 pixels wide."""
    values = {"width": 160, "height": 168, "fx": 340.0, "fy": 340.0, "cx": 80.0, "cy": 84.0}
    return on_ring(azimuth, DISTANCE, 3.0, CENTRE, **(values | changes))


def view_of(camera: Camera, name: str) -> View:
    """The ball as a camera sees it, with its mask."""
    picture = ball(camera)
    return View(name, camera, picture.rgb, picture.mask)


def ring(azimuths: Iterable[float] = AZIMUTHS) -> Capture:
    """A capture of cameras on the ring, named by their azimuths."""
    return Capture(tuple(view_of(camera_at(azimuth), f"at_{azimuth:g}") for azimuth in azimuths))


def exchanged(capture: Capture, name: str, **changes: Any) -> Capture:
    """The capture with one view changed."""
    views = (replace(view, **changes) if view.name == name else view for view in capture)
    return replace(capture, views=tuple(views))


def scaled(camera: Camera, scale: float) -> Camera:
    """The camera in a scene that is ``scale`` times as large."""
    pose = camera.world_to_camera.copy()
    pose[:3, 3] *= scale
    return replace(camera, world_to_camera=pose)


def untrained_weights(folder: Path, guided: bool = True) -> str:
    """A weights file; guided and untrained, the network passes the classical start on."""
    torch.manual_seed(0)
    path = folder / f"{'guided' if guided else 'paper'}.safetensors"
    save_network(path, GPSGaussian(NetworkConfig(guided)), {"data": "none"})
    return str(path)


class UntrainedNetwork(nn.Module):
    """What the guided network does before its training, without its convolutions: it passes on what it starts from."""

    def __init__(self) -> None:
        super().__init__()
        self.config = NetworkConfig(guided=True)
        self.opacity = nn.Parameter(torch.tensor(OPAQUE))

    def img_encoder(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return image, image, image

    def raft_stereo(self, features: Tensor, initial: Tensor) -> list[Tensor]:
        return [initial]

    def gs_parm_regresser(
        self, image: Tensor, inverse_depth: Tensor, features: Any, start: tuple[Tensor, Tensor]
    ) -> PixelGaussians:
        rotations, scales = start
        opacities = torch.sigmoid(self.opacity).expand_as(inverse_depth)
        return PixelGaussians(functional.normalize(rotations, dim=1), scales, opacities)


def before_black(frame: Frame) -> Array:
    """The picture over black, which the ball's truth is over, too."""
    picture: Array = frame.rgb * frame.alpha[..., None]
    return picture


def psnr_of(frame: Frame, where: Array | None = None) -> float:
    """Of a frame against the ball as its camera sees it, over black: what flies beside the ball counts, too."""
    off = before_black(frame) - ball(frame.camera).rgb
    return float(-10 * np.log10((off[... if where is None else where] ** 2).mean()))


def difference(one: Frame, other: Frame) -> float:
    """PSNR of one frame against another, over black."""
    return float(-10 * np.log10(max(((before_black(one) - before_black(other)) ** 2).mean(), 1e-12)))


def well_seen(target: Camera, cameras: Iterable[Camera]) -> Array:
    """Return which of the target's pixels (H, W) show what all cameras have in their pictures, and not at a slant."""
    truth = ball(target)
    rows, columns = np.nonzero(truth.mask)
    points = target.unproject(np.stack([columns + 0.5, rows + 0.5], axis=1), truth.depth[rows, columns])
    seen = np.ones(len(points), bool)
    for camera in cameras:
        pixels, _ = camera.project(points)
        seen &= ((pixels > 2) & (pixels < np.array([camera.width, camera.height]) - 2)).all(axis=1)
        way = camera.centre - points
        seen &= ((points - CENTRE) * way).sum(axis=1) > 0.35 * RADIUS * np.linalg.norm(way, axis=1)
    result = np.zeros(truth.mask.shape, bool)
    result[rows[seen], columns[seen]] = True
    return result
