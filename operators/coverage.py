"""What the sources see of the target."""

from __future__ import annotations

import bpy

from ..scene import coverage
from ..scene.job import Job
from ..scene.names import Operators
from .modal import JobOperator


class ShowCoverage(JobOperator, bpy.types.Operator):
    """Show which parts of the target's picture the sources see."""

    bl_idname = Operators.SHOW_COVERAGE
    bl_label = "Show Coverage"
    bl_description = (
        "Show behind the target which parts of its picture no source, one, two or more sources see, and say what "
        "speaks against each source: what hides the target from it, its exposure, its sharpness"
    )
    bl_options = {"UNDO"}

    def job(self, context: bpy.types.Context) -> Job:
        asked = coverage.order(context)
        return Job("Looking at the coverage", lambda job: coverage.show(job, asked))


CLASSES = (ShowCoverage,)
