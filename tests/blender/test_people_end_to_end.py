"""GPS-Gaussian with the worker as it is: one view, its Gaussians in the scene, and the picture of those."""

from pathlib import Path

import bpy
import numpy as np

from tests.blender import people_rig
from tests.unit.people_examples import CENTRE, RADIUS, ball, camera_at


def picture(path: Path) -> np.ndarray:
    """H x W x 4 in [0, 1], colours multiplied by alpha: Blender decodes 16-bit files to scene-linear floats."""
    image = bpy.data.images.load(str(path), check_existing=False)
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.array(image.pixels).reshape(height, width, 4)[::-1].copy()
    pixels[..., :3] *= pixels[..., 3:]
    bpy.data.images.remove(image)
    return pixels


def psnr(made: np.ndarray, truth: np.ndarray) -> float:
    return float(-10 * np.log10(np.square(made - truth).mean()))


def test_a_view_its_gaussians_and_their_picture(cameras, scene_module, tmp_path: Path) -> None:
    rig = people_rig.build(cameras, tmp_path)
    empty = bpy.data.objects["rig"]
    empty.scale, empty.location = (0.05, 0.05, 0.05), (1, 2, 0)  # of another size, at another place
    bpy.context.view_layer.update()
    out = tmp_path / "out" / "Target.png"
    assert bpy.ops.sightline.synthesize_view() == {"FINISHED"}
    synthesized = picture(out)
    truth = ball(camera_at(people_rig.TARGET))
    nearest = ball(camera_at(people_rig.AZIMUTHS[1]))
    assert psnr(synthesized[..., :3], truth.rgb) > max(18.0, psnr(nearest.rgb, truth.rgb) + 4)
    assert ((synthesized[..., 3] > 0.5) == (truth.mask > 0.5)).mean() > 0.95

    bpy.context.scene.sightline.gaussians_coverage = "TARGET"
    assert bpy.ops.sightline.create_gaussians() == {"FINISHED"}
    obj = bpy.context.active_object
    means = scene_module("gaussians").gaussians_of(obj, bpy.context.evaluated_depsgraph_get()).means
    centre = np.array(empty.matrix_world)[:3, :3] @ CENTRE + np.array(empty.location)
    off = np.abs(np.linalg.norm(means - centre, axis=1) / (0.05 * RADIUS) - 1)
    assert len(means) > 1000 and np.median(off) < 0.02

    assert bpy.ops.sightline.render_gaussians() == {"FINISHED"}
    assert psnr(picture(out), synthesized) > 35
    # They go on the way any object goes.
    obj.parent = rig.objects["cam0"].parent
    obj.matrix_parent_inverse = empty.matrix_world.inverted()
    empty.location.z += 3
    assert bpy.ops.sightline.render_gaussians() == {"FINISHED"}
    assert psnr(picture(out), synthesized) > 30
