"""The extension's page in Blender's preferences."""

from typing import TYPE_CHECKING

import bpy
from bpy.props import FloatProperty, StringProperty

from .inference.errors import BackendError
from .scene import backend
from .scene.cache_state import cache_in_words
from .scene.names import Operators
from .scene.properties import RELATIVE_PATH, job_state


def _changed(_self: object, _context: bpy.types.Context) -> None:
    backend.forget()


class SightlinePreferences(bpy.types.AddonPreferences):
    """Where the backend is and where results go."""

    bl_idname = __package__

    if TYPE_CHECKING:
        backend_python: str
        output_folder: str
        cache_gigabytes: float
    else:
        backend_python: StringProperty(
            name="Backend Python",
            description="A Python that has the backend's packages (torch and others). Leave it empty to use the one "
            "that Sightline installs",
            subtype="FILE_PATH",
            update=_changed,
        )
        output_folder: StringProperty(
            name="Output",
            description="Folder for results and undistorted photographs where a scene names none; // is the folder of "
            "the blend file. Results of a file that was never saved go to Sightline's user folder",
            subtype="DIR_PATH",
            options=RELATIVE_PATH,
            default="//sightline/",
        )
        cache_gigabytes: FloatProperty(
            name="Frame Cache (GB)",
            description="How much disk space finished frames may take, in gigabytes; the ones not seen for the longest "
            "time go first",
            min=0.1,
            soft_max=100.0,
            max=10000.0,
            default=10.0,
        )

    def draw(self, context: bpy.types.Context) -> None:
        """Show the state of the backend, the ways to mend it, and the folders."""
        layout = self.layout
        found = backend.believed_backend()
        box = layout.box()
        if isinstance(found, BackendError):
            box.label(text=str(found), icon="ERROR")
        else:
            box.label(text=f"The backend runs with {found.python} ({found.origin})", icon="CHECKMARK")
        row = box.row()
        row.operator(Operators.INSTALL_BACKEND, icon="IMPORT")
        row.operator(Operators.FREE_MEMORY, icon="TRASH")
        if not bpy.app.online_access:
            box.label(text="Installing needs online access (System, Network)", icon="INTERNET_OFFLINE")
        state = job_state()
        if state.running:
            row = box.row()
            row.progress(factor=state.fraction, text=state.message)
            row.operator(Operators.CANCEL, text="", icon="CANCEL")
        layout.use_property_split = True
        layout.prop(self, "backend_python")
        layout.prop(self, "output_folder")
        layout.prop(self, "cache_gigabytes")
        row = layout.row()
        row.label(text=cache_in_words())
        row.operator(Operators.EMPTY_CACHE, icon="TRASH")
