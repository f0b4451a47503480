"""What is registered, in which order. Failures propagate.

The preferences come first. Everything else needs only Blender and its numpy, so it is always there: without a backend
the panels say so and offer the button that mends it.
"""

from __future__ import annotations

from collections.abc import Callable

import bpy

from . import engine, operators, panels
from .engine.viewport import stop_all
from .panels import match_overlay
from .preferences import SightlinePreferences, WeightsFolder
from .scene import backend, batch, choices, clouds, gaussian_sequences, properties
from .scene.job import Job, forget_last
from .scene.names import COMMAND

CLASSES: tuple[type, ...] = (
    WeightsFolder,
    SightlinePreferences,
    *(group for _, group in properties.GROUPS),
    *operators.CLASSES,
    *engine.CLASSES,
    *panels.CLASSES,
)

# Each in the list of Blender's that it is in.
HANDLERS: tuple[tuple[list[Callable[..., None]], Callable[..., None]], ...] = (
    (bpy.app.handlers.load_post, forget_last),
    (bpy.app.handlers.load_post, clouds.forget_all),
    (bpy.app.handlers.undo_post, clouds.forget_all),
    (bpy.app.handlers.redo_post, clouds.forget_all),
    (bpy.app.handlers.depsgraph_update_post, clouds.forget_edited),
    (bpy.app.handlers.frame_change_pre, gaussian_sequences.follow_frame),
)


class _Registered:
    """What Blender wants back."""

    command: object = None


def register() -> None:
    """Register every class, property and handler."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    properties.register()
    panels.render.register()
    match_overlay.register()
    for handlers, handler in HANDLERS:
        handlers.append(handler)
    _Registered.command = bpy.utils.register_cli_command(COMMAND, batch.command)  # type: ignore[func-returns-value]


def unregister() -> None:
    """Take out in reverse what :func:`register` put in, and end the worker."""
    if Job.current is not None:
        Job.current.abandon()
    bpy.utils.unregister_cli_command(_Registered.command)
    for handlers, handler in reversed(HANDLERS):
        handlers.remove(handler)
    stop_all()
    backend.close()
    choices.forget()
    clouds.forget_all()
    match_overlay.unregister()
    panels.render.unregister()
    properties.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
