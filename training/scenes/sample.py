"""From a seed to a training sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from inference.camera import Camera
from inference.selection import frustum_samples, overlap

from .atlas import Library, library
from .config import Sample, SceneConfig
from .degrade import Faults, expose, misjudge, random_faults, spoil
from .layouts import Stage, random_stage
from .objects import random_rotation
from .render import Rendered, render, visible
from .rigs import build_rig, camera_of, look, random_lens, random_plan
from .trace import Tracer
from .world import QUAD, Packed, Vector, World, pack

# A source must see this share of the target crop's frustum.
OVERLAP = 0.3
# These shares of the crop's surfaces must be in sight of each source, and of the sources on average.
LEAST_SEEN, MEAN_SEEN = 0.1, 0.4
# Where this share of a crop is only background, another is looked for, mostly.
EMPTY = 0.9
# Longer side in pixels of the small picture that depth range and exposure are taken from.
PROBE = 40
# A window of a source is at least this wide and high.
SMALLEST = 16
# Nineteen attempts in twenty succeed; so many failures mean that the wish cannot be met.
ATTEMPTS = 200
Mark = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Setting:
    """Everything about a sample but its pictures.

    Args:
        world: The scene.
        target: Camera of the crop.
        sources: True cameras of the whole photographs, nearest centre first.
        windows: Rectangle (x, y, width, height) of each that is rendered.
        faults: Of each source.
        near, far: Reported depth range.
        span: Pixels of disparity between near and far in the widest source.
        exposure: Factor from linear light to the picture.
        soft: Whether highlights are rolled off.
        unit: Scene units that one unit of the world is reported as.
        axes: (3, 3) from the world's axes to the reported ones.
    """

    world: World
    target: Camera
    sources: list[Camera]
    windows: list[tuple[int, int, int, int]]
    faults: list[Faults]
    near: float
    far: float
    span: float
    exposure: float
    soft: bool
    unit: float
    axes: Vector


def sample_scene(seed: int, config: SceneConfig, device: torch.device, mark: Mark | None = None) -> Sample:
    """Return the sample of that seed: the same numbers every time on the same kind of device.

    Args:
        seed: Any whole number >= 0.
        config: What to render.
        device: Where the work is done and the tensors stay.
        mark: Called with the name of each stage as it ends, for timing.
    """
    if seed < 0:
        raise ValueError(f"the seed is {seed}; it must not be negative")
    mark = mark or _nothing
    textures = library(config.texture_folder(), device)
    setting = make_setting(seed, config, textures, device)
    mark("setting")
    packed = pack(setting.world, device)
    windows = [camera.crop(*window) for camera, window in zip(setting.sources, setting.windows, strict=True)]
    pictures = render(packed, textures, [setting.target, *windows], mark=mark)
    sample = _develop(seed, setting, windows, pictures, device)
    mark("degradations")
    return sample


def _nothing(stage: str) -> None:
    pass


def make_setting(seed: int, config: SceneConfig, textures: Library, device: torch.device) -> Setting:
    """Return scene, cameras and faults of a seed; draws again until the sources see enough of the target."""
    random = np.random.default_rng([seed, 0x51617])
    for _ in range(ATTEMPTS):
        setting = _attempt(random, config, textures, device)
        if setting is not None:
            return setting
    raise RuntimeError(f"no sources see the target of seed {seed} in {ATTEMPTS} attempts with {config}")


def _attempt(
    random: np.random.Generator, config: SceneConfig, textures: Library, device: torch.device
) -> Setting | None:
    stage = random_stage(random, textures)
    wobble = random.normal(0.0, 1.0, 3) * random.choice([0.01, 0.06]) * [1.0, 1.0, 0.4]
    lens = random_lens(random, stage, config.source_side)
    pose = look(stage.position, stage.focus - stage.position, wobble)
    target = camera_of(lens, pose)
    probe = render(pack(stage.world, device), textures, [target.fitted(PROBE)], smooth=False)[0]
    depth = probe.depth[torch.isfinite(probe.depth)]
    if depth.numel() < 0.15 * probe.depth.numel():
        return None
    near, far = _depth_range(random, depth.cpu().numpy().astype(np.float64))
    if random.random() < 0.35:  # the target is no photograph of the capture
        lens = random_lens(random, stage, config.source_side)
    plan = random_plan(random, lens, config.views)
    rig = build_rig(stage, plan, target, near, far, config.views, _wanted_span(random))
    world = _cleared(stage, rig.sources, 0.3 * near)
    crop = _choose_crop(random, target, probe, rig.sources, config.crop, near, far)
    if crop is None or not _witnessed(pack(world, device), target, probe, crop, rig.sources):
        return None
    distance = float(np.linalg.norm(stage.focus - stage.position))
    faults = [Faults(0.45)] * config.views
    if config.degrade:
        faults = random_faults(random, config.views, float(lens[2]), distance)
    return Setting(
        world=world,
        target=crop,
        sources=rig.sources,
        windows=[window(crop, source, near, far, config.padding) for source in rig.sources],
        faults=faults,
        near=near,
        far=far,
        span=rig.span,
        exposure=_exposure(random, probe),
        soft=bool(random.random() < 0.65),
        unit=float(np.exp(random.uniform(np.log(0.1), np.log(10.0)))),
        axes=random_rotation(random),
    )


def _depth_range(random: np.random.Generator, depth: Vector) -> tuple[float, float]:
    """Return near and far as a calibration's sparse points give them, 0.9 and 1.1 times off by up to 10 %."""
    near, far = np.percentile(depth, [1.0, 99.0])
    near, far = near * 0.9 * random.uniform(0.9, 1.1), far * 1.1 * random.uniform(0.9, 1.1)
    return float(near), float(max(far, 1.05 * near))


