"""The object that a whole capture hangs on: move, turn or scale it, and cameras, points and results follow."""

from __future__ import annotations

import bpy
from mathutils import Matrix

from .sources import cameras_in


def root_of(capture: bpy.types.Collection) -> bpy.types.Object | None:
    """Return the object that every camera of a capture hangs on, ``None`` where there is none."""
    tops = {_top(camera) for camera in cameras_in(capture)}
    top = tops.pop() if len(tops) == 1 else None
    return top if top is not None and top.type != "CAMERA" else None


def make_root(capture: bpy.types.Collection) -> bpy.types.Object:
    """Return the object that a capture hangs on; where there is none, all of it is hung on a new empty."""
    root = root_of(capture)
    if root is not None:
        return root
    root = bpy.data.objects.new(capture.name, None)
    root.empty_display_type = "ARROWS"
    capture.objects.link(root)
    for obj in list(capture.all_objects):
        if obj.parent is None and obj != root:
            hang(obj, root)
    return root


def hang(obj: bpy.types.Object, root: bpy.types.Object) -> None:
    """Hang an object on another, where it is."""
    place: Matrix = obj.matrix_world.copy()
    obj.parent = root
    obj.matrix_parent_inverse = root.matrix_world.inverted()
    obj.matrix_world = place


def _top(obj: bpy.types.Object) -> bpy.types.Object:
    while obj.parent is not None:
        obj = obj.parent
    return obj
