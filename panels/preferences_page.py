"""What the preferences show: the backend and its devices, the weights, folders and cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..inference.errors import BackendError
from ..scene import backend, machine, self_test
from ..scene.backend import Backend
from ..scene.cache_state import cache_in_words
from ..scene.installation_plan import plan
from ..scene.installation_words import plan_lines
from ..scene.names import Operators
from ..scene.properties import job_state
from ..scene.weight_files import weight_files
from ..scene.words import disk_size
from .common import sentence

if TYPE_CHECKING:
    from ..preferences import SightlinePreferences


def draw_page(layout: bpy.types.UILayout, context: bpy.types.Context, own: SightlinePreferences) -> None:
    """Draw the whole page."""
    _draw_backend(layout.box(), context, own)
    _draw_machine(layout.box(), context, own)
    _draw_weights(layout.box(), context, own)
    column = layout.column()
    column.use_property_split = True
    column.prop(own, "output_folder")
    column.prop(own, "cache_gigabytes")
    row = layout.row()
    row.label(text=cache_in_words())
    row.operator(Operators.EMPTY_CACHE, icon="TRASH")


def _draw_backend(box: bpy.types.UILayout, context: bpy.types.Context, own: SightlinePreferences) -> None:
    """Draw the state of the backend, how to mend it, and what that costs."""
    found = backend.believed_backend()
    if isinstance(found, BackendError):
        sentence(box, context, str(found), "ERROR")
    elif found.stale:
        sentence(box, context, f"Backend out of date, still usable ({found.origin}). {found.stale}", "INFO")
    else:
        sentence(box, context, f"Backend ready: {found.origin}", "CHECKMARK")
    if isinstance(found, Backend):
        sentence(box, context, str(found.python), "BLANK1")
    state = job_state()
    if state.running:
        row = box.row()
        row.progress(factor=state.fraction, text=state.message)
        row.operator(Operators.CANCEL, text="", icon="CANCEL")
    else:
        if state.error:
            sentence(box, context, state.error, "ERROR")
        box.operator(Operators.INSTALL_BACKEND, text=_button(found), icon="IMPORT")
    column = box.column()
    column.use_property_split = True
    column.prop(own, "accelerator")
    try:
        lines = plan_lines(plan())
    except BackendError as error:
        lines = [str(error)]
    for line in lines:
        sentence(box, context, line, "BLANK1")
    if not bpy.app.online_access and not own.wheel_folder:
        sentence(
            box,
            context,
            "Downloading needs online access (System, Network); a wheel folder does not.",
            "INTERNET_OFFLINE",
        )
    _fold(box, own, "show_backend", "Where From")
    if own.show_backend:
        column = box.column()
        column.use_property_split = True
        for name in ("backend_python", "backend_folder", "wheel_folder", "package_index", "keep_downloads"):
            column.prop(own, name)


def _button(found: Backend | BackendError) -> str:
    """Return what Install Backend is called in the state that the backend is in."""
    if isinstance(found, BackendError) or not found.private:
        return "Install Backend ..."
    return "Update Backend ..." if found.stale else "Repair Backend ..."


def _draw_machine(box: bpy.types.UILayout, context: bpy.types.Context, own: SightlinePreferences) -> None:
    """Draw what the worker has found, and the buttons that ask it."""
    lines = machine.device_lines()
    for line in lines or ["Devices: press Find Devices"]:
        sentence(box, context, line, "MEMORY" if lines else "BLANK1")
    told = machine.found()
    if told is not None:
        packages = [f"{name} {version or 'missing'}" for name, version in told["packages"].items()]
        sentence(box, context, ", ".join(packages), "PACKAGE")
        splats = next((way for way in told["splatting"] if way["usable"]), None)
        if splats is not None:
            sentence(box, context, f"Gaussians are splatted by {splats['name']} ({splats['reason']})", "BLANK1")
    if own.use_all_gpus or machine.gpus() > 1:
        box.prop(own, "use_all_gpus")
    if result := self_test.last_result():
        sentence(box, context, result, "CHECKMARK")
    row = box.row()
    row.operator(Operators.FIND_DEVICES, icon="VIEWZOOM")
    row.operator(Operators.SELF_TEST, icon="PLAY")
    row = box.row()
    row.operator(Operators.FREE_MEMORY, icon="TRASH")
    row.operator(Operators.COPY_DIAGNOSTICS, icon="COPYDOWN")


def _draw_weights(box: bpy.types.UILayout, context: bpy.types.Context, own: SightlinePreferences) -> None:
    """Draw the weights with their cards, and the folders in which they are looked for."""
    listed, refused = weight_files()
    _fold(box, own, "show_weights", f"Weights: {', '.join(entry.info.name for entry in listed) or 'none'}")
    for line in refused:
        sentence(box, context, line, "ERROR")
    if not own.show_weights:
        return
    for entry in listed:
        row = box.row()
        facts = f"{entry.info.name}: {entry.info.network}, {disk_size(entry.size)}, {entry.info.licence}, {entry.place}"
        row.label(text=facts, icon="FILE_BLANK")
        if entry.card is not None:
            row.operator(Operators.OPEN_CARD, text="", icon="HELP").card = str(entry.card)
        sentence(box, context, f"Trained on {entry.trained_on}", "BLANK1")
    for index, folder in enumerate(own.weights_folders):
        row = box.row(align=True)
        row.prop(folder, "folder", text="")
        row.operator(Operators.REMOVE_WEIGHTS_FOLDER, text="", icon="X").index = index
    box.operator(Operators.ADD_WEIGHTS_FOLDER, icon="ADD")


def _fold(box: bpy.types.UILayout, own: SightlinePreferences, name: str, text: str) -> None:
    """Draw the line that opens and closes a part of the page."""
    row = box.row()
    row.alignment = "LEFT"
    row.prop(own, name, text=text, icon="TRIA_DOWN" if getattr(own, name) else "TRIA_RIGHT", emboss=False)
