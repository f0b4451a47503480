"""Pictures and Gaussians of a ball in a rig of cameras, through the session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from inference.colour import from_linear, to_linear
from inference.frame import Frame
from inference.gps_gaussian import rig
from inference.splatting.frame import splat_frame
from inference.synthesis import Options, Session
from inference.view import Capture
from tests.unit.ball_rigs import (
    AZIMUTHS,
    before_black,
    camera_at,
    difference,
    exchanged,
    psnr_of,
    ring,
    scaled,
    untrained_weights,
    view_of,
    well_seen,
)
from tests.unit.people_examples import ball

OPTIONS = Options("gps-gaussian", device="cpu")
TARGET = camera_at(22.5)
# The pair around the target and a neighbour on either side: all that its picture depends on but for the hull.
AROUND = (315, 0, 45, 90)
BOTH = [camera_at(0), camera_at(45)]


@pytest.fixture(scope="module", autouse=True)
def fast(untrained: None) -> Iterator[None]:
    yield


@pytest.fixture(scope="module")
def session() -> Session:
    """What has been made of the unchanged captures below."""
    return Session()


@pytest.fixture(scope="module")
def capture() -> Capture:
    return ring(AROUND)


@pytest.fixture(scope="module")
def plain(session: Session, capture: Capture) -> Frame:
    return session.synthesize(capture, TARGET, OPTIONS)


def made(capture: Capture) -> Frame:
    return Session().synthesize(capture, TARGET, OPTIONS)


def nearest(azimuth: float) -> float:
    """PSNR of the photograph of the camera at ``azimuth`` in place of the target's picture."""
    return float(-10 * np.log10(((ball(camera_at(azimuth)).rgb - ball(TARGET).rgb) ** 2).mean()))


def test_a_ring_makes_the_view_between_two_of_its_cameras() -> None:
    frame = made(ring())
    assert psnr_of(frame) > max(19.0, nearest(0) + 4.0)
    assert psnr_of(frame, well_seen(TARGET, BOTH)) > 26.0
    assert ((frame.alpha > 0.5) == (ball(TARGET).mask > 0.5)).mean() > 0.96
    [pair] = frame.metadata["pairs"]
    assert (pair["left"], pair["right"], pair["share"]) == ("at_0", "at_45", 1.0)
    assert {source["name"] for source in frame.metadata["sources"]} == {"at_0", "at_45"}
    assert len(frame.metadata["skipped"]) == len(AZIMUTHS) - 2 and not frame.metadata["warnings"]


def test_depth_is_that_of_the_surface(plain: Frame) -> None:
    core = well_seen(TARGET, BOTH)
    off = np.abs(plain.depth - ball(TARGET).depth)[core]
    assert np.median(off) < 0.05 and np.quantile(off, 0.98) < 0.2