def _wanted_span(random: np.random.Generator) -> float:
    """Return pixels of disparity between near and far, 10 to 700: as handheld captures have, and as walk-arounds do."""
    typical, spread = (105.0, 0.95) if random.random() < 0.6 else (300.0, 0.5)
    return float(np.clip(np.exp(random.normal(np.log(typical), spread)), 10.0, 700.0))


def _exposure(random: np.random.Generator, probe: Rendered) -> float:
    """Return the factor that brings the mean of what is there to a photographer's level, sometimes dark or bright."""
    mean = float(probe.colour[:, probe.number >= 0].clamp(max=2.0).mean())
    return float(0.23 * np.exp(random.normal(0.0, 0.5))) / max(mean, 1e-3)


def _choose_crop(
    random: np.random.Generator,
    target: Camera,
    probe: Rendered,
    sources: list[Camera],
    side: int,
    near: float,
    far: float,
) -> Camera | None:
    """Return a crop that every source sees enough of; of a few such places mostly the one with the most in it."""
    scale = probe.depth.shape[1] / target.width
    detail = _detail(probe)
    best: tuple[float, Camera] | None = None
    wanted = int(random.choice([1, 3, 6], p=[0.2, 0.4, 0.4]))
    for _ in range(10):
        x = int(random.integers(0, max(1, target.width - side + 1)))
        y = int(random.integers(0, max(1, target.height - side + 1)))
        crop = target.crop(x, y, side, side)
        points = frustum_samples(crop, near, far, grid=4, depths=4)
        if min(overlap(source, points) for source in sources) < OVERLAP:
            continue
        part = slice(int(y * scale), int((y + side) * scale) + 1), slice(int(x * scale), int((x + side) * scale) + 1)
        if torch.isinf(probe.depth[part]).float().mean() > EMPTY and random.random() < 0.85:
            continue
        score = float(detail[part].mean())
        if best is None or score > best[0]:
            best = (score, crop)
        wanted -= 1
        if wanted == 0:
            break
    return None if best is None else best[1]


def _witnessed(packed: Packed, target: Camera, probe: Rendered, crop: Camera, sources: list[Camera]) -> bool:
    """Return whether every source sees some, and all together enough, of the surfaces in the crop."""
    small = target.fitted(PROBE)
    y, x = np.nonzero(np.isfinite(probe.depth.cpu().numpy()))
    points = small.unproject(np.stack([x, y], axis=1) + 0.5, probe.depth.cpu().numpy()[y, x].astype(np.float64))
    pixels = crop.project(points)[0]
    points = points[((pixels > 0) & (pixels < [crop.width, crop.height])).all(axis=1)]
    if len(points) == 0:
        return True
    shares = []
    for source in sources:
        there, depth = source.project(points)
        seen = (depth > 0) & ((there > 0) & (there < [source.width, source.height])).all(axis=1)
        rays = torch.from_numpy((points - source.centre).T.astype(np.float32)).to(packed.device)
        # Short of the surface itself, whose probe may be a little off.
        nearest = Tracer(packed, source.centre, visible(packed, source)).closest(rays)[0].cpu().numpy()
        shares.append(float((seen & (nearest > 0.97)).mean()))
    return min(shares) >= LEAST_SEEN and float(np.mean(shares)) >= MEAN_SEEN


