"""How Gaussians show as a mesh of points: a geometry-nodes group and a material that Eevee and Cycles render.

Every Gaussian is a small closed hull that is scaled and turned by its attributes. What lies on the hull does not
matter: the material follows the line of sight through the Gaussian's own axes, where it is a unit sphere, and takes the
opacity at the point nearest to the centre, ``opacity * exp(-distance^2 / 2)``, in steps of one standard deviation.
"""

from __future__ import annotations

from typing import Any

import bpy

from .names import DISPLAY_KEY, GAUSSIANS, Attributes

# Changes with what the group or the material does, so that files of older versions keep what they have.
_VERSION = 1

# A Gaussian ends at so many standard deviations, where it has 1% of its opacity, as in the authors' rasteriser.
_EXTENT = 3.0
# Of an icosahedron: the hull must enclose the sphere of that radius.
_INRADIUS_TO_CIRCUMRADIUS = 0.7946544722917661
# An axis shorter than this share of the longest one is drawn so long: the hull's inverse must be finite in float32.
_THINNEST = 1e-3

SHARE, SIZE = "Display Share", "Size"

# So many show in the viewport at first: more make it slow.
_COMFORTABLE = 200_000


def add_display(obj: bpy.types.Object, count: int) -> None:
    """Show the points of a mesh object as Gaussians: all in renders, a comfortable number in the viewport."""
    modifier = obj.modifiers.new(GAUSSIANS, "NODES")
    assert isinstance(modifier, bpy.types.NodesModifier)
    modifier.node_group = _node_group()
    modifier.show_group_selector = False
    set_control(modifier, SHARE, 100.0 * min(1.0, _COMFORTABLE / max(count, 1)))


def display_of(obj: bpy.types.Object) -> bpy.types.NodesModifier | None:
    """Return the modifier that shows an object's Gaussians; ``None`` where Blender shows them itself."""
    for modifier in obj.modifiers:
        if isinstance(modifier, bpy.types.NodesModifier):
            group = modifier.node_group
            if group is not None and group.get(DISPLAY_KEY) is not None:
                return modifier
    return None


def control(modifier: bpy.types.NodesModifier, name: str) -> tuple[Any, str]:
    """Return owner and property of an input of the display, ``SHARE`` (percent) or ``SIZE``, for a layout to show."""
    identifier = _identifier(modifier, name)
    if _has_typed_inputs(modifier):
        return getattr(modifier.properties.inputs, identifier), "value"  # type: ignore[attr-defined]
    return modifier, f'["{identifier}"]'


def set_control(modifier: bpy.types.NodesModifier, name: str, value: float) -> None:
    """Set an input of the display, ``SHARE`` (percent) or ``SIZE``."""
    if _has_typed_inputs(modifier):
        control(modifier, name)[0].value = value
    else:
        modifier[_identifier(modifier, name)] = value
    modifier.id_data.update_tag()


def _has_typed_inputs(modifier: bpy.types.NodesModifier) -> bool:
    """Whether this Blender gives a modifier's inputs as properties (5.2), not as custom ones."""
    return "properties" in modifier.bl_rna.properties


def _identifier(modifier: bpy.types.NodesModifier, name: str) -> str:
    for item in modifier.node_group.interface.items_tree:
        if isinstance(item, bpy.types.NodeTreeInterfaceSocket) and item.in_out == "INPUT" and item.name == name:
            return item.identifier
    raise KeyError(name)


def _node_group() -> bpy.types.NodeTree:
    """Return the group of this version, made where the file has none."""
    for group in bpy.data.node_groups:
        if group.get(DISPLAY_KEY) == _VERSION and group.library is None:
            return group
    tree = bpy.data.node_groups.new(GAUSSIANS, "GeometryNodeTree")
    tree[DISPLAY_KEY] = _VERSION
    tree.is_modifier = True  # type: ignore[attr-defined]
    interface = tree.interface
    interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    share: Any = interface.new_socket(SHARE, in_out="INPUT", socket_type="NodeSocketFloat")
    share.subtype, share.min_value, share.max_value, share.default_value = "PERCENTAGE", 0.0, 100.0, 100.0
    share.description = "How many of the Gaussians the viewport shows; renders show them all"
    size: Any = interface.new_socket(SIZE, in_out="INPUT", socket_type="NodeSocketFloat")
    size.min_value, size.max_value, size.default_value = 0.0, 10.0, 1.0
    size.description = "Factor on the size of every Gaussian where it is shown; what is exported keeps its own"
    interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")

    nodes = Nodes(tree)
    given = nodes.add("NodeGroupInput")
    scale = nodes.add("GeometryNodeInputNamedAttribute", data_type="FLOAT_VECTOR", Name=Attributes.SCALE)
    rotation = nodes.add("GeometryNodeInputNamedAttribute", data_type="QUATERNION", Name=Attributes.ROTATION)

    axes = nodes.add("ShaderNodeSeparateXYZ", Vector=scale.outputs["Attribute"])
    longest = nodes.math("MAXIMUM", nodes.math("MAXIMUM", axes.outputs["X"], axes.outputs["Y"]), axes.outputs["Z"])
    thick = nodes.vector("MAXIMUM", scale.outputs["Attribute"], nodes.math("MULTIPLY", longest, _THINNEST))
    sized = nodes.vector("MULTIPLY", thick, given.outputs[SIZE])

    hull = nodes.add("GeometryNodeMeshIcoSphere", Radius=_EXTENT / _INRADIUS_TO_CIRCUMRADIUS, Subdivisions=1)
    painted = nodes.add("GeometryNodeSetMaterial", Geometry=hull.outputs["Mesh"], Material=_material())

    chosen = nodes.add("FunctionNodeRandomValue", data_type="BOOLEAN")
    tree.links.new(nodes.math("DIVIDE", given.outputs[SHARE], 100.0), _enabled(chosen.inputs, "Probability"))
    shown = nodes.add("GeometryNodeSwitch", input_type="BOOLEAN")
    tree.links.new(nodes.add("GeometryNodeIsViewport").outputs[0], shown.inputs["Switch"])
    _enabled(shown.inputs, "False").default_value = True
    tree.links.new(_enabled(chosen.outputs, "Value"), _enabled(shown.inputs, "True"))

    instances = nodes.add(
        "GeometryNodeInstanceOnPoints",
        Points=given.outputs["Geometry"],
        Selection=_enabled(shown.outputs, "Output"),
        Instance=painted.outputs["Geometry"],
        Rotation=_enabled(rotation.outputs, "Attribute"),
        Scale=sized,
    )
    nodes.add("NodeGroupOutput", Geometry=instances.outputs["Instances"])
    return tree


