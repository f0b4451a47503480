"""The plane sweep volume against brute force in float64, and the sanity tests of the method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.camera import Camera
from inference.convglr.encodings import encode
from inference.convglr.network import ConvGLR, NetworkConfig
from inference.planesweep.geometry import disparity_span, sweep_geometry
from inference.planesweep.kernels import MASKED, OUTSIDE, SEEN
from inference.planesweep.volume import Interval, Volume, sweep_volume, sweep_volume_torch
from tests.unit.sweep_scenes import (
    CPU,
    FAR,
    NEAR,
    Floats,
    cast,
    colours_at,
    curved_interval,
    look_at,
    photograph,
    source_cameras,
    target_camera,
)

Sample = Callable[..., Volume]
PATHS = pytest.mark.parametrize("sample", [sweep_volume, sweep_volume_torch], ids=["numba", "torch"])


def smooth_picture(random: np.random.Generator, height: int, width: int) -> Floats:
    """(H, W, 3) in [0, 1] of waves longer than ten pixels."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    waves = random.uniform(-0.4, 0.4, (4, 2, 3))
    phases = random.uniform(0, 6, (4, 3))
    arguments = x[..., None, None] * waves[:, 0] + y[..., None, None] * waves[:, 1] + phases
    return np.asarray(0.5 + 0.12 * np.sin(arguments).sum(axis=2))


def random_camera(random: np.random.Generator, width: int, height: int, spread: float) -> Camera:
    """A camera near the origin that looks roughly along z, with a principal point off the centre."""
    centre = random.normal(0, spread, 3)
    towards = np.array([0.0, 0.0, 4.0]) + random.normal(0, 0.4, 3)
    camera = look_at(
        centre.tolist(), towards.tolist(), width, height, float(random.uniform(15, 60)), random.normal() * 40
    )
    return replace(camera, fy=camera.fy * random.uniform(0.8, 1.2), cx=camera.cx + random.normal() * 3)


def bilinear(picture: Floats, pixels: Floats) -> Floats:
    """Sample (h, w, 3) at pixel-edge coordinates (..., 2), zero outside."""
    padded = np.pad(picture, ((2, 2), (2, 2), (0, 0)))
    height, width = picture.shape[:2]
    x = np.clip(pixels[..., 0] - 0.5, -1.5, width + 0.5)
    y = np.clip(pixels[..., 1] - 0.5, -1.5, height + 0.5)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b = (x - column)[..., None], (y - row)[..., None]
    column, row = column + 2, row + 2
    above = (1 - a) * padded[row, column] + a * padded[row, column + 1]
    below = (1 - a) * padded[row + 1, column] + a * padded[row + 1, column + 1]
    return np.asarray((1 - b) * above + b * below)


def brute_force(target: Camera, source: Camera, picture: Floats, disparities: Floats) -> tuple[Floats, Floats, Floats]:
    """Colours (D, H, W, 3), pixels (D, H, W, 2) and depths (D, H, W) in one source, by unprojecting and projecting."""
    x, y = np.meshgrid(np.arange(target.width) + 0.5, np.arange(target.height) + 0.5)
    pixels = np.broadcast_to(np.stack([x, y], axis=-1), (*disparities.shape, 2))
    places, depth = source.project(target.unproject(pixels, 1.0 / disparities))
    colours = np.where((depth > 0)[..., None], bilinear(picture, places), 0.0)
    return colours, places, depth


def intervals(kind: str, target: Camera, seed: int) -> Interval:
    if kind == "flat":
        return Interval.constant(target.height, target.width, NEAR, FAR, CPU)
    return curved_interval(target.height, target.width, seed)


