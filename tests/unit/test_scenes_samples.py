"""Training samples: repeatable, valid, consistent in what they report, and as varied as people's captures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional

from inference.camera import Camera
from training.scenes import Sample, SceneConfig, sample_scene
from training.scenes.atlas import library
from training.scenes.sample import Setting, make_setting, window

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
    return SceneConfig(crop=48, source_side=192, textures=tmp_path_factory.mktemp("none"))


@pytest.fixture(scope="module")
def samples(config: SceneConfig) -> list[Sample]:
    return [sample_scene(seed, config, CPU) for seed in range(9)]


@pytest.fixture(scope="module")
def settings(config: SceneConfig) -> list[Setting]:
    full = SceneConfig(textures=config.textures)
    textures = library(full.texture_folder(), CPU)
    return [make_setting(seed, full, textures, CPU) for seed in range(110)]


def test_a_seed_gives_the_same_sample_again(samples: list[Sample], config: SceneConfig) -> None:
    for seed in (0, 7):
        again, first = sample_scene(seed, config, CPU), samples[seed]
        assert torch.equal(first.rgb, again.rgb)
        assert torch.equal(first.depth, again.depth)
        assert (first.near, first.far) == (again.near, again.far)
        for a, b in zip(first.images, again.images, strict=True):
            assert torch.equal(a, b)
        for x, y in zip([first.target, *first.sources], [again.target, *again.sources], strict=True):
            assert x.to_json() == y.to_json()


def test_other_seeds_give_other_samples(samples: list[Sample]) -> None:
    for a, b in itertools.pairwise(samples):
        assert (a.rgb - b.rgb).abs().mean() > 0.01


def test_samples_hold_what_they_promise(samples: list[Sample], config: SceneConfig) -> None:
    for sample in samples:
        assert sample.rgb.shape == (3, config.crop, config.crop)
        assert sample.depth.shape == (config.crop, config.crop)
        assert (sample.target.width, sample.target.height) == (config.crop, config.crop)
        assert len(sample.sources) == len(sample.images) == config.views
        assert 0 < sample.near < sample.far < np.inf
        assert (sample.depth > 0).all()
        for picture in (sample.rgb, *sample.images):
            assert picture.dtype == torch.float32
            assert torch.isfinite(picture).all()
            assert picture.min() >= 0
            assert picture.max() <= 1
        for camera, image in zip(sample.sources, sample.images, strict=True):
            assert image.shape == (3, camera.height, camera.width)
        reach = [float(np.linalg.norm(camera.centre - sample.target.centre)) for camera in sample.sources]
        # Reported centres are a little wrong; the order is that of the true ones.
        assert all(b > 0.95 * a - 0.01 * sample.near for a, b in itertools.pairwise(reach))


def test_the_true_depth_explains_the_sources(config: SceneConfig) -> None:
    clean = SceneConfig(crop=48, source_side=192, degrade=False, textures=config.textures)
    right, wrong, inside = [], [], []
    for seed in range(20, 30):
        sample = sample_scene(seed, clean, CPU)
        known = torch.isfinite(sample.depth).numpy()
        if known.mean() < 0.5:
            continue
        depth = np.where(known, sample.depth.numpy(), sample.far).astype(np.float64)
        inside.append(((depth > sample.near) & (depth < sample.far))[known].mean())
        step = 0.25 * (1 / sample.near - 1 / sample.far)
        right.append(disagreement(sample, depth)[known].mean())
        wrong.append(disagreement(sample, 1 / (1 / depth + step))[known].mean())
    assert np.mean(inside) > 0.95
    assert np.mean(right) < 0.03
    assert np.mean(wrong) > 2.0 * np.mean(right)


def disagreement(sample: Sample, depth: np.ndarray) -> np.ndarray:
    """Absolute difference (H, W) between the target and the best fitting source at a depth (H, W)."""
    y, x = np.mgrid[0 : depth.shape[0], 0 : depth.shape[1]] + 0.5
    points = sample.target.unproject(np.stack([x, y], axis=-1), depth)
    best = np.full(depth.shape, 1.0)
    for camera, image in zip(sample.sources, sample.images, strict=True):
        pixels, z = camera.project(points)
        grid = torch.from_numpy((2 * pixels / [camera.width, camera.height] - 1).astype(np.float32))[None]
        seen = functional.grid_sample(image[None], grid, align_corners=False)[0]
        outside = (np.abs(grid[0].numpy()).max(axis=-1) > 1) | (z <= 0)
        best = np.minimum(best, np.where(outside, 1.0, (seen - sample.rgb).abs().mean(dim=0).numpy()))
    return best


def test_a_window_holds_all_that_the_crop_can_need(settings: list[Setting]) -> None:
    random = np.random.default_rng(0)
    for setting in settings[:60]:
        target = setting.target
        pixels = random.uniform(0, [target.width, target.height], (400, 2))
        depth = 1 / random.uniform(1 / setting.far, 1 / setting.near, 400)
        points = target.unproject(pixels, depth)
        for source, rectangle in zip(setting.sources, setting.windows, strict=True):
            there, z = source.project(points)
            pictured = (z > 0) & (there >= 0).all(axis=1) & (there < [source.width, source.height]).all(axis=1)
            x, y, width, height = rectangle
            assert x >= 0
            assert y >= 0
            assert x + width <= source.width
            assert y + height <= source.height
            inside = (there >= [x, y]).all(axis=1) & (there <= [x + width, y + height]).all(axis=1)
            assert (inside | ~pictured).all()


def test_a_window_is_no_larger_than_it_must_be() -> None:
    target = Camera(96, 96, 500.0, 500.0, 40.0, 60.0, np.eye(4))
    pose = np.eye(4)
    pose[0, 3] = -0.2
    source = Camera(512, 384, 500.0, 500.0, 256.0, 192.0, pose)
    # Sideways by 0.2: 500 * 0.2 / 2 = 50 px at depth 2, 25 px at depth 4, to the left.
    assert window(target, source, 2.0, 4.0, 8) == (256 - 40 - 50 - 8, 192 - 60 - 8, 96 + 25 + 16, 96 + 16)


def test_spans_and_angles_are_as_varied_as_captures(settings: list[Setting]) -> None:
    spans = np.array([setting.span for setting in settings])
    assert spans.min() > 5
    assert spans.max() < 720
    assert 80 < np.median(spans) < 200
    assert np.mean(spans < 40) > 0.04
    assert np.mean(spans > 250) > 0.08
    assert np.mean((spans > 20) & (spans < 450)) > 0.75
    angles = []
    for setting in settings:
        target = setting.target
        middle = 2 / (1 / setting.near + 1 / setting.far)
        point = target.unproject(np.array([target.width / 2, target.height / 2]), np.array(middle))
        for source in setting.sources:
            a, b = target.centre - point, source.centre - point
            angles.append(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))
    assert np.quantile(angles, 0.95) < 40
    assert np.quantile(angles, 0.9) > 12
    assert np.max(angles) < 70


def test_all_kinds_of_light_and_background_occur(settings: list[Setting]) -> None:
    flash = np.mean([any(light.position is None for light in s.world.lights) for s in settings])
    shadows = np.mean([any(light.shadows for light in s.world.lights) for s in settings])
    plain = np.mean([s.world.environment is None for s in settings])
    assert 0.02 < flash < 0.3
    assert shadows > 0.3
    assert 0.05 < plain < 0.5
    counts = [len(s.world.primitives) for s in settings]
    assert np.quantile(counts, 0.1) < 15
    assert np.quantile(counts, 0.9) > 25
    assert max(counts) <= 70


def test_view_count_and_bad_wishes(config: SceneConfig) -> None:
    two = sample_scene(1, SceneConfig(views=2, crop=32, source_side=128, textures=config.textures), CPU)
    assert len(two.images) == 2
    with pytest.raises(ValueError, match="views=0"):
        SceneConfig(views=0)
    with pytest.raises(ValueError, match="negative"):
        sample_scene(-1, config, CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_renders_what_the_cpu_renders(config: SceneConfig) -> None:
    clean = SceneConfig(crop=48, source_side=192, degrade=False, textures=config.textures)
    for seed in range(4):
        a, b = sample_scene(seed, clean, CPU), sample_scene(seed, clean, torch.device("cuda"))
        assert b.rgb.is_cuda
        assert (a.rgb - b.rgb.cpu()).abs().mean() < 2e-3
        known = torch.isfinite(a.depth) & torch.isfinite(b.depth.cpu())
        assert ((a.depth / b.depth.cpu() - 1).abs()[known] < 1e-3).float().mean() > 0.99
