"""What keeps Gaussians from rendering as they should, in words, each with the button that mends it."""

from __future__ import annotations

from typing import Any

import bpy

from .checks import Problem, standard_view, view_transform
from .names import Operators

# Gaussians that a ray may pass before Cycles gives up; a dense cloud has some dozens one behind the other.
_TRANSPARENT_BOUNCES = 256


def warnings(scene: bpy.types.Scene) -> list[Problem]:
    """Return what makes Gaussians look unlike their source in this scene."""
    found: list[Problem] = []
    engine: str = scene.render.engine
    if engine == "CYCLES" and _cycles(scene).transparent_max_bounces < _TRANSPARENT_BOUNCES:
        sentence = (
            f"Cycles sees through {_cycles(scene).transparent_max_bounces} Gaussians at most and is black beyond that."
        )
        found.append(Problem(sentence, ((Operators.ALLOW_TRANSPARENCY, "Allow Transparency"),)))
    if not standard_view(scene):
        sentence = f"Renders will not have the Gaussians' colours: the view transform is {view_transform(scene)}."
        found.append(Problem(sentence, ((Operators.SET_STANDARD_VIEW, "Set Standard View"),)))
    return found


def shading_problem(space: bpy.types.Space | None) -> Problem | None:
    """Return that a view in Solid shading shows the display's hulls without colours, or ``None``.

    Its engine, Workbench, has one colour for all instances of a mesh.
    """
    if not isinstance(space, bpy.types.SpaceView3D) or space.shading.type != "SOLID":
        return None
    sentence = "Gaussians show their colours in Material Preview and Rendered; this view is in Solid."
    return Problem(sentence, ((Operators.SHOW_COLOURS, "Show in Material Preview"),))


def show_colours(space: bpy.types.SpaceView3D) -> None:
    """Put a view into the quickest shading in which Gaussians have their colours."""
    space.shading.type = "MATERIAL"


def allow_transparency(scene: bpy.types.Scene) -> None:
    """Let Cycles see through as many Gaussians as a dense cloud has one behind the other."""
    cycles = _cycles(scene)
    cycles.transparent_max_bounces = max(cycles.transparent_max_bounces, _TRANSPARENT_BOUNCES)


def _cycles(scene: bpy.types.Scene) -> Any:
    """Return the settings that Cycles, an add-on, gives every scene."""
    return scene.cycles