@PATHS
@pytest.mark.parametrize("kind", ["flat", "curved"])
def test_volume_equals_brute_force(sample: Sample, kind: str) -> None:
    borderline = worst = 0.0
    seen = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        target = random_camera(random, 20, 14, 0.2)
        sources = [random_camera(random, *size, 0.5) for size in ((24, 18), (31, 22))]
        if seed % 3 == 0:  # one that looks away, and one amid the planes
            sources.append(look_at([0, 0, -1], [0, 0.3, -4], 24, 18, 30.0))
            sources.append(look_at([0.2, 0, 3.5], [0, 0.3, 5], 24, 18, 30.0))
        pictures = [smooth_picture(random, source.height, source.width) for source in sources]
        interval = intervals(kind, target, seed)
        images = [torch.from_numpy(picture.astype(np.float32)) for picture in pictures]
        images[1] = images[1].permute(2, 0, 1).contiguous()  # the other layout
        volume = sample(images, sweep_geometry(target, sources), interval, 7)
        low, high = interval.low.double().numpy(), interval.high.double().numpy()
        disparities = low + np.arange(7)[:, None, None] / 6 * (high - low)
        assert np.abs(volume.disparities.numpy() - disparities).max() < 1e-6
        for view, (source, picture) in enumerate(zip(sources, pictures, strict=True)):
            colours, places, depth = brute_force(target, source, picture, disparities)
            # The fade of the zero padding is steep: there only what lies at a border by rounding may differ.
            worst = max(worst, float(np.abs(volume.colours[:, view].permute(0, 2, 3, 1).numpy() - colours).max()))
            size = np.array([source.width, source.height])
            inside = ((places >= 0) & (places <= size)).all(axis=-1) & (depth > 0)
            edge = np.minimum(np.abs(places), np.abs(places - size)).min(axis=-1) < 1e-3
            state = volume.state[:, view].numpy()
            assert ((state == SEEN) == inside)[~edge].all() and set(np.unique(state)) <= {OUTSIDE, SEEN}
            borderline += edge.sum()
            seen += inside.sum()
    assert worst <= 1e-3
    assert seen > 10000 and borderline < 0.01 * seen


@PATHS
def test_masked_samples_are_told_from_seen_ones(sample: Sample) -> None:
    random = np.random.default_rng(3)
    target, source = random_camera(random, 20, 14, 0.1), random_camera(random, 24, 18, 0.1)
    picture = smooth_picture(random, 18, 24)
    mask = (random.uniform(size=(18, 24)) > 0.4).astype(np.float32)
    interval = curved_interval(14, 20)
    volume = sample(
        [torch.from_numpy(picture.astype(np.float32))] * 2,
        sweep_geometry(target, [source, source]),
        interval,
        5,
        [torch.from_numpy(mask), None],
    )
    low, high = interval.low.double().numpy(), interval.high.double().numpy()
    _, places, _ = brute_force(target, source, picture, low + np.arange(5)[:, None, None] / 4 * (high - low))
    expected = np.full(places.shape[:-1], OUTSIDE)
    inside = ((places > 0) & (places < [24, 18])).all(axis=-1)
    expected[inside] = np.where(mask[places[inside][:, 1].astype(int), places[inside][:, 0].astype(int)] < 0.5, 1, 2)
    sure = (np.abs(places - np.round(places)) > 1e-3).all(axis=-1)
    assert (volume.state[:, 0].numpy() == expected)[sure].all()
    assert {MASKED, SEEN} <= set(np.unique(expected)) and sure.mean() > 0.9
    # Only the state knows of the mask: colours stay, and so does a view without one.
    assert torch.equal(volume.colours[:, 0], volume.colours[:, 1])
    assert not (volume.state[:, 1] == MASKED).any()


@PATHS
def test_views_agree_on_the_plane_that_is_there(sample: Sample) -> None:
    target = target_camera()
    wall = 1 / torch.linspace(1 / FAR, 1 / NEAR, 9)[4].item()
    plane = (target.unproject([36.0, 32.0], wall), -target.forward)
    sources = source_cameras(4)
    images = [
        torch.from_numpy(colours_at(source, cast(source, box=False, wall=plane)).astype(np.float32))
        for source in sources
    ]
    volume = sample(images, sweep_geometry(target, sources), Interval.constant(64, 72, NEAR, FAR, CPU), 9)
    truth = torch.from_numpy(colours_at(target, np.full((64, 72), wall))).float().permute(2, 0, 1)
    error = (volume.colours - truth).abs().amax(dim=2)
    # Within half a pixel of a picture's border, bilinear samples mix its zeros in: white pictures show where.
    white = sample(
        [torch.ones(64, 72, 3)] * 4, sweep_geometry(target, sources), Interval.constant(64, 72, NEAR, FAR, CPU), 9
    )
    shown = (volume.state == SEEN) & (white.colours.amin(dim=2) > 0.999)
    by_plane = [float(error[k][shown[k]].mean()) for k in range(9)]
    assert int(np.argmin(by_plane)) == 4
    assert float(error[4][shown[4]].quantile(0.99)) < 0.03
    assert by_plane[4] < 0.2 * min(by_plane[:4] + by_plane[5:])


@PATHS
def test_source_equal_to_the_target_gives_itself_at_every_plane(sample: Sample) -> None:
    target = target_camera()
    picture = torch.from_numpy(photograph(target))
    for interval in (Interval.constant(64, 72, NEAR, FAR, CPU), curved_interval(64, 72)):
        volume = sample([picture], sweep_geometry(target, [target]), interval, 6)
        assert (volume.colours[:, 0] - picture.permute(2, 0, 1)).abs().max() < 2e-4
        assert (volume.state == SEEN).all()


