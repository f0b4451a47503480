"""What a session keeps of a rig between requests, what it drops, and that stopping it does no harm."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.errors import Cancelled, TargetError, WeightsError
from inference.gps_gaussian import rig
from inference.gps_gaussian.matching import MatchedPair
from inference.synthesis import Options, Session
from inference.view import Capture
from tests.unit.ball_rigs import before_black, camera_at, exchanged, ring, untrained_weights

OPTIONS = Options("gps-gaussian", device="cpu")
TARGET = camera_at(22.5)


@pytest.fixture(scope="module", autouse=True)
def fast(untrained: None) -> Iterator[None]:
    yield


@pytest.fixture(scope="module")
def capture() -> Capture:
    return ring((315, 0, 45, 90))


class Watched:
    """Counts calls of a function, and keeps weak hold of what it returns."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.arguments: list[tuple[Any, ...]] = []
        self.results: list[weakref.ref[Any]] = []

    def __call__(self, *arguments: Any) -> Any:
        result = self.function(*arguments)
        self.arguments.append(arguments)
        self.results.append(weakref.ref(result))
        return result


@pytest.fixture
def matching(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched(rig.match_pair)
    monkeypatch.setattr(rig, "match_pair", watched)
    return watched


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched(rig.pair_cloud)
    monkeypatch.setattr(rig, "pair_cloud", watched)
    return watched


def test_what_was_made_is_not_made_again(capture: Capture, matching: Watched, clouds: Watched) -> None:
    session = Session()
    first = session.synthesize(capture, TARGET, OPTIONS)
    # The pair, and its neighbours, which it asks what they have matched.
    assert len(matching.arguments) == 3 and len(clouds.arguments) == 1
    again = session.synthesize(capture, TARGET, OPTIONS)
    session.synthesize(capture, camera_at(30), OPTIONS)
    assert len(matching.arguments) == 3 and len(clouds.arguments) == 1
    assert np.array_equal(first.rgb, again.rgb)
    session.reconstruct(capture, None, OPTIONS)
    assert len(matching.arguments) == 3 and len(clouds.arguments) == 3
    session.synthesize(capture, TARGET, replace(OPTIONS, quality="preview"))
    assert len(matching.arguments) == 6


def test_other_pictures_are_made_anew(capture: Capture, matching: Watched) -> None:
    session = Session()
    first = session.synthesize(capture, TARGET, OPTIONS)
    grey = exchanged(capture, "at_0", image=np.full_like(capture["at_0"].image, 0.5))
    other = session.synthesize(grey, TARGET, OPTIONS)
    assert len(matching.arguments) == 6
    assert np.abs(before_black(first) - before_black(other)).mean() > 0.02
    # A sequence that comes back to its first frame finds it.
    session.synthesize(capture, TARGET, OPTIONS)
    assert len(matching.arguments) == 6


def test_memory_is_bounded(
    capture: Capture, monkeypatch: pytest.MonkeyPatch, matching: Watched, clouds: Watched
) -> None:
    expected, _ = Session().reconstruct(capture, None, OPTIONS)
    matching.results.clear()
    clouds.results.clear()
    monkeypatch.setattr(rig, "MOST_MATCHES", 2)
    monkeypatch.setattr(rig, "MOST_CLOUDS", 1)
    session = Session()
    gaussians, _ = session.reconstruct(capture, None, OPTIONS)
    assert np.array_equal(gaussians.means, expected.means)
    gc.collect()
    assert sum(result() is not None for result in matching.results) == 2
    assert sum(result() is not None for result in clouds.results) == 1


def test_unloading_frees_everything(capture: Capture, matching: Watched, clouds: Watched) -> None:
    session = Session()
    session.synthesize(capture, TARGET, OPTIONS)
    kept = matching.results + clouds.results
    assert all(result() is not None for result in kept) and session.photographs.nbytes > 0
    session.unload()
    gc.collect()
    assert not any(result() is not None for result in kept)
    assert session.photographs.nbytes == 0
    session.synthesize(capture, TARGET, OPTIONS)
    assert len(matching.arguments) == 6


def test_stopping_at_any_report_leaves_the_session_usable(capture: Capture) -> None:
    expected = Session().synthesize(capture, TARGET, OPTIONS)
    session = Session()
    reports: list[tuple[float, str]] = []
    left = [0]

    def progress(done: float, stage: str) -> None:
        if left[0] == 0:
            raise Cancelled
        left[0] -= 1
        reports.append((done, stage))

    stops = 0
    # Every time it comes one report farther, until it comes to the end.
    while True:
        left[0] = stops
        reports.clear()
        try:
            frame = session.synthesize(capture, TARGET, OPTIONS, progress)
            break
        except Cancelled:
            stops += 1
    assert stops >= 5 and np.array_equal(frame.rgb, expected.rgb)
    done = [fraction for fraction, _ in reports]
    assert done == sorted(done) and done[0] == 0 and 0.8 < done[-1] <= 1


def test_progress_of_a_whole_rig_goes_from_start_to_end(capture: Capture) -> None:
    reports: list[tuple[float, str]] = []
    Session().reconstruct(capture, None, OPTIONS, lambda done, stage: reports.append((done, stage)))
    done = [fraction for fraction, _ in reports]
    assert done == sorted(done) and done[0] == 0 and 0.85 < done[-1] <= 1
    assert {"Looking at the masks", "Rectifying", "Matching", "Running the network"} <= {stage for _, stage in reports}


def test_the_papers_start_is_one_file_away(capture: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference.gps_gaussian.weights import load_network

    matched: list[MatchedPair] = []
    monkeypatch.setattr(rig, "load_network", load_network)
    monkeypatch.setattr(rig, "LONGEST", {"full": 128, "preview": 64})
    cloud = rig.pair_cloud
    monkeypatch.setattr(
        rig, "pair_cloud", lambda network, pair, *rest: matched.append(pair) or cloud(network, pair, *rest)
    )
    options = replace(OPTIONS, weights=untrained_weights(tmp_path, guided=False))
    frame = Session().synthesize(capture, TARGET, options)
    # The authors' weights know square pictures alone, and no flow to start from.
    [pair] = matched
    assert pair.flows is None and all(picture.shape == (128, 128, 3) for picture in pair.pictures)
    assert np.isfinite(frame.rgb).all() and frame.rgb.shape == (168, 160, 3)
    gaussians, metadata = Session().reconstruct(capture, TARGET, replace(options, quality="preview"))
    assert matched[-1].pictures[0].shape == (64, 64, 3) and metadata["quality"] == "preview"
    assert np.isfinite(gaussians.means).all()


def test_weights_that_are_missing_are_named(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference.gps_gaussian.weights import load_network

    monkeypatch.setattr(rig, "load_network", load_network)
    with pytest.raises(WeightsError, match=r"gone\.safetensors"):
        Session().synthesize(capture, TARGET, replace(OPTIONS, weights="gone.safetensors"))


def test_other_methods_make_no_gaussians(capture: Capture) -> None:
    with pytest.raises(TargetError, match=r"'plane-sweep' makes no Gaussians; use gps-gaussian\."):
        Session().reconstruct(capture, None, Options("plane-sweep", device="cpu"))