def test_the_network_itself_before_its_training_makes_the_same(
    plain: Frame, capture: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inference.gps_gaussian.weights import load_network

    monkeypatch.setattr(rig, "load_network", load_network)
    options = replace(OPTIONS, weights=untrained_weights(tmp_path))
    frame = Session().synthesize(capture, TARGET, options)
    assert np.abs(before_black(frame) - before_black(plain)).max() < 1e-4


@pytest.mark.parametrize("scale", [1e3, 1e-3])
def test_the_unit_of_the_scene_changes_nothing(plain: Frame, capture: Capture, scale: float) -> None:
    views = tuple(replace(view, camera=scaled(view.camera, scale)) for view in capture)
    frame = Session().synthesize(replace(capture, views=views), scaled(TARGET, scale), OPTIONS)
    assert difference(frame, plain) > 50.0
    core = well_seen(TARGET, BOTH)
    assert np.quantile(np.abs(frame.depth[core] / scale - plain.depth[core]), 0.999) < 0.01


def test_the_order_of_two_views_changes_nothing() -> None:
    one, other = made(ring((0, 45))), made(ring((45, 0)))
    assert np.abs(before_black(one) - before_black(other)).max() < 1e-3
    assert psnr_of(one, well_seen(TARGET, BOTH)) > 18.0
    assert other.metadata["pairs"] == one.metadata["pairs"]


def test_the_order_of_a_rig_changes_next_to_nothing(plain: Frame, capture: Capture) -> None:
    # Where two silhouettes tell as much, the first is asked: fractions of a pixel at the hull's rims.
    frame = made(replace(capture, views=capture.views[::-1]))
    assert difference(frame, plain) > 40.0


def test_views_of_other_sizes_and_focal_lengths_go_together(plain: Frame) -> None:
    sizes = {"at_315": (1.0, 0.8), "at_0": (1.5, 1.4), "at_45": (0.75, 0.78), "at_90": (2.0, 2.0)}
    views = []
    for azimuth, (size, focal) in zip(AROUND, sizes.values(), strict=True):
        changes = {"width": int(160 * size), "height": int(168 * size) + 5, "fx": 340 * focal, "fy": 340 * focal}
        views.append(view_of(camera_at(azimuth, cx=80 * size - 3, cy=84 * size + 4, **changes), f"at_{azimuth}"))
    frame = made(Capture(tuple(views)))
    core = well_seen(TARGET, BOTH)
    assert psnr_of(frame) > psnr_of(plain) - 1.5
    # The smaller of the two is coarser by a quarter.
    assert psnr_of(frame, core) > psnr_of(plain, core) - 2.0


@pytest.mark.parametrize("stops", [0.5, -0.5])
def test_a_view_of_another_exposure_leaves_no_seam(plain: Frame, capture: Capture, stops: float) -> None:
    brighter = from_linear(to_linear(capture["at_45"].image) * np.float32(2**stops))  # type: ignore[arg-type]
    frame = made(exchanged(capture, "at_45", image=brighter))
    assert psnr_of(frame) > psnr_of(plain) - 1.0
    core = well_seen(TARGET, BOTH)
    brightness = [np.where(core[..., None], to_linear(before_black(each)), 0).sum(axis=2) for each in (frame, plain)]
    columns = [each.reshape(len(core), -1, 20).sum(axis=(0, 2)) for each in brightness]
    full = core.reshape(len(core), -1, 20).sum(axis=(0, 2)) > 400
    ratios = np.log2(columns[0][full] / columns[1][full])
    # Half of the way, and the same from left to right.
    assert full.sum() >= 4
    assert np.abs(ratios - stops / 2).max() < 0.06 and np.ptp(ratios) < 0.06


def test_a_target_passes_from_pair_to_pair_without_a_jump(
    session: Session, capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steps(azimuths: list[float]) -> list[float]:
        pictures = [before_black(session.synthesize(capture, camera_at(azimuth), OPTIONS)) for azimuth in azimuths]
        return [float(np.abs(one - other).mean()) for one, other in pairwise(pictures)]

    smooth = steps([44.3, 44.5, 44.7, 44.9, 45.1, 45.3, 45.5, 45.7])
    # As if the pairs were switched at the camera that both have.
    monkeypatch.setattr(rig, "LEAST_SHARE", 0.5)
    [hard] = steps([44.9, 45.1])
    assert max(smooth) < 1.2 * min(smooth) and hard > 3 * max(smooth)


def test_a_cloud_of_all_pairs_looks_like_the_picture(session: Session, capture: Capture, plain: Frame) -> None:
    gaussians, metadata = session.reconstruct(capture, None, OPTIONS)
    assert [(pair["left"], pair["right"]) for pair in metadata["pairs"]] == [
        ("at_315", "at_0"), ("at_0", "at_45"), ("at_45", "at_90"),
    ]  # fmt: skip
    assert {source["name"] for source in metadata["sources"]} == {view.name for view in capture}
    cloud = splat_frame(gaussians, TARGET, "cpu")
    core = well_seen(TARGET, BOTH)
    assert difference(cloud, plain) > 20.0
    assert psnr_of(cloud) > psnr_of(plain) - 1.5 and psnr_of(cloud, core) > psnr_of(plain, core) - 3.0


def test_a_cloud_for_a_target_is_of_the_pairs_around_it(session: Session, capture: Capture, plain: Frame) -> None:
    gaussians, metadata = session.reconstruct(capture, TARGET, OPTIONS)
    assert [(pair["left"], pair["right"]) for pair in metadata["pairs"]] == [("at_0", "at_45")]
    assert difference(splat_frame(gaussians, TARGET, "cpu"), plain) > 28.0
