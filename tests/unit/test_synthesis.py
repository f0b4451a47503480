"""The session on a made-up capture whose held-out view and depth are known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference import synthesis
from inference.camera import Camera, Distortion
from inference.capture import photographs
from inference.capture.depth_range import DepthRange
from inference.convglr import pipeline as convglr
from inference.errors import DepthRangeError
from inference.frame import Frame
from inference.synthesis import Options, Session
from inference.view import Capture
from inference.weights.store import DEFAULTS, FOLDER
from tests.unit.networks import SMALL, network_of, save_network
from tests.unit.sweep_scenes import (
    FAR,
    MIDDLE,
    NEAR,
    WIDE_PLACES,
    cast,
    look_at,
    made_up_capture,
    photograph,
    psnr,
    source_cameras,
    target_camera,
)

# Those for any scene; GPS-Gaussian is for people, whom this scene has none of.
SCENE_METHODS = ("convglr", "plane-sweep", "nearest")

SHIPPED = FOLDER / f"{DEFAULTS['convglr']}.safetensors"


@pytest.fixture(scope="module")
def capture() -> Capture:
    return made_up_capture(source_cameras())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An untrained guided network of four views: as good as the classical draft."""
    network = network_of(replace(SMALL, views=4, planes=32))
    return str(save_network(tmp_path_factory.mktemp("weights"), network))


def options(method: str, weights: str, **changes: Any) -> Options:
    return Options(method, device="cpu", weights=weights if method == "convglr" else None, **changes)


@pytest.fixture(scope="module")
def frames(capture: Capture, weights: str) -> dict[str, Frame]:
    session = Session()
    return {name: session.synthesize(capture, target_camera(), options(name, weights)) for name in SCENE_METHODS}


@pytest.mark.parametrize("method", ["plane-sweep", "convglr"])
def test_held_out_view_is_made(frames: dict[str, Frame], method: str) -> None:
    truth = photograph(target_camera())
    ours, nearest = (psnr(frames[name].rgb, truth) for name in (method, "nearest"))
    assert ours > nearest + 5
    assert ours > 22


@pytest.mark.parametrize("method", ["plane-sweep", "convglr"])
def test_depth_and_alpha(weights: str, method: str) -> None:
    target = target_camera(144, 128, 150.0)
    capture = made_up_capture([look_at(place, MIDDLE, 144, 128, 150.0) for place in WIDE_PLACES])
    frame, truth = Session().synthesize(capture, target, options(method, weights)), cast(target)
    error = np.abs(frame.depth - truth) / truth
    assert np.median(error) < 0.04
    assert (error < 0.08).mean() > 0.85
    assert frame.alpha.mean() > 0.99 and frame.alpha.max() <= 1
    # Sure where it is right.
    assert frame.confidence[error < 0.05].mean() > frame.confidence[error > 0.1].mean() + 0.05


def test_layers_become_a_frame() -> None:
    layers = np.zeros((6, 1, 3), np.float32)
    layers[:3] = [[[-0.2, 0.4, 1.3]], [[0.1, 0.5, 0.2]], [[0.2, 0.6, 0.3]]]
    layers[3] = [[1.2, 0.5, 0.0]]
    layers[4:] = 0.25
    frame = synthesis._frame(target_camera(3, 1), layers, {})
    assert np.allclose(frame.rgb, [[[0, 0.1, 0.2], [0.4, 0.5, 0.6], [1, 0.2, 0.3]]])
    assert frame.alpha.tolist() == [[1.0, 0.5, 0.0]]
    assert frame.depth.tolist() == [[4.0, 4.0, float("inf")]]
    assert frame.confidence.tolist() == [[0.25, 0.25, 0.0]]


def test_nearest_has_a_picture_alone(frames: dict[str, Frame]) -> None:
    frame = frames["nearest"]
    assert np.allclose(frame.rgb, photograph(source_cameras()[2]))
    assert (frame.alpha == 1).all() and np.isinf(frame.depth).all() and not frame.confidence.any()


