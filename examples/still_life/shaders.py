"""Procedural materials of the still life: every surface has detail at more than one scale, none is a flat colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bpy

Colour = Sequence[float]  # scene-linear red, green, blue
Stops = Sequence[tuple[float, Colour]]


def srgb(text: str) -> Colour:
    """Return the scene-linear colour of an sRGB hex triplet such as ``"c08040"``."""
    values = [int(text[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return (linear[0], linear[1], linear[2])


class Shader:
    """A material under construction: a Principled BSDF and the texture nodes that feed it.

    Every method that makes a node returns its output socket, so that calls nest like formulas.
    """

    def __init__(self, name: str, roughness: float = 0.6, metallic: float = 0.0, coat: float = 0.0) -> None:
        materials: Any = bpy.data.materials
        self.material = materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.principled = self.tree.nodes["Principled BSDF"]
        self.set("Roughness", roughness)
        self.set("Metallic", metallic)
        self.set("Coat Weight", coat)
        self.set("Coat Roughness", 0.12)
        self._coordinates = self.tree.nodes.new("ShaderNodeTexCoord")

    def set(self, name: str, value: Any) -> None:
        """Give an input of the Principled BSDF a value or the output socket of another node."""
        self._feed(self.principled.inputs[name], value)

    def node(self, kind: str, inputs: Mapping[Any, Any], output: str | int = 0, **settings: Any) -> Any:
        """Add a node, feed its inputs with values or sockets, and return one of its outputs."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for key, value in settings.items():
            setattr(node, key, value)
        for name, value in inputs.items():
            self._feed(node.inputs[name], value)
        return node.outputs[output]

    def position(
        self, scale: tuple[float, float, float] = (1, 1, 1), turn: tuple[float, float, float] = (0, 0, 0)
    ) -> Any:
        """Return object coordinates (metres, before the object's own scale), scaled and turned (radians)."""
        source = self._coordinates.outputs["Object"]
        return self.node("Mapping", {"Vector": source, "Scale": scale, "Rotation": turn})

    def component(self, vector: Any, axis: int) -> Any:
        """Return the x (0), y (1) or z (2) of a vector."""
        return self.node("SeparateXYZ", {"Vector": vector}, axis)

    def noise(
        self, scale: float, detail: float = 6, roughness: float = 0.55, vector: Any = None, warp: float = 0
    ) -> Any:
        """Return fractal noise, 0..1 around 0.5, with ``scale`` features a metre."""
        inputs = {
            "Vector": self.position() if vector is None else vector,
            "Scale": scale,
            "Detail": detail,
            "Roughness": roughness,
            "Distortion": warp,
        }
        return self.node("TexNoise", inputs)

    def cells(self, scale: float, feature: str = "F1", vector: Any = None) -> Any:
        """Return the distance to the nearest cell point (``F1``) or cell edge (``DISTANCE_TO_EDGE``)."""
        inputs = {"Vector": self.position() if vector is None else vector, "Scale": scale}
        return self.node("TexVoronoi", inputs, "Distance", feature=feature)

    def ramp(self, factor: Any, stops: Stops) -> Any:
        """Return the colour of ``factor`` on a gradient."""
        node = self.tree.nodes.new("ShaderNodeValToRGB")
        self._feed(node.inputs["Fac"], factor)
        elements = node.color_ramp.elements
        while len(elements) < len(stops):
            elements.new(1.0)
        for element, (place, colour) in zip(elements, stops, strict=True):
            element.position = place
            element.color = (*colour, 1)
        return node.outputs["Color"]

    def step(self, factor: Any, low: float, high: float) -> Any:
        """Return 0 below ``low``, 1 above ``high``, smooth between."""
        inputs = {"Value": factor, "From Min": low, "From Max": high}
        return self.node("MapRange", inputs, interpolation_type="SMOOTHSTEP")

    def math(self, operation: str, first: Any, second: Any = 0.0) -> Any:
        """Return a scalar formula of one or two values."""
        return self.node("Math", {0: first, 1: second}, operation=operation)

    def mix(self, factor: Any, first: Any, second: Any, blend: str = "MIX") -> Any:
        """Return ``first`` blended with ``second`` (colours)."""
        node = self.tree.nodes.new("ShaderNodeMix")
        node.data_type = "RGBA"
        node.blend_type = blend
        for index, value in ((0, factor), (6, first), (7, second)):
            self._feed(node.inputs[index], value)
        return node.outputs[2]

    def bump(self, height: Any, strength: float, distance: float = 0.002, onto: Any = None) -> Any:
        """Perturb the normal by a height field of ``distance`` metres; ``onto`` chains a coarser one."""
        inputs = {"Height": height, "Strength": strength, "Distance": distance}
        if onto is not None:
            inputs["Normal"] = onto
        normal = self.node("Bump", inputs)
        self.set("Normal", normal)
        return normal

    def _feed(self, socket: Any, value: Any) -> None:
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif socket.type == "RGBA" and len(value) == 3:
            socket.default_value = (*value, 1)
        else:
            socket.default_value = value
