"""The example of a mesh in a synthesized scene: of every pixel, what is nearer is what the compositor shows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray

EXAMPLE = Path(__file__).parents[2] / "examples" / "mesh_in_scene" / "mesh_in_scene.blend"


@pytest.fixture
def rendered(blank: None, tmp_path: Path) -> Callable[[str], dict[str, NDArray[np.float32]]]:
    """Open the example, small and quick; return what renders a scene and reads its channels, top row first."""
    bpy.ops.wm.open_mainfile(filepath=str(EXAMPLE))
    settings = bpy.data.scenes["Still Life"].sightline
    settings.method, settings.quality = "plane-sweep", "preview"
    for scene in bpy.data.scenes:
        scene.render.resolution_percentage = 25
        image: Any = scene.render.image_settings
        image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
    bpy.data.scenes["Mesh"].cycles.samples = 4

    def render(scene: str) -> dict[str, NDArray[np.float32]]:
        path = tmp_path / f"{scene}.exr"
        bpy.data.scenes[scene].render.filepath = str(path)
        bpy.ops.render.render(write_still=True, scene=scene)
        with OpenEXR.File(str(path), separate_channels=True) as file:
            return {name: channel.pixels for part in file.parts for name, channel in part.channels.items()}

    return render


def colours(channels: dict[str, NDArray[np.float32]], name: str) -> NDArray[np.float32]:
    return np.stack([channels[f"{name}.{letter}"] for letter in "RGBA"], axis=-1)


def test_what_is_nearer_is_seen(rendered: Callable[[str], dict[str, NDArray[np.float32]]]) -> None:
    both = rendered("Still Life")
    composited = colours(both, "Composite.Combined")
    picture, far = colours(both, "ViewLayer.Combined"), both["ViewLayer.Depth.Z"]
    alone = rendered("Mesh")
    mesh, near = colours(alone, "ViewLayer.Combined"), alone["ViewLayer.Depth.Z"]

    covered = mesh[..., 3] == 1
    in_front, behind = covered & (near < far - 0.02), covered & (near > far + 0.02)
    beside = mesh[..., 3] == 0
    # The node smooths the border between the two: only pixels among their like are compared.
    for chosen, wanted, least in ((in_front, mesh, 100), (behind, picture, 40), (beside, picture, 5000)):
        inner = chosen.copy()
        inner[1:] &= chosen[:-1]
        inner[:-1] &= chosen[1:]
        inner[:, 1:] &= chosen[:, :-1]
        inner[:, :-1] &= chosen[:, 1:]
        assert inner.sum() > least
        assert np.abs(composited[inner] - wanted[inner]).max() < 1e-3
    assert np.abs(mesh - picture)[in_front].mean() > 0.02  # one is not the other


def test_its_photographs_are_found_wherever_the_examples_lie(rendered: object) -> None:
    pictures = [image for image in bpy.data.images if image.source == "FILE"]
    assert len(pictures) == 14
    for image in pictures:
        assert image.filepath.startswith("//..") and Path(bpy.path.abspath(image.filepath)).is_file()
    assert EXAMPLE.stat().st_size < 300_000
