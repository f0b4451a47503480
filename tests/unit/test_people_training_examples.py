"""What training on people learns from: the true flow, the pictures, and examples on disk and in batches."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from inference.gps_gaussian.forward import Pairs
from inference.gps_gaussian.unprojection import inverse_depth_of, unproject
from inference.stereo.rectification import WORKING_DISTANCE
from tests.unit.people_examples import CENTRE, RADIUS, BallPicture, ball, ball_sample, camera_at, colour_of
from training.gps_gaussian.example import Example, join, prepare, recoloured
from training.gps_gaussian.storage import FLOW_STEP, load_example, save_example

SIDE = 192
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def example() -> Example:
    return prepare(ball_sample(targets=(8.0, 15.0)), SIDE)  # type: ignore[arg-type]


def points_of(example: Example) -> Any:
    """The points (2, H, W, 3) of the true flow, in the scene of the sample."""
    pairs = example.pairs
    points = unproject(inverse_depth_of(example.flow, pairs.offset, pairs.transform), pairs.intrinsics, pairs.poses)
    return points.permute(0, 2, 3, 1).double().numpy() / scale_of(example)


def scale_of(example: Example) -> float:
    target = ball_sample().targets[0].camera
    return float(example.targets[0][0].camera.translation[2] / target.translation[2])


def test_true_flow_lies_on_the_surface(example: Example) -> None:
    valid = example.valid[:, 0].numpy()
    share = valid.sum() / (example.pairs.mask > 0.5).sum()
    assert 0.85 < share < 1.0
    off = np.linalg.norm(points_of(example)[valid] - CENTRE, axis=-1) - RADIUS
    # A pixel is 0.05 units wide; bilinear depth of a curved surface is a little off near the outline.
    assert np.abs(off).max() < 0.05
    assert np.median(np.abs(off)) < 1e-3


def test_true_flow_warps_one_view_onto_the_other(example: Example) -> None:
    image, width = example.pairs.image, example.flow.shape[3]
    for own, other in ((0, 1), (1, 0)):
        column = torch.arange(width) + 0.5 + example.flow[own, 0]
        row = (torch.arange(image.shape[2]) + 0.5)[:, None].expand_as(column)
        grid = torch.stack([2 * column / width - 1, 2 * row / image.shape[2] - 1], dim=-1)[None]
        warped = functional.grid_sample(image[other][None], grid, mode="bicubic", align_corners=False)[0]
        valid = example.valid[own, 0]
        moved = (warped - image[own]).abs().mean(dim=0)[valid]
        unmoved = (image[other] - image[own]).abs().mean(dim=0)[valid]
        assert moved.median() < 0.01 < unmoved.median()
        assert moved.mean() < 0.2 * unmoved.mean()


def test_points_land_on_the_targets_colours(example: Example) -> None:
    """From the network's scene and cameras alone, as the renderer sees them."""
    pairs, (targets,) = example.pairs, example.targets
    distance = np.linalg.norm(targets[0].camera.centre - CENTRE * scale_of(example))
    assert distance == pytest.approx(WORKING_DISTANCE, rel=0.02)
    points = unproject(inverse_depth_of(example.flow, pairs.offset, pairs.transform), pairs.intrinsics, pairs.poses)
    points = points.permute(0, 2, 3, 1)[example.valid[:, 0]]
    colours = pairs.image.permute(0, 2, 3, 1)[example.valid[:, 0]]
    for target in targets:
        pixels, _ = target.camera.project(points.numpy())
        normal = (points.double().numpy() / scale_of(example) - CENTRE) / RADIUS
        towards = target.camera.centre / scale_of(example) - CENTRE
        facing = (normal @ towards) > 0.5 * np.linalg.norm(towards)
        grid = torch.from_numpy(pixels[facing]).float() / torch.tensor([target.camera.width, target.camera.height])
        seen = functional.grid_sample(target.rgb[None], 2 * grid[None, None] - 1, align_corners=False)[0, :, 0].T
        assert (seen - colours[torch.from_numpy(facing)]).abs().mean() < 0.03
        truth = torch.from_numpy(colour_of(normal[facing])).float()
        assert (seen - truth).abs().mean() < 0.03


