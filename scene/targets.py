"""The target camera: which one it is, and a first one for a capture."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

from ..inference.errors import CaptureError
from .hanging import hang, root_of
from .properties import of_scene
from .sources import cameras_in


def target_of(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """Return the camera whose picture is made: the chosen one, or the scene's."""
    target = of_scene(scene).target or scene.camera
    return target if target is not None and target.type == "CAMERA" else None


def add_target(context: bpy.types.Context) -> bpy.types.Object:
    """Add a camera half way between two neighbouring sources, with the lens of the one, and make it the target.

    It hangs on what the capture hangs on.

    The pair is the one nearest to the middle of all cameras, where most of the scene is seen.

    Raises:
        CaptureError: If the scene has no capture, or no two cameras in it.
    """
    settings = of_scene(context.scene)
    sources = [] if settings.capture is None else cameras_in(settings.capture)
    if len(sources) < 2:
        raise CaptureError("A target camera is put between two sources; import a capture or add cameras to it first.")
    places = np.array([obj.matrix_world.translation for obj in sources])
    first = int(np.argmin(np.linalg.norm(places - np.median(places, axis=0), axis=1)))
    order = np.argsort(np.linalg.norm(places - places[first], axis=1), kind="stable")
    one, other = sources[first], sources[int(order[order != first][0])]
    source_data = one.data
    assert isinstance(source_data, bpy.types.Camera)
    data = source_data.copy()
    data.name = "Target"
    data.background_images.clear()
    obj = bpy.data.objects.new("Target", data)
    context.scene.collection.objects.link(obj)
    turns: list[Quaternion] = [camera.matrix_world.to_quaternion() for camera in (one, other)]
    middle: Vector = (one.matrix_world.translation + other.matrix_world.translation) / 2
    obj.rotation_mode = "QUATERNION"
    obj.matrix_world = Matrix.Translation(middle) @ turns[0].slerp(turns[1], 0.5).to_matrix().to_4x4()
    root = root_of(settings.capture)
    if root is not None:
        hang(obj, root)
    settings.target = obj
    if context.scene.camera is None:
        context.scene.camera = obj
    return obj
