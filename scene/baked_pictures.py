"""Pictures from files in place of Sightline's renders: a scene that any Blender renders to the same picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import TargetError
from .frame_ranges import frames_of
from .frame_sequence import as_stored
from .names import ENGINE
from .numbered_files import file_at
from .world import background_colour

FOLDER = "pictures"

# What a scene of pictures renders with: every Blender and every farm has it, and it is never asked for a picture.
_STOCK_ENGINE = "CYCLES"


@dataclass
class Take:
    """A view layer that Sightline renders: at which frames, and whether its depth is of use to anybody."""

    scene: bpy.types.Scene
    layer: str
    frames: set[int] = field(default_factory=set)
    depth: bool = False

    @property
    def name(self) -> str:
        """Return what it is called among the others."""
        first = self.layer == self.scene.view_layers[0].name
        return self.scene.name if first else f"{self.scene.name} {self.layer}"

    def cameras(self) -> dict[bpy.types.Object, list[int]]:
        """Return the frames of each camera, as the scene or markers of its timeline name them.

        Raises:
            TargetError: If there is no camera.
        """
        bound = sorted(
            ((marker.frame, marker.camera) for marker in self.scene.timeline_markers if marker.camera is not None),
            key=lambda pair: pair[0],
        )
        found: dict[bpy.types.Object, list[int]] = {}
        for frame in sorted(self.frames):
            before = [camera for start, camera in bound if start <= frame]
            camera = before[-1] if before else bound[0][1] if bound else self.scene.camera
            if camera is None:
                raise TargetError(f"The scene '{self.scene.name}' renders with Sightline and has no camera; add one.")
            found.setdefault(camera, []).append(frame)
        return found


def takes(frames: Sequence[int] | None) -> list[Take]:
    """Return all that Sightline renders in the open file: scenes, and layers of scenes that others composite.

    Args:
        frames: By default those of the scenes that render or composite it.
    """
    found: dict[tuple[str, str], Take] = {}

    def take(scene: bpy.types.Scene, layer: str, user: bpy.types.Scene) -> Take:
        entry = found.setdefault((scene.name, layer), Take(scene, layer))
        entry.frames.update(frames_of(user) if frames is None else frames)
        return entry

    for scene in bpy.data.scenes:
        tree = _compositing(scene)
        if tree is None and scene.render.engine == ENGINE:
            take(scene, scene.view_layers[0].name, scene)
        for _, node in _layer_nodes(tree):
            if _is_ours(node):
                entry = take(node.scene, node.layer, scene)
                entry.depth = entry.depth or node.outputs["Depth"].is_linked
    return list(found.values())


def show_pictures(patterns: Sequence[tuple[Take, Path]]) -> None:
    """Have the scenes of the open file show files where Sightline rendered.

    Args:
        patterns: The OpenEXR files of each take; those of which the depth is of use have it as a pass.
    """
    sources = {(take.scene.name, take.layer): _Source(take, pattern) for take, pattern in patterns}
    for scene in bpy.data.scenes:
        tree = _compositing(scene)
        if tree is None and scene.render.engine == ENGINE:
            _show_alone(scene, sources[scene.name, scene.view_layers[0].name])
        for owner, node in list(_layer_nodes(tree)):
            if _is_ours(node):
                _replace(owner, node, sources[node.scene.name, node.layer])
    for scene in bpy.data.scenes:
        render: Any = scene.render
        if render.engine == ENGINE:
            render.engine = _STOCK_ENGINE


class _Source:
    """The files of a take as an image, and nodes that show it."""

    def __init__(self, take: Take, pattern: Path) -> None:
        self._first, self._last = min(take.frames), max(take.frames)
        self._image: Any = bpy.data.images.load(str(file_at(pattern, self._first)))
        self._image.source = "SEQUENCE"
        as_stored(self._image, pattern)
        transparent = take.scene.render.film_transparent
        self._background = None if transparent else background_colour(take.scene)

    def add(self, tree: bpy.types.NodeTree, place: Any) -> tuple[Any, Any]:
        """Add nodes; return the socket of the picture as Sightline renders it, and the node of the files."""
        node: Any = tree.nodes.new("CompositorNodeImage")
        node.location = place
        node.image = self._image
        node.frame_start, node.frame_duration = self._first, self._last - self._first + 1
        node.frame_offset = self._first - 1
        node.use_auto_refresh = True
        if self._background is None:
            return node.outputs[0], node
        over: Any = tree.nodes.new("CompositorNodeAlphaOver")
        over.location = (place[0] + 300, place[1])
        behind, front = (socket for socket in over.inputs if socket.type == "RGBA")  # their names differ by version
        behind.default_value = (*self._background.tolist(), 1.0)
        tree.links.new(node.outputs[0], front)
        return over.outputs[0], node


def _compositing(scene: bpy.types.Scene) -> Any:
    """Return the compositor's nodes that make a scene's renders, ``None`` where there are none."""
    own: Any = scene
    if not scene.render.use_compositing:
        return None
    if hasattr(own, "compositing_node_group"):  # Blender 5.0 and later
        return own.compositing_node_group
    return own.node_tree if own.use_nodes else None


def _layer_nodes(tree: Any, seen: set[str] | None = None) -> Iterator[tuple[Any, Any]]:
    """Yield every Render Layers node with its tree, those of groups too."""
    seen = set() if seen is None else seen
    if tree is None or tree.name_full in seen:
        return
    seen.add(tree.name_full)
    for node in tree.nodes:
        if node.bl_idname == "CompositorNodeRLayers":
            yield tree, node
        elif node.type == "GROUP":
            yield from _layer_nodes(node.node_tree, seen)


def _is_ours(node: Any) -> bool:
    return node.scene is not None and node.scene.render.engine == ENGINE


def _replace(tree: Any, node: Any, source: _Source) -> None:
    """Put files in the place of a Render Layers node."""
    picture, files = source.add(tree, node.location)
    files.label = node.label or node.name
    files.parent = node.parent
    for output in node.outputs:
        for link in list(output.links):
            if output.name == "Image":
                tree.links.new(picture, link.to_socket)
            elif output.name == "Depth":
                tree.links.new(files.outputs["Depth"], link.to_socket)
            elif output.name == "Alpha":
                tree.links.new(_alpha(tree, picture), link.to_socket)
    tree.nodes.remove(node)


def _alpha(tree: Any, picture: Any) -> Any:
    separate: Any = tree.nodes.new("CompositorNodeSeparateColor")
    tree.links.new(picture, separate.inputs[0])
    return separate.outputs["Alpha"]


def _show_alone(scene: bpy.types.Scene, source: _Source) -> None:
    """Have a scene render nothing but the files."""
    own: Any = scene
    own.render.use_compositing = True
    if hasattr(own, "compositing_node_group"):  # Blender 5.0 and later
        tree: Any = bpy.data.node_groups.new(f"{scene.name} Pictures", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        own.compositing_node_group = tree
        out = tree.nodes.new("NodeGroupOutput")
    else:
        own.use_nodes = True
        tree = own.node_tree
        tree.nodes.clear()
        out = tree.nodes.new("CompositorNodeComposite")
    out.location = (700, 0)
    tree.links.new(source.add(tree, (0, 0))[0], out.inputs[0])
