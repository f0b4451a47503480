"""What a farm has to know of a job, whichever farm it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Memory:
    """What a frame was measured to take.

    Args:
        device: What it was made on: ``cpu``, ``cuda`` or ``mps``.
        label: The device's name.
        device_bytes: Of the GPU; ``None`` where it has no memory of its own.
        host_bytes: Of the machine; ``None`` where that is not known.
    """

    device: str
    label: str
    device_bytes: int | None
    host_bytes: int | None


@dataclass(frozen=True)
class FarmJob:
    """Frames of a scene that a farm is to make.

    Args:
        name: As the farm lists it.
        scene_file: A blend file that nobody changes any more.
        scene: The scene of that file.
        blender: The command that starts Blender on the farm's machines.
        frames: As in ``1-100`` or ``1-99:2,120``.
        chunk: How many frames a task has at most.
        kind: Whether pictures of a camera are made, or the Gaussians of a person.
        method: How pictures are made; Gaussians have one method.
        quality: How much time a frame may take.
        device: What is computed on.
        output: Pattern of the frames' files, with ``#`` for the number.
        movie: Where a movie of the frames is made in the end; ``None`` for none.
        assets: Files that the scene needs beside its own.
        memory: What a frame takes; ``None`` where that was not measured, and nothing is asked of machines.
    """

    name: str
    scene_file: Path
    scene: str
    blender: str
    frames: str
    chunk: int
    kind: Literal["frames", "gaussians"]
    method: str
    quality: str
    device: str
    output: Path
    movie: Path | None = None
    assets: tuple[Path, ...] = ()
    memory: Memory | None = None
