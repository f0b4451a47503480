"""Gaussians as Blender objects, and back.

Blender 5.3 has a point cloud of the type GAUSSIAN_SPLAT; before that a mesh of loose vertices carries the same
attributes, and geometry nodes show it. Attributes hold what the PLY layout means, not what it stores: linear scales,
opacities in [0, 1], and harmonics of sRGB colour as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import GaussiansError
from ..inference.gaussian_transform import transformed
from ..inference.gaussians import SH_COUNTS, Gaussians
from .gaussian_display import add_display
from .names import Attributes

Points: TypeAlias = bpy.types.Mesh | bpy.types.PointCloud

# The name under which an attribute's data gives all values at once, and how many numbers each has.
_KEYS = {
    "FLOAT_VECTOR": ("vector", 3),
    "QUATERNION": ("value", 4),
    "FLOAT_COLOR": ("color", 4),
    "FLOAT4": ("vector", 4),
}

_BLOCK = 1 << 12  # Gaussians that stay in the processor's cache


def create_object(context: bpy.types.Context, gaussians: Gaussians, name: str) -> bpy.types.Object:
    """Add Gaussians to the active collection as an object without transform, selected and active.

    While another object is being edited or painted, it stays the active one.

    Args:
        context: Says the collection and the view layer.
        gaussians: In world space, in scene units.
        name: Of the object and its data.
    """
    data: Any
    if _native():
        data = bpy.data.pointclouds.new(name)
        data.type = "GAUSSIAN_SPLAT"
    else:
        data = bpy.data.meshes.new(name)
    _store(data, gaussians)
    obj = bpy.data.objects.new(name, data)
    if isinstance(data, bpy.types.Mesh):
        add_display(obj, len(gaussians))
    context.collection.objects.link(obj)
    layer = context.view_layer
    active = layer.objects.active
    if active is not None and active.mode != "OBJECT":
        return obj
    others = list(layer.objects.selected)
    try:
        obj.select_set(True, view_layer=layer)
    except RuntimeError:  # the collection is not in the view layer
        return obj
    for other in others:
        other.select_set(False, view_layer=layer)
    layer.objects.active = obj
    return obj


def update_object(obj: bpy.types.Object, gaussians: Gaussians) -> None:
    """Replace an object's Gaussians by others, given in the object's own space; everything else of it stays.

    Raises:
        GaussiansError: If it is no object of Gaussians, is linked from another file, or is in Edit Mode.
    """
    _store(_editable(obj), gaussians)


def gaussians_of(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Gaussians:
    """Return an object's Gaussians in world space.

    Parents, constraints and animation count; an uneven scale does too (see ``gaussian_transform.transformed``).

    Raises:
        GaussiansError: If it is no object of Gaussians, is in Edit Mode, or its attributes make no Gaussians.
    """
    matrix = np.array(obj.evaluated_get(depsgraph).matrix_world, dtype=np.float64)
    return transformed(own_gaussians(obj), matrix)


def own_gaussians(obj: bpy.types.Object) -> Gaussians:
    """Return an object's Gaussians in its own space.

    Raises:
        GaussiansError: As :func:`gaussians_of`.
    """
    return _load(_points(obj))


def is_gaussians(obj: bpy.types.Object | None) -> bool:
    """Whether an object is one of Gaussians: points with the attributes of Gaussians, whoever made it."""
    if obj is None or not isinstance(obj.data, bpy.types.Mesh | bpy.types.PointCloud):
        return False
    names = obj.data.attributes.keys()
    return all(name in names for name in (Attributes.BASE, Attributes.SCALE, Attributes.ROTATION))


def count_of(obj: bpy.types.Object) -> int:
    """Return the number of an object's Gaussians."""
    assert isinstance(obj.data, bpy.types.Mesh | bpy.types.PointCloud)
    return len(obj.data.vertices) if isinstance(obj.data, bpy.types.Mesh) else len(obj.data.points)


def _native() -> bool:
    """Whether this Blender has splats of its own."""
    kind: Any = bpy.types.PointCloud.bl_rna.properties.get("type")
    return kind is not None and "GAUSSIAN_SPLAT" in kind.enum_items


def _points(obj: bpy.types.Object) -> Points:
    """Return the data of an object of Gaussians.

    Raises:
        GaussiansError: If it is none, or is in Edit Mode, where its attributes are out of reach.
    """
    if not is_gaussians(obj):
        if obj.mode == "EDIT":
            raise GaussiansError(f"'{obj.name}' is in Edit Mode; leave it first.")
        raise GaussiansError(f"'{obj.name}' has no Gaussians; choose an object that was imported or created as such.")
    data = obj.data
    assert isinstance(data, bpy.types.Mesh | bpy.types.PointCloud)
    if obj.mode == "EDIT":
        raise GaussiansError(f"'{obj.name}' is in Edit Mode; leave it first.")
    return data


