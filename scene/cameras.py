"""Blender's camera model, both ways. No other file knows it.

Blender's projection (``BKE_camera_params_compute_viewplane`` in its sources): the sensor side chosen by the fit spans
``viewfac`` pixels, shifts are fractions of it, and pixels may be oblong (pixel aspect). Pixel edges lie at 0..W, 0..H::

    ycor = aspect_y / aspect_x
    viewfac = W if horizontal else ycor * H
    fx = lens / sensor * viewfac            fy = fx / ycor
    cx = W / 2 - shift_x * viewfac          cy = H / 2 + shift_y * viewfac / ycor

The camera looks along its -z with y up; OpenCV's axes are that turned by 180 degrees about x. The scale
of the object takes no part.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from ..inference.camera import Array, Camera
from ..inference.errors import CameraError

BLENDER_TO_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])

# Blender's own limits (RNA hard minimum of Camera.lens in mm, hard maximum of RenderSettings.pixel_aspect_x).
SHORTEST_LENS = 1.0
LARGEST_PIXEL_ASPECT = 200.0

# Axes of an unsheared object are square to each other up to float32 round-off.
SQUARE = 1e-5
# fx and fy that differ by less than this make square pixels: 0.01 px over the widest picture there is.
SAME_FOCAL = 1e-7


def camera_of(
    obj: bpy.types.Object,
    depsgraph: bpy.types.Depsgraph,
    width: int,
    height: int,
    pixel_aspect: tuple[float, float] = (1.0, 1.0),
) -> Camera:
    """Return the camera that sees what ``obj`` would render at that size.

    Args:
        obj: A camera object; parents, constraints, drivers and animation are taken from its evaluated form.
        depsgraph: Of the frame in question.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        pixel_aspect: Width and height of a pixel, in any unit.

    Raises:
        CameraError: If it is no camera, or orthographic, panoramic, mirrored, sheared or not finite.
    """
    evaluated = obj.evaluated_get(depsgraph)
    data = evaluated.data
    if not isinstance(data, bpy.types.Camera):
        raise CameraError(f"'{obj.name}' is not a camera; choose a camera object.")
    if data.type != "PERSP":
        kind = {"ORTHO": "orthographic", "PANO": "panoramic"}.get(data.type, data.type.lower())
        raise CameraError(f"The camera '{obj.name}' is {kind}; set its lens type to Perspective.")
    ycor = pixel_aspect[1] / pixel_aspect[0]
    horizontal = data.sensor_fit == "HORIZONTAL" or (data.sensor_fit == "AUTO" and width >= ycor * height)
    span = width if horizontal else ycor * height
    sensor = data.sensor_height if data.sensor_fit == "VERTICAL" else data.sensor_width
    focal = data.lens / sensor * span
    return Camera(
        width=width,
        height=height,
        fx=focal,
        fy=focal / ycor,
        cx=width / 2 - data.shift_x * span,
        cy=height / 2 + data.shift_y * span / ycor,
        world_to_camera=_world_to_camera(evaluated, obj.name),
    )


def target_camera(scene: bpy.types.Scene, obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Camera:
    """Return the camera of the picture that rendering ``scene`` through ``obj`` gives (size, percentage, pixel aspect).

    Raises:
        CameraError: See :func:`camera_of`.
    """
    render = scene.render
    width = max(1, render.resolution_x * render.resolution_percentage // 100)
    height = max(1, render.resolution_y * render.resolution_percentage // 100)
    return camera_of(obj, depsgraph, width, height, (render.pixel_aspect_x, render.pixel_aspect_y))


def source_camera(
    obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph, picture_width: int, picture_height: int
) -> Camera:
    """Return the camera of a photograph: its frame is the picture, with square pixels, whatever the scene renders.

    Raises:
        CameraError: See :func:`camera_of`.
    """
    return camera_of(obj, depsgraph, picture_width, picture_height)


def pixel_aspect_for(camera: Camera) -> tuple[float, float]:
    """Return the render pixel aspect (x, y) that carries the camera's fx != fy; (1, 1) for square pixels."""
    if abs(camera.fx / camera.fy - 1.0) < SAME_FOCAL:
        return 1.0, 1.0
    return (1.0, camera.fx / camera.fy) if camera.fx > camera.fy else (camera.fy / camera.fx, 1.0)


