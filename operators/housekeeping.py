"""The backend: install it, look at it, test it, point at another one, end it; weights' folders; and the cache."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import bpy
from bpy.props import IntProperty, StringProperty

from ..inference.errors import BackendError
from ..scene import backend, machine, weight_files
from ..scene.cache_state import empty_cache
from ..scene.diagnostics import diagnostics
from ..scene.installation import install
from ..scene.installation_plan import plan
from ..scene.installation_words import dialog_lines
from ..scene.job import Job
from ..scene.names import PACKAGE, Operators
from ..scene.self_test import self_test
from .modal import AskingJobOperator, JobOperator, Outcome

# Width of the dialog before an installation, in pixels and about as many letters.
_DIALOG, _DIALOG_LETTERS = 560, 84


class InstallBackend(AskingJobOperator, bpy.types.Operator):
    """Install the packages that do the work into an environment of their own."""

    bl_idname = Operators.INSTALL_BACKEND
    bl_label = "Install Backend"
    bl_description = (
        "Install torch and the other packages that do the work into a private environment in Blender's user files; "
        "sizes are shown before anything is fetched. A working backend stays until the new one is complete. Blender "
        "itself stays as it is"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not bpy.app.online_access and not backend.preferences().wheel_folder:
            cls.poll_message_set(
                "Blender may not go online; allow that in the preferences (System, Network) or choose a wheel folder"
            )
            return False
        return super().poll(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        try:
            plan()
        except BackendError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if context.window is None or bpy.app.background:
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self, width=_DIALOG)

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column()
        for line in dialog_lines(plan()):
            for part in textwrap.wrap(line, _DIALOG_LETTERS):
                column.label(text=part)

    def job(self, context: bpy.types.Context) -> Job:
        return Job("Installing the backend", install)


class FindDevices(JobOperator, bpy.types.Operator):
    """Ask the worker what is there."""

    bl_idname = Operators.FIND_DEVICES
    bl_label = "Find Devices"
    bl_description = "Start the backend and ask which GPUs and packages it finds on this machine"

    def job(self, context: bpy.types.Context) -> Job:
        return Job("Finding devices", machine.look)


class SelfTest(JobOperator, bpy.types.Operator):
    """Synthesize a picture with a known answer."""

    bl_idname = Operators.SELF_TEST
    bl_label = "Run Self-Test"
    bl_description = "Make two tiny pictures whose right answer is known with the real backend, and compare"

    def job(self, context: bpy.types.Context) -> Job:
        return Job("Testing", self_test)


class CopyDiagnostics(bpy.types.Operator):
    """Copy what a report of a fault needs."""

    bl_idname = Operators.COPY_DIAGNOSTICS
    bl_label = "Copy Diagnostics"
    bl_description = (
        "Copy versions, devices, the last errors and the ends of the logs to the clipboard, without your name, home "
        "folder and machine's name. Nothing is sent"
    )

    def execute(self, context: bpy.types.Context) -> Outcome:
        context.window_manager.clipboard = diagnostics()
        self.report({"INFO"}, "The diagnostics are in the clipboard")
        return {"FINISHED"}


class OpenCard(bpy.types.Operator):
    """Read what is known of weights."""

    bl_idname = Operators.OPEN_CARD
    bl_label = "Open Card"
    bl_description = "Open the description of these weights: what they were trained on, how, and how well they do"

    if TYPE_CHECKING:
        card: str
    else:
        card: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> Outcome:
        if self.card not in {str(entry.card) for entry in weight_files.weight_files()[0]}:
            self.report({"ERROR"}, f"There is no card '{self.card}'.")
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=self.card)
        return {"FINISHED"}


class AddWeightsFolder(bpy.types.Operator):
    """Name a further folder with weights."""

    bl_idname = Operators.ADD_WEIGHTS_FOLDER
    bl_label = "Add Weights Folder"
    bl_description = "Name a further folder in which weights are looked for, as safetensors files"

    def execute(self, context: bpy.types.Context) -> Outcome:
        backend.preferences().weights_folders.add()
        return {"FINISHED"}


class RemoveWeightsFolder(bpy.types.Operator):
    """Look no longer into a folder."""

    bl_idname = Operators.REMOVE_WEIGHTS_FOLDER
    bl_label = "Remove Weights Folder"
    bl_description = "Look no longer into this folder; the folder itself stays"

    if TYPE_CHECKING:
        index: int
    else:
        index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> Outcome:
        backend.preferences().weights_folders.remove(self.index)
        weight_files.forget()
        backend.end_worker()
        return {"FINISHED"}


class FreeMemory(bpy.types.Operator):
    """End the worker, which gives back its memory."""

    bl_idname = Operators.FREE_MEMORY
    bl_label = "Free GPU Memory"
    bl_description = (
        "End the worker process and give back its memory, the GPU's and the machine's; the next picture starts it again"
    )

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


CLASSES = (
    InstallBackend,
    FindDevices,
    SelfTest,
    CopyDiagnostics,
    OpenCard,
    AddWeightsFolder,
    RemoveWeightsFolder,
    FreeMemory,
    EmptyCache,
    OpenPreferences,
)
