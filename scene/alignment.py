"""Put a capture where it belongs in the scene: upright, on the ground, by three points, by a known distance."""

from __future__ import annotations

from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..inference import alignment
from ..inference.camera import Array, Camera
from ..inference.errors import CaptureError
from .cameras import camera_of
from .capture_points import points_of
from .hanging import hang, make_root, root_of
from .properties import of_collection, of_scene
from .sources import cameras_in

WAYS = (
    (
        "UPRIGHT",
        "Upright",
        "Turn the capture so that what the cameras have upwards is the scene's up: people hold cameras level",
    ),
    (
        "GROUND",
        "On the Ground",
        "Put the ground at height 0: through the picked points where there are three or more, else the plane that "
        "most of the capture's points lie in",
    ),
    (
        "POINTS",
        "By Three Points",
        "Put the first picked point at the scene's origin, the second on the X axis and the third on the ground",
    ),
    (
        "DISTANCE",
        "By a Distance",
        "Scale the capture so that the two picked points are as far from each other as you measured",
    ),
)


def align(context: bpy.types.Context, way: str, distance: float = 0.0) -> str:
    """Move, turn or scale what the scene's capture hangs on; return what was done, as a sentence.

    Args:
        context: Its scene has a capture.
        way: One of :data:`WAYS`.
        distance: Between the two picked points, for that way.

    Raises:
        CaptureError: If there is no capture, or too few points are picked, or they do not tell.
    """
    capture = needed_capture(context.scene)
    points = picked_points(context)
    if way == "UPRIGHT":
        transform, done = alignment.upright(_cameras(context, capture)), "The cameras are upright now."
    elif way == "GROUND":
        transform, done = _ground(context, capture, points)
    elif way == "POINTS":
        transform = alignment.by_three_points(*_exactly(points, 3))
        done = "The three points are the origin, the X axis and the ground now."
    else:
        first, second = _exactly(points, 2)
        transform = alignment.to_distance(first, second, distance)
        done = f"The capture is {transform[0, 0]:.4g} times as large now."
    _apply(context, capture, transform)
    return done


def needed_capture(scene: bpy.types.Scene) -> bpy.types.Collection:
    """Return the scene's capture.

    Raises:
        CaptureError: If it has none, or no cameras are in it.
    """
    capture = of_scene(scene).capture
    if capture is None or not cameras_in(capture):
        raise CaptureError("There is no capture with cameras to align; import one first.")
    return capture


def picked_points(context: bpy.types.Context) -> list[Array]:
    """Return where the picked points are in the scene, in the order in which they were picked.

    Those are the selected vertices where a mesh is being edited, else the markers of the capture: the empties that hang
    on what it hangs on, in the order of their names.
    """
    obj = context.edit_object
    if obj is not None and isinstance(obj.data, bpy.types.Mesh):
        mesh = bmesh.from_edit_mesh(obj.data)
        picked: Any = mesh.select_history
        history = [vertex for vertex in picked if isinstance(vertex, bmesh.types.BMVert)]
        others = [vertex for vertex in mesh.verts if vertex.select and vertex not in history]
        return [_place(obj.matrix_world @ vertex.co) for vertex in (*history, *others)]
    return [_place(marker.matrix_world.translation) for marker in _markers(context.scene)]


def pick_points(context: bpy.types.Context) -> None:
    """Have the capture's points selectable, in Edit Mode, with none of them picked.

    Raises:
        CaptureError: If it has none.
    """
    capture = needed_capture(context.scene)
    points = of_collection(capture).points
    if points is None:
        raise CaptureError("The capture has no points to pick; put markers at the 3D cursor instead.")
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    points.hide_select = points.hide_viewport = False
    points.hide_set(False)
    for other in context.view_layer.objects.selected:
        other.select_set(False)
    points.select_set(True)
    context.view_layer.objects.active = points
    bpy.ops.object.mode_set(mode="EDIT")
    context.tool_settings.mesh_select_mode = (True, False, False)
    bpy.ops.mesh.select_all(action="DESELECT")


def add_marker(context: bpy.types.Context) -> bpy.types.Object:
    """Add an empty at the 3D cursor that hangs on what the capture hangs on.

    Raises:
        CaptureError: If there is no capture.
    """
    capture = needed_capture(context.scene)
    root = make_root(capture)
    marker = bpy.data.objects.new(f"Marker {len(_markers(context.scene)) + 1}", None)
    marker.empty_display_type = "PLAIN_AXES"
    marker.location = context.scene.cursor.location
    capture.objects.link(marker)
    context.view_layer.update()
    marker.empty_display_size = root.empty_display_size / root.matrix_world.median_scale
    hang(marker, root)
    return marker


def _markers(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    capture = of_scene(scene).capture
    root = None if capture is None else root_of(capture)
    if root is None:
        return []
    return sorted((obj for obj in root.children if obj.type == "EMPTY"), key=lambda obj: obj.name)


def _ground(context: bpy.types.Context, capture: bpy.types.Collection, points: list[Array]) -> tuple[Array, str]:
    """Return the transform onto the ground, and what was done."""
    if points and len(points) < 3:
        raise CaptureError(f"{len(points)} points are picked; pick three or more of the ground, or none to find it.")
    if points:
        return alignment.on_ground(points), f"The ground is the plane through {len(points)} picked points now."
    known = points_of(capture)
    if known is None:
        raise CaptureError("The capture has no points to find its ground by; put three markers on it.")
    transform = alignment.find_ground(known, _cameras(context, capture))
    return transform, "The ground is the plane that most of the capture's points lie in now."


def _exactly(points: list[Array], number: int) -> list[Array]:
    if len(points) != number:
        raise CaptureError(f"{len(points)} points are picked; pick {number}, with Shift, in their order.")
    return points


def _cameras(context: bpy.types.Context, capture: bpy.types.Collection) -> list[Camera]:
    """Return the capture's cameras; only where they stand and how they are turned is of interest here."""
    graph = context.evaluated_depsgraph_get()
    return [camera_of(obj, graph, 64, 64) for obj in cameras_in(capture)]


def _apply(context: bpy.types.Context, capture: bpy.types.Collection, transform: Array) -> None:
    """Move what the capture hangs on; a change of size takes along what is known of depths."""
    if context.mode != "OBJECT":  # Blender undoes nothing but the mesh while one is edited
        bpy.ops.object.mode_set(mode="OBJECT")
    root = make_root(capture)
    context.view_layer.update()
    root.matrix_world = Matrix(transform.tolist()) @ root.matrix_world
    scale = float(np.cbrt(np.linalg.det(transform[:3, :3])))
    known, settings = of_collection(capture), of_scene(context.scene)
    known.depth_near, known.depth_far = known.depth_near * scale, known.depth_far * scale
    known.depth_extent *= scale
    if settings.depth_mode == "MANUAL" and abs(scale - 1) > 1e-6:
        settings.depth_near, settings.depth_far = settings.depth_near * scale, settings.depth_far * scale
    for camera in cameras_in(capture):
        if isinstance(camera.data, bpy.types.Camera):
            camera.data.clip_start, camera.data.clip_end = camera.data.clip_start * scale, camera.data.clip_end * scale
    context.view_layer.update()


def _place(vector: Vector) -> Array:
    return np.array(vector, dtype=np.float64)