@pytest.mark.parametrize("method", SCENE_METHODS)
def test_metadata_makes_the_result_reproducible(frames: dict[str, Frame], method: str) -> None:
    metadata = json.loads(json.dumps(frames[method].metadata, allow_nan=False))
    assert metadata["method"] == method and metadata["device"] == "cpu" and metadata["warnings"] == []
    nearest_first = ["view_2", "view_3", "view_1", "view_0"]
    expected = nearest_first[:1] if method == "nearest" else nearest_first
    assert [source["name"] for source in metadata["sources"]] == expected
    assert sorted(source["name"] for source in metadata["skipped"]) == sorted({"view_4", *nearest_first} - {*expected})
    assert all("of the target" in source["reason"] for source in metadata["sources"])
    assert all("nearer" in source["reason"] for source in metadata["skipped"])
    stages = metadata["seconds"]
    assert all(seconds >= 0 for seconds in stages.values()) and {"photographs", "rendering"} <= set(stages)
    assert (metadata["weights"] is not None) == (method == "convglr") == ("network loading" in stages)
    if method != "nearest":
        assert (metadata["depth_near"], metadata["depth_far"], metadata["depth_origin"]) == (NEAR, FAR, "given")
        assert 0 < metadata["plane_step"] < 2 and "coarse pass" in stages


@pytest.mark.parametrize("method", ["plane-sweep", "convglr"])
def test_two_sources_are_enough(capture: Capture, weights: str, method: str) -> None:
    two = replace(capture, views=capture.views[:2])
    frame = Session().synthesize(two, target_camera(), options(method, weights))
    truth = photograph(target_camera())
    assert len(frame.metadata["sources"]) == 2
    assert psnr(frame.rgb, truth) > psnr(photograph(source_cameras()[0]), truth) + 3


def test_fewer_sources_than_there_are_may_be_asked_for(capture: Capture, weights: str) -> None:
    frame = Session().synthesize(capture, target_camera(), options("plane-sweep", weights, sources=3))
    # The last three are nearly equally far, and share two places.
    assert len(frame.metadata["sources"]) == 4
    assert ["counts" in source["reason"] for source in frame.metadata["sources"]] == [False, True, True, True]
    assert sum("3 sources are nearer" in source["reason"] for source in frame.metadata["skipped"]) == 1
    # A network takes as many as it was trained for, and no more.
    most = Session().synthesize(capture, target_camera(), options("convglr", weights, sources=5))
    assert len(most.metadata["sources"]) == 4


def test_preview_is_small(capture: Capture, weights: str) -> None:
    target = target_camera(600, 400, 500.0)
    frame = Session().synthesize(capture, target, options("plane-sweep", weights, quality="preview"))
    assert frame.rgb.shape == (171, 256, 3)
    assert frame.camera.fx == pytest.approx(500 * 256 / 600) and frame.metadata["quality"] == "preview"


def test_size_of_the_target_is_kept(capture: Capture, weights: str) -> None:
    for size in ((71, 63), (33, 5), (1, 1)):
        target = target_camera(*size, 40.0)
        frame = Session().synthesize(capture, target, options("convglr", weights))
        assert frame.rgb.shape == (size[1], size[0], 3) and np.isfinite(frame.rgb).all()


def test_lens_distortion_of_the_target_is_left_out(capture: Capture, weights: str, frames: dict[str, Frame]) -> None:
    bent = replace(target_camera(), distortion=Distortion("opencv", (0.1,)))
    frame = Session().synthesize(capture, bent, options("plane-sweep", weights))
    assert np.array_equal(frame.rgb, frames["plane-sweep"].rgb) and frame.camera.distortion is None


