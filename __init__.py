"""Sightline: pictures from cameras that were never there, inside Blender."""

from . import registration


def register() -> None:
    """Add everything to Blender."""
    registration.register()


def unregister() -> None:
    """Take everything out again."""
    registration.unregister()