def _material() -> bpy.types.Material:
    """Return the material of this version, made where the file has none."""
    for material in bpy.data.materials:
        if material.get(DISPLAY_KEY) == _VERSION and material.library is None:
            return material
    material = bpy.data.materials.new(GAUSSIANS)
    material[DISPLAY_KEY] = _VERSION
    if bpy.app.version < (5, 0, 0):  # from then on every material has nodes
        material.use_nodes = True
    material.surface_render_method = "DITHERED"  # right in any order of Gaussians
    material.use_backface_culling = True
    if hasattr(material, "cycles"):
        material.cycles.emission_sampling = "NONE"  # millions of hulls are no lamps
    tree = material.node_tree
    tree.nodes.clear()

    nodes = Nodes(tree)
    colour = nodes.add("ShaderNodeAttribute", attribute_type="INSTANCER", attribute_name=Attributes.COLOUR)
    geometry = nodes.add("ShaderNodeNewGeometry")
    point = nodes.add("ShaderNodeTexCoord").outputs["Object"]
    towards = nodes.add(
        "ShaderNodeVectorTransform",
        vector_type="VECTOR",
        convert_from="WORLD",
        convert_to="OBJECT",
        Vector=geometry.outputs["Incoming"],
    ).outputs["Vector"]
    across = nodes.vector("CROSS_PRODUCT", point, towards)
    squared = nodes.math(
        "DIVIDE", nodes.vector("DOT_PRODUCT", across, across), nodes.vector("DOT_PRODUCT", towards, towards)
    )
    density = nodes.math("EXPONENT", nodes.math("MULTIPLY", squared, -0.5))
    # The far side of the hull shows nothing, else every Gaussian would count twice.
    front = nodes.math("SUBTRACT", 1.0, geometry.outputs["Backfacing"])
    alpha = nodes.math("MULTIPLY", nodes.math("MULTIPLY", density, front), colour.outputs["Alpha"])
    mix = nodes.add("ShaderNodeMixShader", Fac=alpha)
    tree.links.new(nodes.add("ShaderNodeBsdfTransparent").outputs["BSDF"], mix.inputs[1])
    tree.links.new(nodes.add("ShaderNodeEmission", Color=colour.outputs["Color"]).outputs["Emission"], mix.inputs[2])
    nodes.add("ShaderNodeOutputMaterial", Surface=mix.outputs["Shader"])
    return material


class Nodes:
    """Adds nodes to a tree, from left to right."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def add(self, kind: str, **settings: Any) -> Any:
        """Add a node; a setting is a property, or an input by its name: a socket to link, or a value."""
        node: Any = self.tree.nodes.new(kind)
        node.location = (200 * len(self.tree.nodes), 0)
        for name, value in settings.items():
            if name in node.bl_rna.properties:
                setattr(node, name, value)
            elif isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, node.inputs[name])
            else:
                node.inputs[name].default_value = value
        return node

    def math(self, operation: str, *operands: Any) -> Any:
        """Add an operation on numbers or sockets; return its output."""
        return self._operation("ShaderNodeMath", operation, operands)

    def vector(self, operation: str, *operands: Any) -> Any:
        """Add an operation on vectors or sockets; return its output."""
        return self._operation("ShaderNodeVectorMath", operation, operands)

    def _operation(self, kind: str, operation: str, operands: tuple[Any, ...]) -> Any:
        node = self.add(kind, operation=operation)
        for index, operand in enumerate(operands):
            if isinstance(operand, bpy.types.NodeSocket):
                self.tree.links.new(operand, node.inputs[index])
            else:
                node.inputs[index].default_value = operand
        return next(output for output in node.outputs if output.enabled)


def _enabled(sockets: Any, name: str) -> Any:
    """Return the one of several sockets of a name that the node's data type uses."""
    return next(one for one in sockets if one.name == name and one.enabled)
