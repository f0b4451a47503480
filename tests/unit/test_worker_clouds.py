"""The worker's request ``splat``: clouds placed by their matrices, kept in memory as long as their files stay."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.camera import Camera
from inference.errors import GaussiansError
from inference.gaussian_ply import write_gaussians
from inference.gaussians import Gaussians
from inference.progress import silent
from inference.worker import clouds, protocol
from inference.worker.clouds import ResidentClouds
from inference.worker.handlers import Handlers
from inference.worker.server import Context

UNMOVED = np.eye(4).tolist()


def ball(colour: tuple[float, float, float], x: float = 0.0, count: int = 1) -> Gaussians:
    """Small opaque Gaussians at (x, 0, 4), in front of :func:`camera`."""
    return Gaussians.coloured(
        np.tile([x, 0.0, 4.0], (count, 1)),
        np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)),
        np.full((count, 3), 0.1),
        np.full(count, 0.99),
        np.tile(colour, (count, 1)),
    )


def stored(folder: Path, name: str, cloud: Gaussians) -> str:
    path = folder / f"{name}.ply"
    write_gaussians(path, cloud)
    return str(path)


def moved(x: float) -> list[list[float]]:
    matrix = np.eye(4)
    matrix[0, 3] = x
    return matrix.tolist()


def camera() -> Camera:
    return Camera(64, 32, 40.0, 40.0, 32.0, 16.0, np.eye(4))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    read = clouds.read_gaussians

    def watched(path: Path) -> Gaussians:
        names.append(path.stem)
        return read(path)

    monkeypatch.setattr(clouds, "read_gaussians", watched)
    return names


def test_splat_places_clouds_by_their_matrices(tmp_path: Path, reads: list[str]) -> None:
    said: list[Any] = []
    context = Context(1, tmp_path / "result-1", said.append)
    red, green = stored(tmp_path, "red", ball((1, 0, 0))), stored(tmp_path, "green", ball((0, 1, 0)))
    handlers = Handlers()

    def columns(red_x: float, green_x: float) -> tuple[int, int]:
        """The columns in which the two are brightest."""
        placed = [{"path": red, "matrix": moved(red_x)}, {"path": green, "matrix": moved(green_x)}]
        params = {"clouds": placed, "target": camera().to_json(), "options": {"device": "cpu"}}
        rgba = handlers.splat(params, context)["rgba"]
        light = rgba[..., :3] * rgba[..., 3:]
        return int(light[..., 0].sum(axis=0).argmax()), int(light[..., 1].sum(axis=0).argmax())

    red_column, green_column = columns(-1.0, 1.5)
    assert abs(red_column + 0.5 - (32 - 10)) <= 1 and abs(green_column + 0.5 - (32 + 15)) <= 1
    red_column, green_column = columns(2.0, 1.5)
    assert abs(red_column + 0.5 - (32 + 20)) <= 1 and abs(green_column + 0.5 - (32 + 15)) <= 1
    assert reads == ["red", "green"]
    handlers.unload({}, context)
    columns(2.0, 1.5)
    assert reads == ["red", "green", "red", "green"]
    assert {message["message"] for message in said if message["type"] == protocol.PROGRESS} >= {"Splatting"}


def test_splats_are_kept(tmp_path: Path, reads: list[str]) -> None:
    context = Context(1, tmp_path / "result-1", lambda message: None)
    params = {
        "clouds": [{"path": stored(tmp_path, "red", ball((1, 0, 0))), "matrix": UNMOVED}],
        "target": camera().to_json(),
        "options": {"device": "cpu"},
        "cache": {"folder": str(tmp_path / "cache"), "key": "k", "limit": 10**9},
    }
    made = Handlers().splat(params, context)
    again = Handlers().splat(params, context)
    assert again["metadata"] == {**made["metadata"], "cached": True} and reads == ["red"]
    np.testing.assert_allclose(again["rgba"], made["rgba"], atol=0.51 / 65535)
    np.testing.assert_array_equal(again["depth"], made["depth"])
    assert np.isinf(again["depth"][0, 0]) and np.isfinite(again["depth"]).any()


def test_a_changed_file_is_read_again(tmp_path: Path, reads: list[str]) -> None:
    resident = ResidentClouds()
    placed = [{"path": stored(tmp_path, "a", ball((1, 0, 0))), "matrix": UNMOVED}]
    first = resident.joined(placed, silent)
    assert resident.joined(placed, silent) is first
    stored(tmp_path, "a", ball((0, 1, 0)))
    os.utime(tmp_path / "a.ply", ns=(1, 1))
    np.testing.assert_allclose(resident.joined(placed, silent).colours, [[0, 1, 0]], atol=1e-6)
    assert reads == ["a", "a"]


def test_the_least_recently_used_cloud_is_dropped(tmp_path: Path, reads: list[str]) -> None:
    one = ball((1, 0, 0), count=10)
    size = sum(array.nbytes for array in (one.means, one.quaternions, one.scales, one.opacities, one.harmonics))
    resident = ResidentClouds(2 * size)
    paths = {name: stored(tmp_path, name, one) for name in "abc"}
    for name in "abacabc":
        resident.joined([{"path": paths[name], "matrix": UNMOVED}], silent)
    assert reads == ["a", "b", "c", "b", "c"]
    everything = [{"path": path, "matrix": UNMOVED} for path in paths.values()]
    assert len(resident.joined(everything, silent)) == 30, "those of one picture may be more than are kept"


def test_a_missing_file_is_an_error_each_time(tmp_path: Path) -> None:
    resident = ResidentClouds()
    path = stored(tmp_path, "a", ball((1, 0, 0)))
    resident.joined([{"path": path, "matrix": UNMOVED}], silent)
    Path(path).unlink()
    for _ in range(2):
        with pytest.raises(GaussiansError, match=r"a\.ply"):
            resident.joined([{"path": path, "matrix": UNMOVED}], silent)


def test_no_clouds_are_an_empty_picture() -> None:
    assert len(ResidentClouds().joined([], silent)) == 0