def _editable(obj: bpy.types.Object) -> Points:
    data = _points(obj)
    if data.library is not None:
        raise GaussiansError(f"The Gaussians of '{obj.name}' are linked from another file; make them local first.")
    return data


def _layout(gaussians: Gaussians, native: bool) -> Iterator[tuple[str, str, NDArray[np.float32]]]:
    """Yield name, type and values of every attribute that a cloud needs."""
    four = "FLOAT4" if native else "FLOAT_COLOR"
    constant, opacities = gaussians.harmonics[:, 0], gaussians.opacities[:, None]
    yield Attributes.POSITION, "FLOAT_VECTOR", gaussians.means
    yield Attributes.SCALE, "FLOAT_VECTOR", gaussians.scales
    yield Attributes.ROTATION, "QUATERNION", gaussians.quaternions
    yield Attributes.BASE, four, np.concatenate([constant, opacities], axis=1)
    for index, values in enumerate(_planes(gaussians.harmonics[:, 1:]), 1):
        yield Attributes.harmonic(index), "FLOAT_VECTOR", values
    if not native:
        yield Attributes.COLOUR, "FLOAT_COLOR", shown_colours(gaussians)


def shown_colours(gaussians: Gaussians) -> NDArray[np.float32]:
    """Return what the display shows of each Gaussian, (N, 4): scene-linear colour and opacity."""
    return np.concatenate([_linear(gaussians.colours), gaussians.opacities[:, None]], axis=1)


def _planes(harmonics: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return harmonics (N, K, 3) as (K, N, 3), block by block: plane by plane would read all of it K times."""
    count, coefficients, _ = harmonics.shape
    planes = np.empty((coefficients, count, 3), np.float32)
    for begin in range(0, count, _BLOCK):
        planes[:, begin : begin + _BLOCK] = harmonics[begin : begin + _BLOCK].transpose(1, 0, 2)
    return planes


def _store(data: Points, gaussians: Gaussians) -> None:
    """Make the points those of a cloud; the attributes of the last one go, so that none is left over."""
    points: Any = data
    native = isinstance(data, bpy.types.PointCloud)
    if native:
        for attribute in [one for one in points.attributes if one.name.startswith(Attributes.HARMONICS)]:
            points.attributes.remove(attribute)
        points.resize(len(gaussians))
    else:
        points.clear_geometry()
        points.vertices.add(len(gaussians))
    layout = list(_layout(gaussians, native))
    # All of them before the first is filled: a new one may move the others in memory.
    for name, kind, _ in layout:
        if points.attributes.get(name) is None:
            points.attributes.new(name, kind, "POINT")
    for name, kind, values in layout:
        points.attributes[name].data.foreach_set(_KEYS[kind][0], np.ascontiguousarray(values).ravel())
    points.update_tag()


def _load(data: Points) -> Gaussians:
    """Return the Gaussians that the attributes hold, in the data's own space."""
    base = _values(data, Attributes.BASE)
    harmonics = [base[:, :3]]
    while len(harmonics) < SH_COUNTS[-1] and data.attributes.get(Attributes.harmonic(len(harmonics))) is not None:
        harmonics.append(_values(data, Attributes.harmonic(len(harmonics))))
    # A degree counts when all of its harmonics are there.
    count = max(count for count in SH_COUNTS if count <= len(harmonics))
    return Gaussians(
        means=_values(data, Attributes.POSITION),
        quaternions=_values(data, Attributes.ROTATION),
        scales=_values(data, Attributes.SCALE),
        opacities=base[:, 3],
        harmonics=np.stack(harmonics[:count], axis=1),
    )


def _values(data: Points, name: str) -> NDArray[np.float32]:
    """Return an attribute as an array with a row for each point."""
    attribute: Any = data.attributes[name]
    if attribute.domain != "POINT" or attribute.data_type not in _KEYS:
        raise GaussiansError(f"The attribute '{name}' of '{data.name}' is not one of Gaussians; import them again.")
    key, width = _KEYS[attribute.data_type]
    values = np.empty(len(attribute.data) * width, np.float32)
    attribute.data.foreach_get(key, values)
    return values.reshape(-1, width)


def _linear(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scene-linear colours of sRGB ones (IEC 61966-2-1), cut at 0: emission takes those, Standard shows them."""
    positive = np.maximum(colours, np.float32(0))
    curved = ((positive + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(positive <= 0.04045, positive / np.float32(12.92), curved).astype(np.float32)
