"""The backend: install it, point at another one, end it; and the cache."""

from __future__ import annotations

import bpy

from ..scene import backend
from ..scene.cache_state import empty_cache
from ..scene.installation import install
from ..scene.job import Job
from ..scene.names import PACKAGE, Operators
from .modal import JobOperator, Outcome


class InstallBackend(JobOperator, bpy.types.Operator):
    """Install the packages that do the work into an environment of their own."""

    bl_idname = Operators.INSTALL_BACKEND
    bl_label = "Install Backend"
    bl_description = (
        "Install torch and the other packages that do the work into a private environment in Blender's user files "
        "(about 2 GB). Blender itself stays as it is. Needs online access"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not bpy.app.online_access:
            cls.poll_message_set("Blender may not go online; allow that in the preferences under System, Network")
            return False
        return super().poll(context)

    def job(self, context: bpy.types.Context) -> Job:
        backend.end_worker()
        return Job("Installing the backend", install)


class FreeMemory(bpy.types.Operator):
    """End the worker, which gives back its memory."""

    bl_idname = Operators.FREE_MEMORY
    bl_label = "Free Memory"
    bl_description = "End the worker process and give back its memory; the next picture starts it again"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return Job.current is None and backend.worker_runs()

    def execute(self, context: bpy.types.Context) -> Outcome:
        backend.end_worker()
        return {"FINISHED"}


class EmptyCache(bpy.types.Operator):
    """Remove every finished frame from the cache."""

    bl_idname = Operators.EMPTY_CACHE
    bl_label = "Empty Cache"
    bl_description = (
        "Remove every finished frame from the cache, of all files and scenes; what is needed is made again. Pictures "
        "in output folders stay"
    )

    def execute(self, context: bpy.types.Context) -> Outcome:
        empty_cache()
        return {"FINISHED"}


class OpenPreferences(bpy.types.Operator):
    """Open Sightline's preferences."""

    bl_idname = Operators.OPEN_PREFERENCES
    bl_label = "Set Backend Python"
    bl_description = "Open Sightline's preferences, where the backend is installed and chosen"

    def execute(self, context: bpy.types.Context) -> Outcome:
        bpy.ops.preferences.addon_show(module=PACKAGE)
        return {"FINISHED"}


CLASSES = (InstallBackend, FreeMemory, EmptyCache, OpenPreferences)
