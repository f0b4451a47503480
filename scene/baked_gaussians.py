"""Gaussians that follow the frame by what Blender itself has: geometry nodes import a file for each frame.

The files are PLYs of our own form: what the display needs, as Blender's *Import PLY* node reads it (every property a
number of its own, in no encoding), and not the harmonics of other tools.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..inference.errors import GaussiansError
from ..inference.file_output import write_parts
from ..inference.file_stamp import KEYWORD, read_stamp
from ..inference.gaussian_ply import read_gaussians
from .frame_ranges import frames_of
from .gaussian_display import Nodes
from .gaussian_sequences import file_for
from .gaussians import is_gaussians, shown_colours
from .job import Step, aside
from .names import ENGINE, Attributes
from .properties import of_object
from .requests import file_identity
from .results import numbered_name

FOLDER = "gaussians"

# The first Blender with a node that reads PLY files.
_IMPORTS_FILES = (4, 5, 0)

_SCALE = ("scale_x", "scale_y", "scale_z")
_ROTATION = ("rotation_w", "rotation_x", "rotation_y", "rotation_z")
_COLOUR = ("colour_r", "colour_g", "colour_b", "colour_a")


@dataclass(frozen=True)
class Baked:
    """The files of an object: ``name`` is what they are called, ``numbers`` which one shows from a frame on."""

    obj: bpy.types.Object
    name: str
    numbers: dict[int, int]


def followers() -> list[bpy.types.Object]:
    """Return the objects that follow a sequence in a scene that Sightline does not render.

    Raises:
        GaussiansError: If this Blender cannot show them from files.
    """
    found = [
        obj
        for obj in bpy.data.objects
        if of_object(obj).sequence and obj.library is None and is_gaussians(obj) and _stock_scenes(obj)
    ]
    for obj in found:
        wanted = "Blender 4.5 or newer" if bpy.app.version < _IMPORTS_FILES else "Blender 4.5 to 5.2"
        if bpy.app.version < _IMPORTS_FILES or not isinstance(obj.data, bpy.types.Mesh):
            raise GaussiansError(
                f"The Gaussians of '{obj.name}' follow the frame, which this Blender cannot do from files alone; bake "
                f"with {wanted}."
            )
    return found


def write_sequence(
    obj: bpy.types.Object, folder: Path, name: str, frames: Sequence[int] | None
) -> Generator[Step, None, Baked]:
    """Write the Gaussians that an object shows at frames; files that are there and right stay.

    Args:
        obj: One of :func:`followers`.
        folder: Of the copy.
        name: Of its files.
        frames: By default those of its scenes.

    Raises:
        GaussiansError: If a file of the sequence cannot be read.
        PictureError: If one is gone meanwhile.
        OutputError: If one cannot be written.
    """
    pattern = Path(bpy.path.abspath(of_object(obj).sequence))
    if frames is None:
        frames = sorted({frame for scene in _stock_scenes(obj) for frame in frames_of(scene)})
    numbers: dict[int, int] = {}
    for index, frame in enumerate(frames):
        step = Step(index / len(frames), f"Writing the Gaussians of {obj.name}")
        yield step
        path, number = file_for(pattern, frame)
        if numbers and number == numbers[max(numbers)]:
            continue
        numbers[frame] = number
        stamp = hashlib.sha256(json.dumps(file_identity(path)).encode()).hexdigest()[:40]
        baked = folder / FOLDER / f"{name}.{number}.ply"
        if read_stamp(baked) != stamp:
            yield from aside(partial(_write, path, baked, stamp), step)
    return Baked(obj, name, numbers)


def show_files(baked: Baked) -> None:
    """Have nodes show an object's files, in place of the Gaussians that it has."""
    obj = baked.obj
    data: Any = obj.data
    data.clear_geometry()
    of_object(obj).sequence = ""
    modifier: Any = obj.modifiers.new("Files", "NODES")
    modifier.node_group = _group(baked)
    obj.modifiers.move(len(obj.modifiers) - 1, 0)


def free_name(name: str, taken: Sequence[str]) -> str:
    """Return what files of something of a name are called, where others are called otherwise."""
    number = 0
    while (found := numbered_name(name, number)) in taken:
        number += 1
    return found


def _stock_scenes(obj: bpy.types.Object) -> list[bpy.types.Scene]:
    return [scene for scene in obj.users_scene if scene.render.engine != ENGINE]


def _write(path: Path, baked: Path, stamp: str) -> None:
    gaussians = read_gaussians(path)
    names = ("x", "y", "z", *_SCALE, *_ROTATION, *_COLOUR)
    header = "".join(
        (
            f"ply\nformat binary_little_endian 1.0\ncomment {KEYWORD}: {stamp}\nelement vertex {len(gaussians)}\n",
            *(f"property float {name}\n" for name in names),
            "end_header\n",
        )
    )
    columns = [gaussians.means, gaussians.scales, gaussians.quaternions, shown_colours(gaussians)]
    write_parts(baked, [header.encode(), np.concatenate(columns, axis=1).astype("<f4").tobytes()])


def _group(baked: Baked) -> bpy.types.NodeTree:
    """Return a group that reads the file of the frame and gives its points the attributes of the display."""
    tree = bpy.data.node_groups.new(f"{baked.name} Files", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    nodes = Nodes(tree)
    frame = nodes.add("FunctionNodeInputInt")
    frame.name = "Frame"
    number = nodes.add("FunctionNodeValueToString", Value=frame.outputs[0])
    path = nodes.add(
        "FunctionNodeReplaceString", String=f"//{FOLDER}/{baked.name}.#.ply", Find="#", Replace=number.outputs[0]
    )
    points = nodes.add("GeometryNodeImportPLY", Path=path.outputs[0]).outputs[0]

    def combined(kind: str, names: Sequence[str]) -> Any:
        node = nodes.add(kind)
        for name, socket in zip(names, node.inputs, strict=True):
            read = nodes.add("GeometryNodeInputNamedAttribute", data_type="FLOAT", Name=name)
            tree.links.new(read.outputs["Attribute"], socket)
        return node.outputs[0]

    for name, data_type, kind, parts in (
        (Attributes.SCALE, "FLOAT_VECTOR", "ShaderNodeCombineXYZ", _SCALE),
        (Attributes.ROTATION, "QUATERNION", "FunctionNodeQuaternionToRotation", _ROTATION),
        (Attributes.COLOUR, "FLOAT_COLOR", "FunctionNodeCombineColor", _COLOUR),
    ):
        value = combined(kind, parts)
        stored = nodes.add(
            "GeometryNodeStoreNamedAttribute", data_type=data_type, Geometry=points, Name=name, Value=value
        )
        points = stored.outputs[0]
    nodes.add("NodeGroupOutput", Geometry=points)
    _animate(tree, frame, baked.numbers)
    return tree


def _animate(tree: bpy.types.NodeTree, node: Any, numbers: Mapping[int, int]) -> None:
    """Have a node hold a number from its frame on to the next one's."""
    for frame, number in numbers.items():
        node.integer = number
        node.keyframe_insert("integer", frame=frame)
    assert tree.animation_data is not None
    action: Any = tree.animation_data.action
    for curve in action.layers[0].strips[0].channelbags[0].fcurves:
        for point in curve.keyframe_points:
            point.interpolation = "CONSTANT"
