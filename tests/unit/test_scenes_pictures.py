"""Pictures of the synthetic scenes: views agree with each other, crops with wholes, textures with their footprints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from inference.camera import Camera
from training.scenes.atlas import Library, build_atlas, library
from training.scenes.config import SceneConfig
from training.scenes.degrade import Faults, blurred, compressed, expose, misjudge, random_faults, spoil
from training.scenes.render import Rendered, render
from training.scenes.sample import make_setting
from training.scenes.world import ELLIPSOID, Material, Packed, Primitive, World, pack

CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small pictures gain nothing from threads and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> SceneConfig:
    """Procedural textures only: the same scenes on every machine."""
    return SceneConfig(crop=48, source_side=192, degrade=False, textures=tmp_path_factory.mktemp("none"))


@pytest.fixture(scope="module")
def textures(config: SceneConfig) -> Library:
    return library(config.texture_folder(), CPU)


def matte(world: World) -> World:
    """The world without anything that looks different from another side."""
    primitives = tuple(
        replace(p, materials=tuple(replace(m, gloss=0.0, mirror=0.0) for m in p.materials)) for p in world.primitives
    )
    return replace(
        world, primitives=primitives, lights=tuple(lamp for lamp in world.lights if lamp.position is not None)
    )


def sampled(picture: torch.Tensor, pixels: np.ndarray) -> np.ndarray:
    """Bilinear values (N, C) of a picture (C, H, W) at pixels (N, 2) whose edges are 0..W."""
    size = np.array([picture.shape[2], picture.shape[1]])
    grid = torch.from_numpy((2 * pixels / size - 1).astype(np.float32))[None, None]
    return functional.grid_sample(picture[None], grid, align_corners=False)[0, :, 0].T.numpy()


def centres(camera: Camera) -> np.ndarray:
    y, x = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    return np.stack([x, y], axis=-1)


def seen_in_both(target: Camera, source: Camera, first: Rendered, second: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """Target pixels (N, 2) whose surface the source sees too, away from edges, and where (N, 2) it sees them."""
    depth = first.depth.numpy().astype(np.float64)
    known = np.isfinite(depth)
    pixels = centres(target)[known]
    there, z = source.project(target.unproject(pixels, depth[known]))
    nearest = np.floor(there).astype(int)
    inner = ((nearest >= 2) & (nearest < np.array([source.width, source.height]) - 2)).all(axis=1)
    near = np.clip(nearest, 0, [source.width - 1, source.height - 1])
    number = second.number.numpy()
    same = number[near[:, 1], near[:, 0]] == first.number.numpy()[known]
    eroded = [
        (n == cv2.erode(n, np.ones((5, 5)))) & (n == cv2.dilate(n, np.ones((5, 5))))
        for n in (first.number.numpy().astype(np.float32), number.astype(np.float32))
    ]
    clear = eroded[0][known] & eroded[1][near[:, 1], near[:, 0]]
    close = np.abs(second.depth.numpy()[near[:, 1], near[:, 0]] / z - 1) < 0.05
    good = inner & same & clear & close
    return pixels[good], there[good]


def test_a_point_has_the_same_colour_and_depth_in_all_views(config: SceneConfig, textures: Library) -> None:
    errors, shifted, depths, count = [], [], [], 0
    for seed in range(9):
        setting = make_setting(seed, config, textures, CPU)
        packed = pack(matte(setting.world), CPU)
        target, source = setting.target, setting.sources[0]
        first, second = render(packed, textures, [target, source])
        here, there = seen_in_both(target, source, first, second)
        if len(here) < 50:
            continue
        count += len(here)
        truth = sampled(first.colour, here)
        level = 0.05 + truth.mean()
        errors.append(np.abs(sampled(second.colour, there) - truth).mean(axis=1) / level)
        shifted += [
            np.abs(sampled(second.colour, there + offset) - truth).mean(axis=1) / level
            for offset in ([0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5])
        ]
        z = source.project(target.unproject(here, sampled(first.depth[None], here)[:, 0]))[1]
        depths.append(np.abs(1 / sampled(1 / second.depth[None], there)[:, 0] / z - 1))
    assert count > 3000
    error, wrong = np.concatenate(errors), np.concatenate(shifted)
    assert np.median(error) < 0.015
    # Half a pixel off in any direction is clearly worse: the agreement is to a fraction of a pixel.
    assert wrong.mean() > 1.25 * error.mean()
    assert np.quantile(np.concatenate(depths), 0.98) < 2e-3


def test_a_crop_is_a_part_of_the_whole(config: SceneConfig, textures: Library) -> None:
    shown = 0
    for seed in range(6):
        setting = make_setting(seed, config, textures, CPU)
        packed = pack(setting.world, CPU)
        whole = setting.sources[0]
        full, part = render(packed, textures, [whole, whole.crop(31, 17, 40, 30)], smooth=False)
        assert torch.equal(part.number, full.number[17:47, 31:71])
        ratio = part.depth / full.depth[17:47, 31:71]
        shown += int(torch.isfinite(ratio).any())
        assert ((ratio[torch.isfinite(ratio)] - 1).abs() < 1e-4).all()
        difference = (part.colour - full.colour[:, 17:47, 31:71]).abs()
        # A shadow's border may fall on either side by rounding.
        assert difference.mean() < 1e-3
        assert (difference.amax(dim=0) < 1e-2).float().mean() > 0.99
    assert shown >= 4


def test_edges_are_averaged_and_textures_are_not_aliased(config: SceneConfig, textures: Library) -> None:
    before, after, ours, theirs, both = [], [], [], [], []
    for seed in (3, 4, 5, 6):
        setting = make_setting(seed, config, textures, CPU)
        packed = pack(setting.world, CPU)
        camera = setting.sources[0].crop(50, 40, 64, 48)
        rough, smooth = (render(packed, textures, [camera], smooth=s)[0] for s in (False, True))
        fine = render(packed, textures, [camera.resized(256, 192)], smooth=False)[0]
        truth = functional.avg_pool2d(fine.colour.clamp(max=1.5)[None], 4)[0]
        number = fine.number.float()[None]
        edge = (functional.max_pool2d(number, 4) != -functional.max_pool2d(-number, 4))[0]
        assert torch.equal(rough.depth, smooth.depth)
        before.append((rough.colour.clamp(max=1.5) - truth).square().mean(dim=0)[edge])
        after.append((smooth.colour.clamp(max=1.5) - truth).square().mean(dim=0)[edge])
        ours.append(detail(smooth.colour.clamp(max=1.5))[~edge])
        theirs.append(detail(truth)[~edge])
        both.append(ours[-1] * theirs[-1])
    assert torch.cat(after).mean() < 0.3 * torch.cat(before).mean()
    energy = [float(torch.cat(parts).square().mean()) for parts in (ours, theirs)]
    # Aliasing would be detail that the supersampled picture does not have; blur, detail that is lost.
    assert 0.6 < energy[0] / energy[1] < 1.1
    assert torch.cat(both).mean() > 0.85 * energy[0]


def detail(picture: torch.Tensor) -> torch.Tensor:
    """What a 5 x 5 mean takes away from the brightness (H, W)."""
    grey = picture.mean(dim=0)
    return grey - functional.avg_pool2d(grey[None, None], 5, 1, 2, count_include_pad=False)[0, 0]


def test_texture_levels_keep_the_mean_and_lose_the_detail() -> None:
    random = np.random.default_rng(0)
    pictures = [random.random((64, 64, 3), dtype=np.float32), np.zeros((64, 64, 3), np.float32)]
    pictures[1][::2, ::2] = pictures[1][1::2, 1::2] = 1.0
    atlas = build_atlas(pictures, CPU)
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    u, v = (x.reshape(-1) + 0.5) / 64, (y.reshape(-1) + 0.5) / 64
    for index, picture in enumerate(pictures):
        number = torch.full_like(u, index, dtype=torch.int64)
        exact = atlas.sample(number, u, v, torch.zeros_like(u)).T.reshape(64, 64, 3)
        assert np.abs(exact.numpy() - picture).max() < 0.003
        again = atlas.sample(number, u + 3, v - 2, torch.zeros_like(u)).T.reshape(64, 64, 3)
        assert (again - exact).abs().max() < 1e-3
        flat = atlas.sample(number, u, v, torch.full_like(u, 99.0))
        assert (flat - torch.from_numpy(picture.mean(axis=(0, 1)))[:, None]).abs().max() < 0.05
    checker = atlas.sample(torch.ones_like(u, dtype=torch.int64), u, v, torch.full_like(u, 1.0))
    assert (checker - 0.5).abs().max() < 0.01
    assert torch.allclose(atlas.means[:, 1], torch.full((3,), 0.5))


@pytest.mark.parametrize("quality", [60.0, 85.0, 95.0])
def test_compression_is_that_of_a_jpeg_file(quality: float, textures: Library) -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(1).random((83, 101, 3), dtype=np.float32), (0, 0), 1.5)
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    whole = np.round(picture * 255).astype(np.uint8)
    flags = [
        cv2.IMWRITE_JPEG_QUALITY,
        int(quality),
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    file = cv2.imdecode(cv2.imencode(".jpg", whole[..., ::-1], flags)[1], cv2.IMREAD_COLOR)[..., ::-1] / 255.0
    ours = compressed(torch.from_numpy(whole.transpose(2, 0, 1) / np.float32(255)), quality).numpy().transpose(1, 2, 0)
    loss = np.sqrt(np.mean((file - whole / 255.0) ** 2))
    assert np.sqrt(np.mean((ours - file) ** 2)) < 0.5 * loss + 0.002
    assert np.sqrt(np.mean((ours - whole / 255.0) ** 2)) == pytest.approx(loss, rel=0.15)


def test_photographs_get_gain_noise_and_eight_bits() -> None:
    grey = torch.full((3, 64, 64), 0.5)
    stored = spoil(grey, Faults(0.4, gain=(1.1, 1.0, 0.9), noise=0.02), torch.Generator().manual_seed(1))
    assert torch.allclose(stored.mean(dim=(1, 2)), torch.tensor([0.55, 0.5, 0.45]), atol=2e-3)
    assert stored.std(dim=(1, 2)).sub(0.02).abs().max() < 0.003
    assert (stored * 255 - (stored * 255).round()).abs().max() < 1e-4
    clean = spoil(grey, Faults(0.4), torch.Generator().manual_seed(1))
    assert (clean - 0.5).abs().max() <= 0.5 / 255 + 1e-6


def test_exposure_encodes_srgb_and_blur_keeps_light() -> None:
    light = torch.tensor([0.0, 0.001, 0.18, 1.0, 3.0]).view(1, 1, 5).expand(3, 4, 5)
    shown = expose(light, 0.0, 1.0)[0, 0]
    assert torch.allclose(shown, torch.tensor([0.0, 0.01292, 0.46136, 1.0, 1.0]), atol=1e-4)
    soft = expose(light, 0.0, 1.0, soft=True)[0, 0]
    assert (soft.diff() > 0).all()
    assert soft[-1] < 1.0
    dot = torch.zeros(1, 21, 21)
    dot[0, 10, 10] = 1.0
    spread = blurred(dot, 0.6)
    assert spread.sum() == pytest.approx(1.0, abs=1e-5)
    x = torch.arange(21) - 10.0
    # Sampled at whole pixels and cut off at 2.5 deviations: a little less than 0.6.
    assert float((spread[0].sum(dim=0) * x * x).sum().sqrt()) == pytest.approx(0.6, abs=0.06)


def test_reported_cameras_are_off_by_pixels_at_most() -> None:
    random = np.random.default_rng(2)
    camera = Camera(512, 384, 500.0, 500.0, 250.0, 190.0, np.eye(4))
    points = camera.unproject(centres(camera)[::48, ::48].reshape(-1, 2), np.full(88, 4.0))
    errors = []
    for _ in range(60):
        for faults in random_faults(random, 4, 500.0, 4.0):
            moved = misjudge(camera, faults).project(points)[0] - camera.project(points)[0]
            errors.append(np.linalg.norm(moved, axis=1).mean())
    assert np.mean(np.array(errors) < 0.5) > 0.35
    assert 3.0 < np.max(errors) < 8.0
    assert 0.2 < np.median(errors) < 0.7


def test_nothing_but_surroundings_is_background(textures: Library) -> None:
    empty: Packed = pack(make_far_world(), CPU)
    picture = render(empty, textures, [Camera(16, 12, 20.0, 20.0, 8.0, 6.0, np.eye(4))])[0]
    assert torch.isinf(picture.depth).all()
    assert (picture.number == -1).all()
    assert torch.allclose(picture.colour, torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1).expand(3, 12, 16))


def make_far_world() -> World:
    paint = Material(0, np.full(3, 0.5), np.eye(3), np.eye(2), np.zeros(2))
    behind = Primitive(ELLIPSOID, np.array([0, 0, -9.0]), np.ones(3), np.eye(3), (paint,))
    return World((behind,), (), np.ones((2, 3)), None, np.array([0.1, 0.2, 0.3]), 0.0)