def test_pixels_between_two_surfaces_are_not_known() -> None:
    """A nearer square before the ball: what lies across its edges has no truth, what lies inside has its depth."""
    sample = ball_sample()
    first = sample.sources[0]
    depth = first.depth.copy()
    depth[90:120, 90:120] -= 1.5
    nearer = prepare(
        replace(sample, sources=(BallPicture(first.camera, first.rgb, first.mask, depth), sample.sources[1])),  # type: ignore[arg-type]
        SIDE,
    )
    plain = prepare(sample, SIDE)  # type: ignore[arg-type]
    changed = (nearer.flow - plain.flow).abs()[nearer.valid]
    step = changed.max()
    assert step > 3
    # No mixtures of the two.
    assert ((changed < 0.2) | (changed > 0.7 * step)).all()
    assert (nearer.valid & ~plain.valid).sum() == 0
    assert 50 < (plain.valid & ~nearer.valid).sum() < 800


def test_guided_start_is_near_the_truth(example: Example) -> None:
    assert example.pairs.initial is not None
    error = (example.pairs.initial - example.flow).abs()[example.valid]
    assert error.median() < 0.3


def test_the_start_goes_around_the_hull_of_the_whole_rig(example: Example) -> None:
    sample = ball_sample()
    ring = tuple(ball(camera_at(azimuth)) for azimuth in range(60, 360, 40))
    made = prepare(replace(sample, others=ring), SIDE)  # type: ignore[arg-type]
    assert made.pairs.initial is not None and example.pairs.initial is not None
    assert (made.pairs.initial - made.flow).abs()[made.valid].median() < 0.3
    # Silhouettes that contradict the pair's leave nothing of the hull to start from.
    elsewhere = tuple(replace(view, mask=np.roll(view.mask, 100, axis=1)) for view in ring)
    wrong = prepare(replace(sample, others=elsewhere), SIDE)  # type: ignore[arg-type]
    assert wrong.pairs.initial is not None
    assert (wrong.pairs.initial - wrong.flow).abs().mean() > 2 * (made.pairs.initial - made.flow).abs().mean()


def test_examples_come_back_from_disk(example: Example, tmp_path: Path) -> None:
    save_example(tmp_path / "one.safetensors", example)
    read = load_example(tmp_path / "one.safetensors")
    assert [entry.name for entry in tmp_path.iterdir()] == ["one.safetensors"]
    assert (tmp_path / "one.safetensors").stat().st_size < 1e6
    for name in ("intrinsics", "poses", "offset", "transform"):
        assert torch.equal(getattr(read.pairs, name), getattr(example.pairs, name))
    assert read.pairs.initial is not None and example.pairs.initial is not None
    assert torch.equal(read.valid, example.valid)
    for ours, theirs, step in (
        (read.pairs.image, example.pairs.image, 1 / 255),
        (read.pairs.mask, example.pairs.mask, 1 / 255),
        (read.flow, example.flow, FLOW_STEP),
        (read.pairs.initial, example.pairs.initial, FLOW_STEP),
        (read.targets[0][1].rgb, example.targets[0][1].rgb, 1 / 255),
    ):
        assert (ours - theirs).abs().max() <= 0.51 * step
    assert read.targets[0][1].camera.to_json() == example.targets[0][1].camera.to_json()


def test_a_batch_stacks_left_views_before_right_ones(example: Example) -> None:
    pairs = {field.name: getattr(example.pairs, field.name) for field in fields(Pairs)}
    cut = {name: value[..., :128, :] if value.dim() == 4 else value for name, value in pairs.items()}
    lower = replace(example, pairs=Pairs(**cut), flow=example.flow[..., :128, :], valid=example.valid[..., :128, :])
    batch = join([example, lower], CPU)
    assert torch.equal(batch.pairs.image[[0, 2]], example.pairs.image)
    assert torch.equal(batch.pairs.image[[1, 3], :, :128], lower.pairs.image)
    assert not batch.pairs.mask[[1, 3], :, 128:].any() and not batch.valid[[1, 3], :, 128:].any()
    assert torch.equal(batch.pairs.transform[[0, 2]], example.pairs.transform)
    assert torch.equal(batch.pairs.poses[[1, 3]], example.pairs.poses)
    assert len(batch.targets) == 2


def test_recolouring_exchanges_channels_everywhere(example: Example) -> None:
    changed = next(
        other
        for other in (recoloured(example, np.random.default_rng(seed).permutation(3)) for seed in range(9))
        if not torch.equal(other.pairs.image, example.pairs.image)
    )
    for channel in range(3):
        source = next(c for c in range(3) if torch.equal(changed.pairs.image[:, channel], example.pairs.image[:, c]))
        assert torch.equal(changed.targets[0][0].rgb[channel], example.targets[0][0].rgb[source])
    assert torch.equal(changed.flow, example.flow)