def test_next_frame_reads_nothing_again(capture: Capture, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    load = photographs.load_photograph
    networks: list[str] = []
    load_network = convglr.load_network

    def counted(view: Any, *arguments: Any, **named: Any) -> Any:
        loads.append(view.name)
        return load(view, *arguments, **named)

    def counted_network(source: Any, device: Any) -> Any:
        networks.append(source)
        return load_network(source, device)

    monkeypatch.setattr(photographs, "load_photograph", counted)
    monkeypatch.setattr(synthesis, "load_network", counted_network)
    session, asked = Session(), options("convglr", weights)
    first = session.synthesize(capture, target_camera(), asked)
    assert len(loads) == 4 and len(networks) == 1
    again = session.synthesize(capture, target_camera(), asked)
    moved = session.synthesize(capture, look_at((0.05, 0.0, 0.0), (0, 0, 4)), asked)
    assert len(loads) == 4 and len(networks) == 1
    assert np.array_equal(first.rgb, again.rgb) and not np.allclose(first.rgb, moved.rgb, atol=0.05)
    assert len(session.photographs) == 4
    session.unload()
    assert len(session.photographs) == 0
    assert np.array_equal(session.synthesize(capture, target_camera(), asked).rgb, first.rgb)
    assert len(loads) == 8 and len(networks) == 2


def test_progress_rises_from_nothing_to_nearly_one(capture: Capture, weights: str) -> None:
    said: list[tuple[float, str]] = []
    Session().synthesize(
        capture, target_camera(), options("convglr", weights), lambda done, stage: said.append((done, stage))
    )
    fractions = [done for done, _ in said]
    assert fractions == sorted(fractions) and fractions[0] == 0 and 0.5 < fractions[-1] <= 1
    stages = list(dict.fromkeys(stage for _, stage in said))
    assert stages[0] == "Loading the network" and {"Matching", "Rendering"} <= set(stages)


def test_given_depth_range_is_used(capture: Capture, weights: str) -> None:
    bare = replace(capture, depth_near=None, depth_far=None)
    frame = Session().synthesize(bare, target_camera(), options("plane-sweep", weights, depth_near=2.5, depth_far=8.0))
    assert (frame.metadata["depth_near"], frame.metadata["depth_far"]) == (2.5, 8.0)
    assert frame.depth.min() >= 2.5 * 0.999 and frame.depth.max() <= 8.0 * 1.001


def test_depth_range_is_found_once_and_said_to_be_missing(weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = source_cameras(3)
    points = cameras[0].unproject(np.random.default_rng(0).uniform(5, 60, (60, 2)), np.linspace(3.0, 6.0, 60))
    capture = replace(made_up_capture(cameras), points=points, depth_near=None, depth_far=None)
    session = Session()
    found = session.depth_range(capture)
    assert found.origin == "sparse points" and 2 < found.near < 3.2 and 5.5 < found.far < 8
    monkeypatch.setattr(synthesis, "find_depth_range", lambda *_: pytest.fail("searched again"))
    assert session.depth_range(capture) == found
    monkeypatch.undo()
    flat = tuple(replace(view, image=np.full((64, 72, 3), 0.5, np.float32)) for view in capture.views)
    with pytest.raises(DepthRangeError, match="give the near and the far depth"):
        Session().synthesize(
            replace(capture, views=flat, points=None), target_camera(), options("plane-sweep", weights)
        )


def test_masks_cut_holes_but_keep_the_colours(capture: Capture, weights: str, frames: dict[str, Frame]) -> None:
    """The wall is masked out of every source: the box stays, opaque; the wall's colours stay, transparent."""
    views = []
    for view in capture.views:
        depth = cast(view.camera)
        wall = cast(view.camera, box=False)
        views.append(replace(view, mask=(depth < wall - 1e-6).astype(np.float32)))
    frame = Session().synthesize(replace(capture, views=tuple(views)), target_camera(), options("plane-sweep", weights))
    target = target_camera()
    box = cast(target) < cast(target, box=False) - 1e-6
    inner = box & np.roll(box, 4, 0) & np.roll(box, -4, 0) & np.roll(box, 4, 1) & np.roll(box, -4, 1)
    outer = ~(box | np.roll(box, 6, 0) | np.roll(box, -6, 0) | np.roll(box, 6, 1) | np.roll(box, -6, 1))
    assert frame.alpha[inner].mean() > 0.95 and frame.alpha[outer].mean() < 0.05
    assert np.isinf(frame.depth[frame.alpha == 0]).all() and (frame.alpha == 0).any()
    truth = photograph(target)
    assert psnr(frame.rgb[outer], truth[outer]) > psnr(frames["nearest"].rgb[outer], truth[outer]) + 3


def test_source_amid_the_scene_keeps_its_photograph(capture: Capture) -> None:
    """The middle of what the target sees lies behind it: its pixels cannot be counted there."""
    ahead = look_at((0.0, 0.0, 4.5), (0, 0, 6))
    scene = DepthRange(NEAR, FAR, "given")
    assert synthesis._scale(target_camera(), ahead, scene) == 1.0
    assert synthesis._scale(target_camera(), target_camera(720, 640, 750.0), scene) == pytest.approx(2**-3.25)
    assert synthesis._scale(target_camera(720, 640, 750.0), target_camera(), scene) == 1.0


def test_shipped_weights_are_at_least_as_good_as_the_draft(capture: Capture, frames: dict[str, Frame]) -> None:
    assert SHIPPED.is_file(), "the weights that the extension ships are missing"
    frame = Session().synthesize(capture, target_camera(), Options(device="cpu"))
    truth = photograph(target_camera())
    assert psnr(frame.rgb, truth) > psnr(frames["plane-sweep"].rgb, truth)
    assert frame.metadata["weights"] and isinstance(frame.camera, Camera)
