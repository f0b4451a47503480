"""The extension's page in Blender's preferences."""

from __future__ import annotations

import bpy


class SightlinePreferences(bpy.types.AddonPreferences):
    """Where the backend lies."""

    bl_idname = __package__
