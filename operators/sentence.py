"""Operators that do something short, and say in a sentence what they did or why they could not."""

from __future__ import annotations

from typing import Any

import bpy

from ..inference.errors import SightlineError
from .modal import Outcome


class SentenceOperator:
    """A class of its own says what is done."""

    def work(self, context: bpy.types.Context) -> str:
        """Do it, and return what was done as a sentence; empty where that is plain to see.

        Raises:
            SightlineError: If it cannot be done. Nothing has changed then.
        """
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> Outcome:
        report: Any = self.report  # type: ignore[attr-defined]
        try:
            done = self.work(context)
        except SightlineError as error:
            report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if done:
            report({"INFO"}, done)
        return {"FINISHED"}
