from __future__ import annotations

import math

import numpy as np
import pytest

from inference.metrics import box_around, psnr, ssim


def brute_force_ssim(a: np.ndarray, b: np.ndarray) -> float:  # type: ignore[type-arg]
    """Wang et al. 2004 by explicit loops over every window inside the picture."""
    weights = np.array([[math.exp(-(x * x + y * y) / (2 * 1.5**2)) for x in range(-5, 6)] for y in range(-5, 6)])
    weights /= weights.sum()
    values = []
    for channel in range(a.shape[2]):
        for row in range(a.shape[0] - 10):
            for column in range(a.shape[1] - 10):
                x = a[row : row + 11, column : column + 11, channel]
                y = b[row : row + 11, column : column + 11, channel]
                mx, my = (weights * x).sum(), (weights * y).sum()
                vx, vy = (weights * (x - mx) ** 2).sum(), (weights * (y - my) ** 2).sum()
                cov = (weights * (x - mx) * (y - my)).sum()
                values.append((2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4)))
    return float(np.mean(values))


@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_ssim_against_explicit_windows(noise: float) -> None:
    rng = np.random.default_rng(1)
    a = rng.uniform(size=(16, 19, 3))
    b = np.clip(a + rng.normal(scale=noise, size=a.shape), 0, 1)
    assert ssim(a, b) == pytest.approx(brute_force_ssim(a, b), abs=1e-9)


def test_ssim_of_equal_and_of_grey_pictures() -> None:
    a = np.random.default_rng(2).uniform(size=(12, 14)).astype(np.float32)
    assert ssim(a, a) == pytest.approx(1.0)
    assert ssim(a, 1 - a) < 0


def test_psnr_is_known_for_a_constant_difference() -> None:
    a = np.full((4, 5, 3), 0.5, dtype=np.float32)
    assert psnr(a, a + np.float32(0.25)) == pytest.approx(20 * math.log10(4))
    assert psnr(a, a) == math.inf


def test_psnr_counts_only_what_the_mask_shows() -> None:
    a = np.zeros((4, 4, 3))
    b = a.copy()
    b[:, 2:] = 1.0
    b[:, :2] = 0.1
    mask = np.zeros((4, 4))
    mask[:, :2] = 1
    assert psnr(a, b, mask) == pytest.approx(20.0)
    with pytest.raises(ValueError, match="no pixel"):
        psnr(a, b, np.zeros((4, 4)))


def test_pictures_that_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        psnr(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="smaller than the window"):
        ssim(np.zeros((10, 30)), np.zeros((10, 30)))


def test_the_box_around_a_mask_holds_all_that_it_shows() -> None:
    mask = np.full((7, 9), 0.4)
    mask[2, 5] = 0.5
    mask[4, 3] = 1.0
    assert box_around(mask) == (slice(2, 5), slice(3, 6))
    with pytest.raises(ValueError, match="shows nothing"):
        box_around(np.zeros((4, 4)))
