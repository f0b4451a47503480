"""What is registered, in which order. Failures propagate."""

from __future__ import annotations

import bpy

from . import preferences

CLASSES: tuple[type, ...] = (preferences.SightlinePreferences,)


def register() -> None:
    """Register every class, property and handler."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Take out in reverse what :func:`register` put in."""
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