def _detail(probe: Rendered) -> Vector:
    """Return (height, width) how much goes on in each pixel of a probe: contrast and edges of things."""
    grey = probe.colour.mean(dim=0).clamp(min=0.0).sqrt().cpu().numpy().astype(np.float64)
    number = probe.number.cpu().numpy()
    detail = np.zeros_like(grey)
    for axis in (0, 1):
        change = np.abs(np.diff(grey, axis=axis)) / (0.1 + grey.mean())
        change += 0.2 * (np.diff(number, axis=axis) != 0)
        detail[tuple(slice(0, length) for length in change.shape)] += change
    return detail


def _cleared(stage: Stage, cameras: list[Camera], clearance: float) -> World:
    """Return the scene without the things that a camera is inside of, or nearer to than ``clearance``."""
    kept = []
    for p in stage.world.primitives:
        extent = p.scale * [1.0, 1.0, 0.0 if p.kind == QUAD else 1.0]
        local = np.stack([(camera.centre - p.centre) @ p.rotation for camera in cameras])
        distance = np.linalg.norm(np.maximum(np.abs(local) - extent, 0.0), axis=1).min()
        if p.shell or p.scale.max() > 3.0 or distance > clearance:
            kept.append(p)
    return replace(stage.world, primitives=tuple(kept))


def window(target: Camera, source: Camera, near: float, far: float, padding: int) -> tuple[int, int, int, int]:
    """Return the rectangle (x, y, width, height) of a source that the target's frustum projects to.

    Between near and far, in whole pixels inside the source's picture, with ``padding`` around; at least SMALLEST
    wide and high.
    """
    x, y = np.array([0.0, target.width]), np.array([0.0, target.height])
    px, py, pz = np.meshgrid(x, y, np.array([near, far]), indexing="ij")
    corners = target.unproject(np.stack([px.ravel(), py.ravel()], axis=1), pz.ravel())
    pixels, depth = source.project(corners)
    size = np.array([source.width, source.height])
    if depth.min() <= 0.01 * depth.max():
        low, high = np.zeros(2), size.astype(np.float64)
    else:
        # Projection keeps straight lines: the frustum's picture is the hull of its corners' pictures.
        low, high = pixels.min(axis=0) - padding, pixels.max(axis=0) + padding
    least = np.minimum(SMALLEST, size)
    start = np.clip(np.floor(low), 0, size - least).astype(int)
    end = np.clip(np.ceil(high), start + least, size).astype(int)
    return int(start[0]), int(start[1]), int(end[0] - start[0]), int(end[1] - start[1])


def _reported(camera: Camera, setting: Setting) -> Camera:
    """Return the camera in the units and axes that the sample is given in."""
    pose = np.eye(4)
    pose[:3, :3] = camera.rotation @ setting.axes.T
    pose[:3, 3] = camera.translation * setting.unit
    return replace(camera, world_to_camera=pose)


def _develop(
    seed: int, setting: Setting, windows: list[Camera], pictures: list[Rendered], device: torch.device
) -> Sample:
    generator = torch.Generator(device=device)
    generator.manual_seed(seed)
    blur = setting.faults[0].blur
    images, sources = [], []
    for camera, faults, picture in zip(windows, setting.faults, pictures[1:], strict=True):
        images.append(spoil(expose(picture.colour, blur, setting.exposure, setting.soft), faults, generator))
        sources.append(_reported(misjudge(camera, faults), setting))
    truth = pictures[0]
    return Sample(
        target=_reported(setting.target, setting),
        sources=sources,
        rgb=expose(truth.colour, blur, setting.exposure, setting.soft),
        images=images,
        depth=truth.depth * setting.unit,
        near=setting.near * setting.unit,
        far=setting.far * setting.unit,
    )
