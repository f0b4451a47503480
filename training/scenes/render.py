"""Pictures of a world: one ray a pixel, more where something ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.camera import Camera

from .atlas import Library
from .shade import shade
from .trace import Tracer
from .world import Packed

# Rotated grid: four more samples for a pixel that an edge runs through.
OFFSETS = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))

# Relative difference of light below which an edge is not seen.
VISIBLE = 0.02


@dataclass(frozen=True, eq=False)
class Rendered:
    """A picture: linear colour (3, height, width), depth (height, width), primitive (height, width) or -1."""

    colour: Tensor
    depth: Tensor
    number: Tensor


def visible(packed: Packed, camera: Camera) -> NDArray[np.int64]:
    """Return the numbers of the primitives whose bounding spheres reach into the camera's pyramid."""
    local = packed.centres @ camera.rotation.T + camera.translation
    inside = local[:, 2] > -packed.radii
    for axis, focal, start, end in (
        (0, camera.fx, -camera.cx, camera.width - camera.cx),
        (1, camera.fy, -camera.cy, camera.height - camera.cy),
    ):
        for edge, sense in ((start, 1.0), (end, -1.0)):
            slope = edge / focal
            distance = sense * (local[:, axis] - slope * local[:, 2]) / np.hypot(1.0, slope)
            inside &= distance > -packed.radii
    found: NDArray[np.int64] = np.flatnonzero(inside)
    return found


def directions(camera: Camera, x: Tensor, y: Tensor) -> Tensor:
    """Return (3, N) scene directions of depth 1 through pixels ``x``, ``y`` (N,), pixel edges at 0..width."""
    rotation = torch.tensor(camera.rotation.T, dtype=torch.float32, device=x.device)
    local = torch.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, torch.ones_like(x)])
    return rotation @ local


def render(
    packed: Packed,
    library: Library,
    cameras: Sequence[Camera],
    smooth: bool = True,
    mark: Callable[[str], None] | None = None,
) -> list[Rendered]:
    """Render the pictures of ``cameras``.

    Args:
        packed: The world.
        library: Its textures.
        cameras: Ideal pinhole cameras.
        smooth: Whether pixels with an edge of a surface, face or shadow get more samples.
        mark: Called with the name of each stage as it ends, for timing.
    """
    mark = mark or (lambda stage: None)
    tracers = [Tracer(packed, camera.centre, visible(packed, camera)) for camera in cameras]
    pixels = [_centres(camera, packed.device) for camera in cameras]
    colour, shadow, t, number = _look(packed, library, cameras, tracers, pixels, mark)
    sizes = [camera.width * camera.height for camera in cameras]
    if smooth:
        _smooth(packed, library, cameras, tracers, pixels, colour, number, shadow)
        mark("edges")
    pictures = []
    for camera, c, z, n in zip(
        cameras, torch.split(colour, sizes, dim=1), torch.split(t, sizes), torch.split(number, sizes), strict=True
    ):
        shape = (camera.height, camera.width)
        pictures.append(Rendered(c.reshape(3, *shape), z.reshape(shape), n.reshape(shape)))
    return pictures


def _centres(camera: Camera, device: torch.device) -> tuple[Tensor, Tensor]:
    y, x = torch.meshgrid(
        torch.arange(camera.height, device=device) + 0.5, torch.arange(camera.width, device=device) + 0.5, indexing="ij"
    )
    return x.reshape(-1), y.reshape(-1)


def _look(
    packed: Packed, library: Library, cameras: Sequence[Camera], tracers: Sequence[Tracer],
    pixels: Sequence[tuple[Tensor, Tensor]], mark: Callable[[str], None],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Return colour (3, N), shadow bits, depth and primitive (N,) at the pixels of all cameras, one after the other."""
    rays = [directions(camera, x, y) for camera, (x, y) in zip(cameras, pixels, strict=True)]
    found = [tracer.closest(ray) for tracer, ray in zip(tracers, rays, strict=True)]
    mark("rays")
    origins, sizes = [], []
    for camera, ray in zip(cameras, rays, strict=True):
        centre = torch.tensor(camera.centre, dtype=torch.float32, device=packed.device)
        origins.append(centre[:, None].expand(3, ray.shape[1]))
        sizes.append(torch.full_like(ray[0], 2.0 / (camera.fx + camera.fy)))
    t, number = torch.cat([hit[0] for hit in found]), torch.cat([hit[1] for hit in found])
    colour, shadow = shade(packed, library, torch.cat(origins, 1), torch.cat(rays, 1), t, number, torch.cat(sizes))
    mark("shading")
    return colour, shadow, t, number


def _smooth(
    packed: Packed, library: Library, cameras: Sequence[Camera], tracers: Sequence[Tracer],
    pixels: Sequence[tuple[Tensor, Tensor]], colour: Tensor, number: Tensor, shadow: Tensor,
) -> None:  # fmt: skip
    """Average more samples into ``colour`` (3, N) where primitives, faces or shadows end."""
    key = number * (1 << 12) + shadow
    sizes = [camera.width * camera.height for camera in cameras]
    marks, repeated = [], []
    start = 0
    light = (colour[0] + colour[1] + colour[2]).clamp(max=4.5)
    for camera, part, bright, (x, y) in zip(
        cameras, torch.split(key, sizes), torch.split(light, sizes), pixels, strict=True
    ):
        shape = (camera.height, camera.width)
        mark = _edges(part.view(shape), bright.view(shape))
        marks.append(mark + start)
        start += len(part)
        x, y = x[mark], y[mark]
        repeated.append((torch.cat([x + dx for dx, _ in OFFSETS]), torch.cat([y + dy for _, dy in OFFSETS])))
    extra = _look(packed, library, cameras, tracers, repeated, lambda stage: None)[0]
    samples = [part.view(3, len(OFFSETS), -1) for part in torch.split(extra, [len(x) for x, _ in repeated], dim=1)]
    where = torch.cat(marks)
    # Radiance far above white would keep edges jagged even when averaged; a sensor clips it as well.
    more = torch.cat(samples, dim=2).clamp(max=1.5).sum(dim=1)
    colour[:, where] = (colour[:, where].clamp(max=1.5) + more) / (len(OFFSETS) + 1)


def _edges(key: Tensor, light: Tensor) -> Tensor:
    """Return the flat indices of the pixels whose ``key`` (height, width) differs from that of a neighbour.

    Where ``light`` (height, width) does not differ visibly either, there is nothing to smooth.
    """
    mark = torch.zeros_like(key, dtype=torch.bool)
    across = (key[:, 1:] != key[:, :-1]) & _differ(light[:, 1:], light[:, :-1])
    down = (key[1:] != key[:-1]) & _differ(light[1:], light[:-1])
    mark[:, 1:] |= across
    mark[:, :-1] |= across
    mark[1:] |= down
    mark[:-1] |= down
    return torch.nonzero(mark.view(-1))[:, 0]


def _differ(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs() > VISIBLE * (a + b)
