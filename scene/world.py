"""The world behind a picture."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray


def background_colour(scene: bpy.types.Scene) -> NDArray[np.float32]:
    """Return the (3,) scene-linear colour of a scene's world, black where there is none.

    That is the plain colour and strength of its Background node; where that takes them from other nodes, or there is no
    such node, it is the world's colour in the viewport.
    """
    world = scene.world
    if world is None:
        return np.zeros(3, np.float32)
    node = _background_node(world)
    if node is None:
        return np.array(world.color, np.float32)
    colour, strength = (node.inputs[name].default_value for name in ("Color", "Strength"))
    return np.array(colour[:3], np.float32) * np.float32(strength)


def _background_node(world: bpy.types.World) -> Any:
    """Return the Background node that alone makes a world's surface, ``None`` where there is more to it."""
    if not world.use_nodes or world.node_tree is None:
        return None
    output: Any = world.node_tree.get_output_node("ALL")
    surface = None if output is None else output.inputs["Surface"]
    node: Any = surface.links[0].from_node if surface is not None and surface.is_linked else None
    if node is None or node.bl_idname != "ShaderNodeBackground" or any(socket.is_linked for socket in node.inputs):
        return None
    return node
