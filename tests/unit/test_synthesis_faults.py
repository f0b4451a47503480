"""What the session says where a picture cannot be made, and that it goes on afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference import synthesis
from inference.errors import BackendError, Cancelled, CaptureError, TargetError, WeightsError
from inference.frame import Frame
from inference.planesweep import pipeline
from inference.planesweep.sweep import Sweep
from inference.progress import silent
from inference.synthesis import Options, Session
from inference.view import Capture
from tests.unit.networks import SMALL, network_of, save_network
from tests.unit.sweep_scenes import (
    look_at,
    made_up_capture,
    source_cameras,
    target_camera,
)

# Those for any scene; GPS-Gaussian is for people, whom this scene has none of.
SCENE_METHODS = ("convglr", "plane-sweep", "nearest")


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
def draft(capture: Capture) -> Frame:
    return Session().synthesize(capture, target_camera(), Options("plane-sweep", device="cpu"))


def test_one_source_is_too_few(capture: Capture, weights: str) -> None:
    one = replace(capture, views=capture.views[:1])
    for method in ("plane-sweep", "convglr"):
        with pytest.raises(TargetError, match=r"Only one source \('view_0'\) sees .* two are needed; .*\.$"):
            Session().synthesize(one, target_camera(), options(method, weights))
    assert Session().synthesize(one, target_camera(), options("nearest", weights)).rgb.shape == (64, 72, 3)


@pytest.mark.parametrize("method", SCENE_METHODS)
def test_target_that_looks_away_is_refused(capture: Capture, weights: str, method: str) -> None:
    away = look_at((0, 0, 0), (0, 0.2, -4))
    with pytest.raises(TargetError, match=r"^None of the sources sees what the target camera sees; .*\.$"):
        Session().synthesize(capture, away, options(method, weights))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError("Unable to allocate"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=["torch", "numpy", "torch on the CPU"],
)
def test_short_memory_means_smaller_tiles_and_a_warning(
    capture: Capture, weights: str, draft: Frame, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    render, sides = pipeline.render_draft, []

    def tight(sweep: Sweep, side: int, progress: Any) -> Any:
        sides.append(side)
        if side > 160:
            raise error
        return render(sweep, side, progress)

    monkeypatch.setattr(synthesis, "render_draft", tight)
    frame = Session().synthesize(capture, target_camera(), options("plane-sweep", weights))
    assert sides == [640, 320, 160]
    assert [str(side) in text for side, text in zip((320, 160), frame.metadata["warnings"], strict=True)] == [True] * 2
    assert np.allclose(frame.rgb, draft.rgb, atol=1e-5)


def test_no_memory_at_all_is_said(capture: Capture, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(synthesis, "render_draft", never)
    with pytest.raises(BackendError, match="not enough memory for even a small tile"):
        Session().synthesize(capture, target_camera(), options("plane-sweep", weights))


def test_other_errors_are_not_taken_for_short_memory(
    capture: Capture, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(synthesis, "render_draft", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        Session().synthesize(capture, target_camera(), options("plane-sweep", weights))


def stop_at(fraction: float) -> Callable[[float, str], None]:
    def progress(done: float, stage: str) -> None:
        if done >= fraction:
            raise Cancelled

    return progress


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.3, 0.5])
def test_cancelling_leaves_the_session_usable(capture: Capture, weights: str, draft: Frame, fraction: float) -> None:
    session = Session()
    with pytest.raises(Cancelled):
        session.synthesize(capture, target_camera(), options("convglr", weights), stop_at(fraction))
    frame = session.synthesize(capture, target_camera(), options("convglr", weights))
    expected = Session().synthesize(capture, target_camera(), options("convglr", weights))
    assert np.array_equal(frame.rgb, expected.rgb)
    # The untrained network makes the draft, and fills in what no source shows.
    shown = draft.alpha > 0.3
    assert shown.mean() > 0.5 and np.allclose(frame.rgb[shown], draft.rgb[shown], atol=1e-5)


@pytest.mark.parametrize(
    ("near", "far"), [(5.0, 2.0), (3.0, 3.0), (0.0, 2.0), (-1.0, 2.0), (float("nan"), 2.0), (2.0, float("inf"))]
)
def test_impossible_depth_range_is_refused(capture: Capture, weights: str, near: float, far: float) -> None:
    with pytest.raises(CaptureError, match="is not possible; near must be positive and below far"):
        Session().synthesize(capture, target_camera(), options("plane-sweep", weights, depth_near=near, depth_far=far))


@pytest.mark.parametrize("end", [{"depth_near": 2.0}, {"depth_far": 8.0}], ids=str)
def test_one_end_of_a_depth_range_is_refused(capture: Capture, weights: str, end: dict[str, float]) -> None:
    with pytest.raises(CaptureError, match="only one end"):
        Session().synthesize(capture, target_camera(), options("plane-sweep", weights, **end))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"method": "magic"}, r"There is no method 'magic'; use one of: convglr, gps-gaussian, plane-sweep, nearest\."),
        ({"quality": "best"}, r"There is no quality 'best'; use one of: full, preview\."),
        ({"sources": 1}, r"1 sources are too few for 'convglr'; allow at least 2\."),
        ({"method": "nearest", "sources": 0}, r"0 sources are too few for 'nearest'; allow at least 1\."),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TargetError, match=sentence):
        Options(**changes)


def test_cuda_where_there_is_none_is_refused(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendError, match="The device 'cuda' is not there"):
        Session().synthesize(capture, target_camera(), Options("plane-sweep", device="cuda"))


def test_weights_that_are_missing_are_named(capture: Capture, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.safetensors"):
        Session().synthesize(
            capture, target_camera(), Options(device="cpu", weights=str(tmp_path / "gone.safetensors")), silent
        )
