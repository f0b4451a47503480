"""What is registered, in which order. Failures propagate.

The preferences come first. Everything else needs only Blender and its numpy, so it is always there: without a backend
the panels say so and offer the button that mends it.
"""

from __future__ import annotations

import bpy

from . import operators, panels
from .preferences import SightlinePreferences
from .scene import backend, choices, gaussian_sequences, properties
from .scene.job import Job, forget_last

CLASSES: tuple[type, ...] = (
    SightlinePreferences,
    *(group for _, group in properties.GROUPS),
    *operators.CLASSES,
    *panels.CLASSES,
)


def register() -> None:
    """Register every class, property and handler."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    properties.register()
    bpy.app.handlers.load_post.append(forget_last)
    bpy.app.handlers.frame_change_pre.append(gaussian_sequences.follow_frame)


def unregister() -> None:
    """Take out in reverse what :func:`register` put in, and end the worker."""
    if Job.current is not None:
        Job.current.abandon()
    bpy.app.handlers.frame_change_pre.remove(gaussian_sequences.follow_frame)
    bpy.app.handlers.load_post.remove(forget_last)
    backend.close()
    choices.forget()
    properties.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
