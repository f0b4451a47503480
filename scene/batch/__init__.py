"""What ``blender --command sightline`` does without a window, one module for each of its commands."""

from .command import command, render_open_file

__all__ = ["command", "render_open_file"]
