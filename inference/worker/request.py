"""A request as its caller sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import SightlineError

State = Literal["running", "done", "failed", "cancelled"]


@dataclass(eq=False)
class Request:
    """What was asked of the worker, and what has become of it.

    Args:
        id, method: As sent.
        state: ``running`` (also while it waits for its turn), ``done``, ``failed`` or ``cancelled``.
        fraction, message: Progress 0..1, and what is going on.
        warnings: What the user should know about the result.
        data: The answer of a request that is done; arrays in it are read-only and memory-mapped.
        error: Why it failed.
    """

    id: int
    method: str
    state: State = "running"
    fraction: float = 0.0
    message: str = ""
    warnings: list[str] = field(default_factory=list)
    data: dict[str, Any] | None = None
    error: SightlineError | None = None
    _line: bytes = field(default=b"", repr=False)
    _cancelled_at: float | None = field(default=None, repr=False)
    _signalled: bool = field(default=False, repr=False)

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state != "running"
