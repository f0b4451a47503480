"""The sources: every camera of the capture, whether it is used, and why."""

from __future__ import annotations

from typing import Any

import bpy

from ..scene import coverage
from ..scene.choices import UNUSABLE, choices_of
from ..scene.names import Operators, Panels
from ..scene.properties import of_camera, of_scene
from ..scene.sources import kind_of_mask
from ..scene.timing import is_recording
from .common import SidebarPanel, sentence, settings_column


class SourceList(bpy.types.UIList):
    """Cameras of the capture, the used ones first."""

    bl_idname = Panels.SOURCE_LIST

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: Any,
        item: Any,
        icon: int | None,
        active_data: Any,
        active_property: str | None,
        index: int | None,
        flt_flag: int | None,
    ) -> None:
        """Draw one camera: its switch, its name, the reason."""
        shown = choices_of(context).sources.get(item.name)
        row = layout.row(align=True)
        row.prop(of_camera(item.data), "enabled", text="")
        used = shown is not None and shown.used
        split = row.split(factor=0.54)
        split.active = used
        split.label(text=item.name, icon="OUTLINER_OB_CAMERA" if used else "CAMERA_DATA")
        split.label(text=shown.word if shown is not None else "")

    def filter_items(  # type: ignore[override]
        self, context: bpy.types.Context, data: Any, property: str
    ) -> tuple[list[int], list[int]]:
        """Leave cameras only, in the order in which they would be used."""
        objects = getattr(data, property)
        choices = choices_of(context)
        wanted = self.filter_name.lower()
        flags = [
            self.bitflag_filter_item if obj.type == "CAMERA" and wanted in obj.name.lower() else 0 for obj in objects
        ]
        last = len(choices.sources)
        places = [choices.sources[obj.name].place if obj.name in choices.sources else last for obj in objects]
        order = [0] * len(places)
        for position, index in enumerate(sorted(range(len(places)), key=lambda index: (places[index], index))):
            order[index] = position
        return flags, order


class SourcesPanel(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]
    """Which sources are used."""

    bl_idname = Panels.SOURCES
    bl_label = "Sources"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return of_scene(context.scene).capture is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = of_scene(context.scene)
        capture = settings.capture
        choices = choices_of(context)
        row = layout.row()
        number = "?" if choices.undecided else str(choices.used)
        row.label(text=f"{number} of {len(choices.sources)} used for this target")
        row.operator(Operators.TOGGLE_SOURCES, text="", icon="CHECKBOX_HLT")
        if choices.note:
            sentence(layout, context, choices.note, "INFO")
        layout.template_list(
            SourceList.bl_idname, "", capture, "all_objects", settings, "active_source", rows=4, sort_lock=True
        )
        if settings.active_source < len(capture.all_objects):
            self._active(context, capture.all_objects[settings.active_source])
        if any(shown.word == UNUSABLE for shown in choices.sources.values()):
            sentence(layout, context, "Click a camera to see why it cannot be used.", "INFO")
        row = layout.row(align=True)
        row.operator(Operators.EVEN_OUT)
        row.operator(Operators.RESET_COLOURS, text="", icon="LOOP_BACK")

    def _active(self, context: bpy.types.Context, obj: bpy.types.Object) -> None:
        """Say of the chosen source what the list has no room for."""
        shown = choices_of(context).sources.get(obj.name)
        if shown is None or not isinstance(obj.data, bpy.types.Camera):
            return
        sentence(self.layout, context, f"{obj.name}: {shown.reason}", "CHECKMARK" if shown.used else "X")
        if remark := coverage.remarks(context.scene).get(obj.name):
            sentence(self.layout, context, remark, "INFO")
        _draw_mask(self.layout, obj.data)
        column = settings_column(self.layout)
        column.prop(of_camera(obj.data), "gain")
        column.prop(of_camera(obj.data), "offset")
        _draw_timing(self.layout, obj.data)


def _draw_mask(layout: bpy.types.UILayout, camera: bpy.types.Camera) -> None:
    """Offer what tells the subject of the chosen source from the background."""
    settings, kind = of_camera(camera), kind_of_mask(camera)
    column = layout.column(align=True)
    column.prop(settings, "mask_kind")
    if kind == "IMAGE":
        column.template_ID(settings, "mask", open="image.open")
    elif kind == "CLEAN_PLATE":
        column.template_ID(settings, "clean_plate", open="image.open")
        column.prop(settings, "plate_threshold")
    elif kind == "CHROMA_KEY":
        row = column.row(align=True)
        row.prop(settings, "key_colour", text="")
        row.operator(Operators.KEY_FROM_BORDER)
        column.prop(settings, "key_tolerance")
    row = layout.row(align=True)
    row.operator(Operators.PREVIEW_MASK)
    row.operator(Operators.COPY_MASK, text="Copy to All")


def _draw_timing(layout: bpy.types.UILayout, camera: bpy.types.Camera) -> None:
    """Offer how the chosen source keeps step with the scene, where it is a recording."""
    if not is_recording(camera):
        return
    settings = of_camera(camera)
    row = layout.row(align=True)
    row.prop(settings, "frame_speed")
    row.prop(settings, "frame_shift")
    layout.operator(Operators.MATCH_FRAME_RATES)


CLASSES = (SourceList, SourcesPanel)
