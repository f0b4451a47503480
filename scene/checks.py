"""What stands between the user and a picture, in words, each with the button that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ..inference.errors import BackendError, SightlineError
from . import backend, hidden_capture
from .cameras import target_camera
from .choices import choices_of
from .gathering import FEWEST_SOURCES
from .methods import SPLATTING
from .names import Operators
from .properties import of_scene
from .recipes import visible_gaussians
from .render_camera import render_camera
from .sources import DISABLED
from .targets import target_of


@dataclass(frozen=True)
class Problem:
    """A sentence and the operators that offer a way out, each with its button's text."""

    sentence: str
    fixes: tuple[tuple[str, str], ...] = ()


def backend_problem() -> Problem | None:
    """Return what is wrong with the backend, or ``None``."""
    found = backend.believed_backend()
    if not isinstance(found, BackendError):
        return None
    fixes = ((Operators.INSTALL_BACKEND, "Install Backend"), (Operators.OPEN_PREFERENCES, "Set Backend Python"))
    return Problem(str(found), fixes)


def capture_problem(context: bpy.types.Context) -> Problem | None:
    """Return what is wrong with the capture, or ``None``; nothing is where the method needs none."""
    if of_scene(context.scene).method == SPLATTING:
        return None
    if of_scene(context.scene).capture is None:
        return Problem("Photographs with known cameras are needed.")
    choices = choices_of(context)
    if choices.usable >= FEWEST_SOURCES:
        return None
    if not choices.sources:
        return Problem("There are no cameras in this collection.")
    fixes: tuple[tuple[str, str], ...] = ()
    if any(shown.reason == DISABLED for shown in choices.sources.values()):
        fixes = ((Operators.TOGGLE_SOURCES, "Use All"),)
    number = "Only one camera has" if choices.usable == 1 else "No camera has"
    return Problem(f"{number} a usable picture; {FEWEST_SOURCES} are needed.", fixes)


def gaussians_problem(context: bpy.types.Context) -> Problem | None:
    """Return that the method lacks Gaussians, or ``None``."""
    if of_scene(context.scene).method != SPLATTING or visible_gaussians(context.view_layer):
        return None
    fixes = ((Operators.IMPORT_GAUSSIANS, "Import Gaussians"),)
    return Problem("There are no Gaussians to be seen in this scene; create, import or unhide some.", fixes)


def target_problem(context: bpy.types.Context) -> Problem | None:
    """Return what is wrong with the target, or ``None``."""
    if target_of(context.scene) is None:
        return Problem("There is no camera to make a picture for.", ((Operators.ADD_TARGET, "Add Target Camera"),))
    if of_scene(context.scene).method == SPLATTING:
        return _camera_problem(context)
    choices = choices_of(context)
    if choices.target_problem:
        return Problem(choices.target_problem)
    if choices.undecided:
        return None
    if choices.usable >= FEWEST_SOURCES > choices.used:
        fixes = ((Operators.ADD_TARGET, "Add Target Camera"),)
        number = "Only one source sees" if choices.used else "No source sees"
        return Problem(f"{number} what the target sees; move or turn it towards what the sources see.", fixes)
    return None


def _camera_problem(context: bpy.types.Context) -> Problem | None:
    """Return why there can be no picture of the target camera, whatever it sees, or ``None``."""
    target = target_of(context.scene)
    assert target is not None
    try:
        target_camera(context.scene, target, context.evaluated_depsgraph_get())
    except SightlineError as error:
        return Problem(str(error))
    return None


def warnings(context: bpy.types.Context) -> list[Problem]:
    """Return what will not stop a synthesis but may surprise."""
    found: list[Problem] = []
    scene = context.scene
    settings = of_scene(scene)
    if settings.capture is None and settings.method != SPLATTING:
        return found
    width, height = (0, 0) if settings.method == SPLATTING else choices_of(context).largest
    percentage = scene.render.resolution_percentage
    target = scene.render.resolution_x * percentage / 100, scene.render.resolution_y * percentage / 100
    if width and abs(target[0] / target[1] - width / height) > 0.01 * width / height:
        sentence = f"The render size has another shape than the photographs ({width} x {height})."
        found.append(Problem(sentence, ((Operators.MATCH_RENDER_SIZE, "Match Render Size"),)))
    elif width and max(target) > 1.5 * max(width, height):
        sentence = f"The render size is larger than the photographs ({width} x {height}); there is no more to see."
        found.append(Problem(sentence, ((Operators.MATCH_RENDER_SIZE, "Match Render Size"),)))
    return [*found, *_capture_problems(scene, render=False), *_view_problems(scene)]


