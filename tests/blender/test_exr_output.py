"""Files that the worker writes, opened in Blender."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
STAMP = "d41d8cd98f00b204"

# The libraries that encode pictures are the worker's: they are not loaded beside Blender.
WRITE = """
import sys
from pathlib import Path
import numpy as np
from inference.picture_output import write_picture

stored = np.load(sys.argv[1])
for path in sys.argv[2:]:
    write_picture(Path(path), stored["rgb"], stored["alpha"], depth=stored["depth"], stamp="STAMP")
"""


@pytest.fixture(scope="module")
def picture() -> dict[str, np.ndarray]:
    """A picture of large fields, which JPEG keeps, under a ramp of alpha; nothing in its first row."""
    rng = np.random.default_rng(3)
    rgb = np.kron(rng.uniform(0, 1, (3, 4, 3)), np.ones((16, 16, 1))).astype(np.float32)
    alpha = np.tile(np.linspace(0.25, 1, 64, dtype=np.float32), (48, 1))
    depth = rng.uniform(1, 9, (48, 64)).astype(np.float32)
    alpha[0], depth[0] = 0, np.inf
    return {"rgb": rgb, "alpha": alpha, "depth": depth}


@pytest.fixture(scope="module")
def files(picture: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("OpenEXR")
    folder = tmp_path_factory.mktemp("written")
    np.savez(folder / "picture.npz", **picture)
    paths = {suffix: folder / f"a{suffix}" for suffix in (".exr", ".png", ".jpg")}
    command = [
        sys.executable,
        "-c",
        WRITE.replace("STAMP", STAMP),
        str(folder / "picture.npz"),
        *map(str, paths.values()),
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    return paths


def loaded(path: Path) -> tuple[bpy.types.Image, np.ndarray]:
    """The image, and its H x W x 4 pixels as Blender stores them, rows top-down."""
    image = bpy.data.images.load(str(path))
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    width, height = image.size
    return image, pixels.reshape(height, width, 4)[::-1]


def linear(srgb: np.ndarray) -> np.ndarray:
    """Blender's own conversion."""
    from mathutils import Color

    flat = [Color(colour).from_srgb_to_scene_linear() for colour in srgb.reshape(-1, 3)]
    return np.array(flat).reshape(srgb.shape)


def test_openexr_is_scene_linear_for_blender(
    blank: None, files: dict[str, Path], picture: dict[str, np.ndarray]
) -> None:
    image, pixels = loaded(files[".exr"])
    assert image.is_float and image.colorspace_settings.name == "Linear Rec.709" and image.alpha_mode == "PREMUL"
    alpha = picture["alpha"][..., None]
    np.testing.assert_allclose(pixels[..., 3:], alpha, atol=5e-4)
    np.testing.assert_allclose(pixels[..., :3], linear(picture["rgb"]) * alpha, atol=5e-4)


def test_png_and_jpeg_with_a_stamp(blank: None, files: dict[str, Path], picture: dict[str, np.ndarray]) -> None:
    image, pixels = loaded(files[".png"])
    assert image.colorspace_settings.name == "sRGB" and image.is_float  # 16 bits become linear light on loading
    alpha = picture["alpha"][..., None]
    np.testing.assert_allclose(pixels[..., 3:], alpha, atol=1e-4)
    np.testing.assert_allclose(pixels[..., :3], linear(picture["rgb"]) * alpha, atol=1e-4)
    _, pixels = loaded(files[".jpg"])
    assert np.abs(pixels[..., :3] - picture["rgb"]).mean() < 0.01


@pytest.mark.parametrize("suffix", [".exr", ".png", ".jpg"])
def test_a_stamp_survives_being_opened(blank: None, files: dict[str, Path], suffix: str) -> None:
    from inference.file_stamp import read_stamp

    loaded(files[suffix])
    assert read_stamp(files[suffix]) == STAMP
