"""Cameras at other frames than the current one, without moving the user's scene."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import bpy

from ..inference.camera import Camera
from .cameras import target_camera
from .gathering import there
from .names import PATH_KEY
from .recipes import Recipe
from .sources import cameras_in


class CameraPath:
    """A temporary scene that knows a recipe's cameras and clouds, hidden ones too, and can be set to any frame.

    Its dependency graph takes in what they depend on (parents, constraints, drivers), whatever scene that is in, and
    nothing else: that is quick, and the user's own scene stays where it is. Drivers that ask for the active scene get
    this one. To be entered and left within one call of Blender, where neither undo nor drawing comes between, and not
    while Blender renders.

    Args:
        recipe: Its stage has a target where :meth:`camera` is asked for.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def __enter__(self) -> Self:
        own: bpy.types.Scene = there(self._recipe.stage.scene, "The scene")
        scene = bpy.data.scenes.new("Sightline Path")
        scene.render.frame_map_old, scene.render.frame_map_new = own.render.frame_map_old, own.render.frame_map_new
        objects: list[bpy.types.Object] = [there(handle, "The object") for handle in self._recipe.objects]
        if self._recipe.capture is not None:
            objects += cameras_in(there(self._recipe.capture, "The capture"))
        if self._recipe.stage.target is not None:
            objects.append(there(self._recipe.stage.target, "The target camera"))
        collection = bpy.data.collections.new("Sightline Path")
        for obj in dict.fromkeys(objects):
            collection.objects.link(obj)
        # Not as a part of the scene: what a property of it points to is evaluated even where it is hidden.
        scene[PATH_KEY] = collection
        self._scene, self._collection = scene, collection
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        bpy.data.scenes.remove(self._scene)
        bpy.data.collections.remove(self._collection)

    def at(self, frame: int) -> bpy.types.Depsgraph:
        """Go to a frame and return the dependency graph there."""
        self._scene.frame_set(frame)
        return self.graph()

    def graph(self) -> bpy.types.Depsgraph:
        """Return the dependency graph of the frame that was gone to last."""
        layer = self._scene.view_layers[0]
        if layer.depsgraph is None:
            layer.update()
        return layer.depsgraph

    def camera(self, frame: int) -> Camera:
        """Return the target's camera at a frame, at the size that the scene renders, without its border.

        Raises:
            SightlineError: If the target cannot be used.
        """
        graph = self.at(frame)
        target = there(self._recipe.stage.target, "The target camera")
        return target_camera(there(self._recipe.stage.scene, "The scene"), target, graph)