def apply_camera(camera: Camera, obj: bpy.types.Object, pixel_aspect: tuple[float, float] = (1.0, 1.0)) -> None:
    """Make the camera object ``obj`` see what ``camera`` sees, rendered at its size with ``pixel_aspect``.

    The sensor width is kept (unless the lens would fall below Blender's 1 mm); sensor fit becomes horizontal and the
    rotation mode quaternion, which holds every rotation to float32 precision where Euler angles do not.

    Raises:
        CameraError: If ``obj`` is no camera, the camera is distorted, or ``pixel_aspect`` does not carry its fx != fy.
    """
    data = obj.data
    if not isinstance(data, bpy.types.Camera):
        raise CameraError(f"'{obj.name}' is not a camera; choose a camera object.")
    if camera.distortion is not None:
        raise CameraError(f"The camera for '{obj.name}' has lens distortion; remove it from the picture first.")
    if max(pixel_aspect) / min(pixel_aspect) > LARGEST_PIXEL_ASPECT:
        raise CameraError(f"The camera for '{obj.name}' has pixels more oblong than Blender can express (1:200).")
    ycor = pixel_aspect[1] / pixel_aspect[0]
    if abs(camera.fy * ycor / camera.fx - 1.0) > 10 * SAME_FOCAL:
        needed = pixel_aspect_for(camera)
        raise CameraError(
            f"The camera for '{obj.name}' has focal lengths of {camera.fx:.6g} x {camera.fy:.6g} pixels; Blender can "
            f"express that only with a pixel aspect of {needed[0]:.6g} x {needed[1]:.6g}."
        )
    data.type = "PERSP"
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = max(data.sensor_width, SHORTEST_LENS * camera.width / camera.fx)
    data.lens = camera.fx * data.sensor_width / camera.width
    data.shift_x = (camera.width / 2 - camera.cx) / camera.width
    data.shift_y = (camera.cy - camera.height / 2) * ycor / camera.width
    obj.rotation_mode = "QUATERNION"
    obj.matrix_world = Matrix((camera.camera_to_world @ BLENDER_TO_OPENCV).tolist())


def view_camera(window_matrix: Matrix, view_matrix: Matrix, width: int, height: int) -> Camera:
    """Return the camera of what a 3D view shows, from its OpenGL matrices and the size of its region in pixels.

    Raises:
        CameraError: If the view is orthographic.
    """
    window = np.array(window_matrix, dtype=np.float64)
    if window[3, 3] != 0:
        raise CameraError("The view is orthographic; switch it to perspective (View, Perspective/Orthographic).")
    return Camera(
        width=width,
        height=height,
        fx=width / 2 * window[0, 0],
        fy=height / 2 * window[1, 1],
        cx=width / 2 * (1 - window[0, 2]),
        cy=height / 2 * (1 + window[1, 2]),
        world_to_camera=_without_scale(np.array(view_matrix.inverted(), dtype=np.float64), "of the view"),
    )


def _world_to_camera(evaluated: bpy.types.Object, name: str) -> Array:
    """Return the OpenCV world-to-camera matrix of an evaluated camera object without its scale."""
    return _without_scale(np.array(evaluated.matrix_world, dtype=np.float64), name)


def _without_scale(pose: Array, name: str) -> Array:
    """Return the OpenCV world-to-camera matrix of a 4x4 pose in Blender's axes, whose scale does not count."""
    lengths = np.linalg.norm(pose[:3, :3], axis=0)
    if not np.isfinite(pose).all() or not (lengths > 0).all():
        raise CameraError(
            f"The camera '{name}' has a position or scale that is zero or not finite; clear its transform."
        )
    axes = pose[:3, :3] / lengths
    if np.linalg.det(axes) < 0:
        raise CameraError(f"The camera '{name}' is mirrored; make its scale and that of its parents positive.")
    if np.abs(axes.T @ axes - np.eye(3)).max() > SQUARE:
        raise CameraError(f"The camera '{name}' is sheared by a parent's uneven scale; apply the parent's scale.")
    left, _, right = np.linalg.svd(axes)
    rotation = BLENDER_TO_OPENCV[:3, :3] @ (left @ right).T
    result = np.eye(4)
    result[:3, :3] = rotation
    result[:3, 3] = -rotation @ pose[:3, 3]
    return result
