"""What all panels share: their place, and how a problem is drawn."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal

import bpy

from ..scene.checks import Problem
from ..scene.names import TAB

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems


class SidebarPanel:
    """The place of every panel."""

    bl_space_type: Literal["VIEW_3D"] = "VIEW_3D"
    bl_region_type: Literal["UI"] = "UI"
    bl_category = TAB


def settings_column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """Return a column in which settings have their names on the left, without dots for keyframes."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    return column


def sentence(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: IconItems = "NONE") -> None:
    """Draw a sentence in as many lines as the sidebar's width needs; Blender's labels do not wrap."""
    scale = context.preferences.system.ui_scale
    width = max(20, int((context.region.width / scale - 60) / 6.2))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for index, line in enumerate(textwrap.wrap(text, width) or [""]):
        if index == 0:
            column.label(text=line, icon=icon)
        else:
            column.label(text=line, icon="NONE" if icon == "NONE" else "BLANK1")


def problem(layout: bpy.types.UILayout, context: bpy.types.Context, found: Problem, icon: IconItems = "ERROR") -> None:
    """Draw a problem and the buttons that mend it."""
    box = layout.box()
    sentence(box, context, found.sentence, icon)
    for operator, text in found.fixes:
        box.operator(operator, text=text)
