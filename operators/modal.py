"""The two drivers of a job: a timer where there is a window, a loop where there is none."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

import bpy

from ..inference.errors import Cancelled, SightlineError
from ..scene.job import Job

# What Blender's operators return.
Outcome: TypeAlias = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]

# Seconds between two ticks: often enough to look alive.
INTERVAL = 0.05

# Areas whose sidebars or pages show progress.
_AREAS = frozenset({"VIEW_3D", "PREFERENCES"})


class JobOperator:
    """An operator that runs a job; a class of its own makes the job.

    ``execute`` waits for the end: that is what a script wants, and what background mode needs. ``invoke`` returns at
    once where there is a window, and a timer goes on.
    """

    _timer: ClassVar[bpy.types.Timer | None] = None
    _job: Job | None = None

    def job(self, context: bpy.types.Context) -> Job:
        """Return the job, not yet started.

        Raises:
            SightlineError: If something is missing.
        """
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if Job.current is not None:
            cls.poll_message_set(f"{Job.current.title} is still running")  # type: ignore[attr-defined]
            return False
        return True

    def execute(self, context: bpy.types.Context) -> Outcome:
        try:
            job = self.job(context)
            job.run()
        except SightlineError as error:
            self._report("WARNING" if isinstance(error, Cancelled) else "ERROR", str(error))
            return {"CANCELLED"}
        return self._finish(job)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Outcome:
        if context.window is None or bpy.app.background:
            return self.execute(context)
        return self.begin(context)

    def begin(self, context: bpy.types.Context) -> Outcome:
        """Start the job and its timer."""
        try:
            self._job = self.job(context)
            self._job.start()
        except SightlineError as error:
            self._report("ERROR", str(error))
            return {"CANCELLED"}
        manager = context.window_manager
        JobOperator._timer = manager.event_timer_add(INTERVAL, window=context.window)
        manager.modal_handler_add(self)  # type: ignore[arg-type]
        self._show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> Outcome:
        job = self._job
        assert job is not None
        if event.type == "ESC" and event.value == "PRESS":
            job.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            more = job.tick()
        except BaseException:
            self._stop_timer(context)
            raise
        self._show(context)
        if more:
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        if job.error is not None:
            self._report("INFO" if isinstance(job.error, Cancelled) else "ERROR", str(job.error))
            return {"CANCELLED"}
        return self._finish(job)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: another file is opened, or the window is closed."""
        if self._job is not None:
            self._job.abandon()
        self._stop_timer(context)

    def _finish(self, job: Job) -> Outcome:
        for warning in job.warnings:
            self._report("WARNING", warning)
        if sentence := job.facts.get("sentence"):
            self._report("INFO", str(sentence))
        return {"FINISHED"}

    def _stop_timer(self, context: bpy.types.Context) -> None:
        if JobOperator._timer is not None:
            context.window_manager.event_timer_remove(JobOperator._timer)
            JobOperator._timer = None
        self._show(context)

    def _show(self, context: bpy.types.Context) -> None:
        """Show progress in the status bar and have the panels drawn again."""
        job = Job.current
        text: str | None = None
        if job is not None:
            text = f"{job.title}: {job.fraction:.0%}  {job.message}   (Esc cancels)"
        if context.workspace is not None:
            context.workspace.status_text_set(text)
        for window in context.window_manager.windows:
            for area in window.screen.areas:
                if area.type in _AREAS or (job is None and area.type == "IMAGE_EDITOR"):
                    area.tag_redraw()

    def _report(self, level: str, message: str) -> None:
        report: Any = self.report  # type: ignore[attr-defined]
        report({level}, message)


class AskingJobOperator(JobOperator):
    """A job that a file browser or a dialog comes before, which both end with ``execute``."""

    def execute(self, context: bpy.types.Context) -> Outcome:
        invoked: bool = self.options.is_invoke  # type: ignore[attr-defined]
        if invoked and context.window is not None and not bpy.app.background:
            return self.begin(context)
        return super().execute(context)
