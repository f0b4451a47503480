"""Clouds for the tests, as the enabled extension speaks of them."""

import importlib
from types import ModuleType

import numpy as np
import pytest

FIELDS = ("means", "quaternions", "scales", "opacities", "harmonics")


def module(extension: str, name: str) -> ModuleType:
    return importlib.import_module(f"{extension}.{name}")


def random_cloud(extension: str, count: int = 50, coefficients: int = 16, seed: int = 0) -> object:
    random = np.random.default_rng(seed)
    return module(extension, "inference.gaussians").Gaussians(
        random.normal(size=(count, 3)),
        random.normal(size=(count, 4)),
        random.uniform(0.01, 0.3, (count, 3)),
        random.uniform(0.1, 0.9, count),
        random.normal(size=(count, coefficients, 3)),
    )


def assert_same(one: object, other: object, tolerance: float = 3e-6) -> None:
    for name in FIELDS:
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=tolerance, abs=tolerance), name


def covariances(gaussians: object) -> np.ndarray:
    """Of every Gaussian, by Blender's own quaternions."""
    from mathutils import Quaternion

    found = []
    for quaternion, scale in zip(gaussians.quaternions, gaussians.scales, strict=True):  # type: ignore[attr-defined]
        turn = np.array(Quaternion(quaternion.tolist()).to_matrix())
        found.append(turn @ np.diag(scale.astype(float) ** 2) @ turn.T)
    return np.array(found)
