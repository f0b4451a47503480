"""The cloud of Gaussians as a type: what it takes, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from inference.errors import GaussiansError
from inference.gaussians import Gaussians


def cloud(count: int = 5, coefficients: int = 4, **changes: np.ndarray) -> Gaussians:
    random = np.random.default_rng(1)
    parts = {
        "means": random.normal(size=(count, 3)),
        "quaternions": random.normal(size=(count, 4)),
        "scales": random.uniform(0.01, 1, (count, 3)),
        "opacities": random.uniform(size=count),
        "harmonics": random.normal(size=(count, coefficients, 3)),
    }
    return Gaussians(**(parts | changes))


@pytest.mark.parametrize(("coefficients", "degree"), [(1, 0), (4, 1), (9, 2), (16, 3)])
def test_degree_follows_the_coefficients(coefficients: int, degree: int) -> None:
    assert cloud(coefficients=coefficients).degree == degree


def test_quaternions_become_unit_length() -> None:
    assert np.allclose(np.linalg.norm(cloud().quaternions, axis=1), 1, atol=1e-6)


def test_plain_colours_come_back() -> None:
    colours = np.array([[0.0, 0.5, 1.0], [0.25, 0.1, 0.9]])
    made = Gaussians.coloured(np.zeros((2, 3)), np.tile([1, 0, 0, 0], (2, 1)), np.ones((2, 3)), np.ones(2), colours)
    assert np.allclose(made.colours, colours, atol=1e-6)


def test_none_at_all_is_a_cloud_too() -> None:
    assert len(cloud(0)) == 0


def test_choosing_keeps_rows_together() -> None:
    whole = cloud()
    part = whole.chosen(np.array([3, 1]))
    assert np.array_equal(part.means, whole.means[[3, 1]])
    assert np.array_equal(part.harmonics, whole.harmonics[[3, 1]])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"means": np.full((5, 3), np.nan)}, "means .* not finite"),
        ({"scales": -np.ones((5, 3))}, "scales .* negative"),
        ({"opacities": np.full(5, 1.5)}, "opacities .* outside"),
        ({"quaternions": np.zeros((5, 4))}, "length zero"),
        ({"scales": np.ones((4, 3))}, r"\(4, 3\); it must be \(5, 3\)"),
        ({"harmonics": np.zeros((5, 2, 3))}, "1, 4, 9 or 16"),
        ({"harmonics": np.zeros((5, 3))}, "1, 4, 9 or 16"),
    ],
)
def test_what_is_no_cloud_is_refused(changes: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(GaussiansError, match=words):
        cloud(**changes)