def render_problems(context: bpy.types.Context) -> list[Problem]:
    """Return what keeps the render engine from a picture."""
    scene = context.scene
    found = [backend_problem(), capture_problem(context)]
    try:
        render_camera(scene, scene.camera, context.evaluated_depsgraph_get())
    except SightlineError as error:
        fixes = () if scene.camera is not None else ((Operators.ADD_TARGET, "Add Target Camera"),)
        found.append(Problem(str(error), fixes))
    return [problem for problem in found if problem is not None]


def render_notes(context: bpy.types.Context) -> list[Problem]:
    """Return what will not stop a render but may surprise."""
    scene = context.scene
    target = of_scene(scene).target
    notes: list[Problem] = []
    if target is not None and scene.camera is not None and target != scene.camera:
        notes.append(Problem(f"The scene's camera '{scene.camera.name}' is rendered, not the target '{target.name}'."))
    return [*notes, *_capture_problems(scene, render=True), *_view_problems(scene)]


def _capture_problems(scene: bpy.types.Scene, *, render: bool) -> list[Problem]:
    sentence = "" if of_scene(scene).method == SPLATTING else hidden_capture.sentence(scene, render=render)
    return [Problem(sentence, ((Operators.ENABLE_CAPTURE, "Enable the Capture"),))] if sentence else []


def _view_problems(scene: bpy.types.Scene) -> list[Problem]:
    if standard_view(scene):
        return []
    sentence = f"Renders will not look like the photographs: the view transform is {view_transform(scene)}."
    return [Problem(sentence, ((Operators.SET_STANDARD_VIEW, "Set Standard View"),))]


def mask_problem(context: bpy.types.Context) -> Problem | None:
    """Return which of the used sources lack the mask that the method needs, or ``None``."""
    unmasked = choices_of(context).unmasked
    if not unmasked:
        return None
    names = " and ".join(f"'{name}'" for name in unmasked)
    lack = "have no mask" if len(unmasked) > 1 else "has no mask"
    return Problem(f"{names} {lack} to tell the person from the background; click the camera in Sources to set one.")


def ready(context: bpy.types.Context) -> bool:
    """Whether nothing stands in the way of a synthesis."""
    problems = (
        backend_problem(),
        capture_problem(context),
        gaussians_problem(context),
        target_problem(context),
    )
    return all(problem is None for problem in problems)


def view_transform(scene: bpy.types.Scene) -> str:
    """Return what the scene's colour management makes of a picture, in a few words."""
    view: Any = scene.view_settings  # its choices come from the colour configuration
    if view.view_transform != "Standard":
        return str(view.view_transform)
    return "Standard with a look, exposure, gamma or curves of its own"


def standard_view(scene: bpy.types.Scene) -> bool:
    """Whether the scene shows sRGB pictures as they are."""
    view: Any = scene.view_settings  # its choices come from the colour configuration
    plain = view.look == "None" and abs(view.exposure) < 1e-6 and abs(view.gamma - 1) < 1e-6
    return view.view_transform == "Standard" and plain and not view.use_curve_mapping


def set_standard_view(scene: bpy.types.Scene) -> None:
    """Make the scene show sRGB pictures as they are."""
    view: Any = scene.view_settings  # its choices come from the colour configuration
    view.view_transform = "Standard"
    view.look = "None"
    view.exposure, view.gamma, view.use_curve_mapping = 0.0, 1.0, False


def match_render_size(context: bpy.types.Context) -> bool:
    """Give the scene the size of the capture's largest photograph; return whether there is one."""
    width, height = choices_of(context).largest
    if not width:
        return False
    render = context.scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    return True
