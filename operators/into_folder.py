"""Operators that write into a folder, which a file browser asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from ..inference.errors import SightlineError
from .modal import Outcome


class IntoFolder:
    """What an operator has besides its job: a folder, and the file browser that asks for it."""

    if TYPE_CHECKING:
        directory: str
        filter_folder: bool
    else:
        directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
        filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        context.window_manager.fileselect_add(self)  # type: ignore[arg-type]
        return {"RUNNING_MODAL"}

    def folder(self) -> Path:
        """Return the folder that was chosen.

        Raises:
            SightlineError: If none was.
        """
        if not self.directory:
            raise SightlineError("No folder is named; choose one.")
        return Path(bpy.path.abspath(self.directory)).absolute()
