"""Moved Gaussians, against covariances and colours computed one by one in float64."""

from __future__ import annotations

import numpy as np
import pytest

from inference.errors import GaussiansError
from inference.gaussian_transform import transformed
from inference.gaussians import Gaussians
from inference.harmonics import harmonics_at


def rotation_of(quaternion: np.ndarray) -> np.ndarray:
    """By the exponential of the axis: nothing of the tested formula."""
    angle, axis = 2 * np.arccos(np.clip(quaternion[0], -1, 1)), quaternion[1:]
    axis = axis / max(np.linalg.norm(axis), 1e-30)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def covariances(gaussians: Gaussians) -> np.ndarray:
    found = []
    for quaternion, scale in zip(gaussians.quaternions, gaussians.scales, strict=True):
        turn = rotation_of(quaternion.astype(np.float64))
        found.append(turn @ np.diag(scale.astype(np.float64) ** 2) @ turn.T)
    return np.array(found)


def random_turn(random: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(random.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def cloud(random: np.random.Generator, coefficients: int = 16, count: int = 30) -> Gaussians:
    return Gaussians(
        random.normal(size=(count, 3)),
        random.normal(size=(count, 4)),
        random.uniform(0.01, 1, (count, 3)),
        random.uniform(size=count),
        random.normal(size=(count, coefficients, 3)),
    )


KINDS = {
    "turn": lambda random: random_turn(random),
    "half turns": lambda random: np.diag([1.0, -1, -1]),
    "uniform": lambda random: 3.7 * random_turn(random),
    "mirrored": lambda random: -0.2 * random_turn(random),
    "uneven": lambda random: random_turn(random) @ np.diag([0.5, 2, 3]),
    "sheared": lambda random: random.normal(size=(3, 3)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_means_and_covariances_follow(kind: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    before, matrix = cloud(random), np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = KINDS[kind](random), random.normal(size=3)
    after = transformed(before, matrix)
    assert np.allclose(after.means, before.means @ matrix[:3, :3].T + matrix[:3, 3], atol=1e-5)
    expected = matrix[:3, :3] @ covariances(before) @ matrix[:3, :3].T
    assert np.allclose(covariances(after), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert np.array_equal(after.opacities, before.opacities)


@pytest.mark.parametrize("kind", ["turn", "half turns", "uniform", "mirrored"])
@pytest.mark.parametrize("coefficients", [1, 4, 9, 16])
def test_colours_turn_along(kind: str, coefficients: int) -> None:
    random = np.random.default_rng(5)
    before, matrix = cloud(random, coefficients), np.eye(4)
    matrix[:3, :3] = KINDS[kind](random)
    directions = random.normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    turned = directions @ matrix[:3, :3].T
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    seen = harmonics_at(directions, coefficients) @ before.harmonics
    seen_after = harmonics_at(turned, coefficients) @ transformed(before, matrix).harmonics
    assert np.allclose(seen_after, seen, atol=1e-5)


def test_harmonics_are_orthonormal_and_signed_as_the_authors_write_them() -> None:
    """Integrated over the sphere; the signs from what the first code of the method prints to six digits."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    angles = np.arange(16) * np.pi / 8
    z, angle = np.meshgrid(nodes, angles, indexing="ij")
    directions = np.stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z], axis=-1)
    values = harmonics_at(directions, 16)
    gram = np.einsum("iak,ial,i->kl", values, values, weights) * np.pi / 8
    assert np.allclose(gram, np.eye(16), atol=1e-12)
    x, y, z = 0.48, 0.6, 0.64
    expected = [0.282095, -0.488603 * y, 0.488603 * z, -0.488603 * x, 1.092548 * x * y, -1.092548 * y * z]
    expected += [0.315392 * (2 * z * z - x * x - y * y), -1.092548 * x * z, 0.546274 * (x * x - y * y)]
    expected += [-0.590044 * y * (3 * x * x - y * y), 2.890611 * x * y * z, -0.457046 * y * (4 * z * z - x * x - y * y)]
    expected += [0.373176 * z * (2 * z * z - 3 * x * x - 3 * y * y), -0.457046 * x * (4 * z * z - x * x - y * y)]
    expected += [1.445306 * z * (x * x - y * y), -0.590044 * x * (x * x - 3 * y * y)]
    assert np.allclose(harmonics_at([x, y, z], 16), expected, atol=2e-6)


def test_no_transform_changes_nothing() -> None:
    before = cloud(np.random.default_rng(1))
    assert transformed(before, np.eye(4)) is before


def test_none_at_all() -> None:
    empty = cloud(np.random.default_rng(1), count=0)
    for scale in ([2, 2, 2, 1], [1, 2, 3, 1]):
        assert len(transformed(empty, np.diag(scale))) == 0


@pytest.mark.parametrize(("matrix", "words"), [(np.diag([1, 0, 1, 1]), "zero"), (np.full((4, 4), np.nan), "finite")])
def test_refuses_what_flattens(matrix: np.ndarray, words: str) -> None:
    with pytest.raises(GaussiansError, match=words):
        transformed(cloud(np.random.default_rng(1)), matrix)