@PATHS
def test_volume_of_a_crop_is_the_crop_of_the_volume(sample: Sample) -> None:
    target, sources = target_camera(), source_cameras(3)
    images = [torch.from_numpy(photograph(source)) for source in sources]
    interval = curved_interval(64, 72)
    whole = sample(images, sweep_geometry(target, sources), interval, 6)
    x, y, width, height = 21, 9, 30, 37
    cut = sample(
        images, sweep_geometry(target.crop(x, y, width, height), sources), interval.crop(x, y, width, height), 6
    )
    window = (..., slice(y, y + height), slice(x, x + width))
    assert (cut.colours - whole.colours[window]).abs().max() < 1e-3
    assert (cut.state != whole.state[window]).float().mean() < 1e-3
    assert torch.equal(cut.disparities, whole.disparities[window])


def test_numba_and_torch_agree_at_the_size_of_photographs() -> None:
    """Long focal lengths and large pictures, where float32 pixel positions would be off."""
    target = look_at([0, 0, 0], [0.1, 0, 4], 40, 30, 60.0)
    source = look_at([0.3, 0.1, -0.2], [0, 0.1, 4], 2000, 1500, 3000.0)
    picture = torch.from_numpy(smooth_picture(np.random.default_rng(0), 1500, 2000).astype(np.float32))
    geometry, interval = sweep_geometry(target, [source]), curved_interval(30, 40)
    ours, theirs = (sample([picture], geometry, interval, 5) for sample in (sweep_volume, sweep_volume_torch))
    assert (ours.state == SEEN).float().mean() > 0.2
    assert (ours.colours - theirs.colours).abs().max() < 1e-3


def test_gradients_reach_the_pictures() -> None:
    target, sources = target_camera(20, 16, 20.0), source_cameras(2, 20, 16, 20.0)
    images = [torch.from_numpy(photograph(source)).requires_grad_() for source in sources]
    volume = sweep_volume(images, sweep_geometry(target, sources), curved_interval(16, 20), 3)
    torch.autograd.backward(volume.colours.sum())
    for image in images:
        assert image.grad is not None and image.grad.abs().sum() > 0


def network_slices(
    network: ConvGLR, volume: Volume, target: Camera, sources: list[Camera], interval: Interval
) -> Tensor:
    config = network.config
    encodings = encode(sweep_geometry(target, sources), interval, config.planes // config.group, 40.0, config.planes)
    slices: Tensor = network.matching(network._grouped(volume, encodings))
    return slices


@torch.no_grad()
def test_shifting_the_planes_by_a_group_shifts_the_slices_by_one() -> None:
    torch.manual_seed(0)
    network = ConvGLR(NetworkConfig(views=3, planes=16, group=4, width=4, guided=False))
    target, sources = target_camera(32, 24, 30.0), source_cameras(3, 32, 24, 30.0)
    images = [torch.from_numpy(photograph(source)) for source in sources]
    step = (1 / NEAR - 1 / FAR) / 20
    slices = []
    for first in (1 / FAR, 1 / FAR + 4 * step):
        interval = Interval(torch.full((24, 32), first), torch.full((24, 32), first + 15 * step))
        volume = sweep_volume(images, sweep_geometry(target, sources), interval, 16)
        slices.append((volume, interval))
    shifted = [network_slices(network, volume, target, sources, interval) for volume, interval in slices]
    # The encoding of a slice's place in the tree stays where it is, as it must.
    assert (shifted[0][1:] - shifted[1][:-1]).abs().max() > 1e-3
    places = 4 * 3 * 3 + 3 + 8
    convolution = network.matching[0]
    assert isinstance(convolution, torch.nn.Conv2d)
    convolution.weight[:, places : places + 4] = 0
    shifted = [network_slices(network, volume, target, sources, interval) for volume, interval in slices]
    assert (shifted[0][1:] - shifted[1][:-1]).abs().max() < 1e-3
    assert (shifted[0][1:] - shifted[1][1:]).abs().max() > 1e-2


def test_disparity_span_of_a_sideways_camera_is_known() -> None:
    target, source = look_at([0, 0, 0], [0, 0, 4], 100, 80, 90.0), look_at([0.4, 0, 0], [0.4, 0, 4], 100, 80, 90.0)
    assert np.isclose(disparity_span(target, source, 2.0, 6.0), 90 * 0.4 * (1 / 2 - 1 / 6))
    away = look_at([0, 0, 0], [0, 0, -4], 100, 80, 90.0)
    assert disparity_span(target, away, 2.0, 6.0) == 0.0
