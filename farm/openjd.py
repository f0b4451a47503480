"""A job as Open Job Description has it: a template, and what AWS Deadline Cloud reads beside it.

Template Schemas 2023-09 with the extension TASK_CHUNKING, https://github.com/OpenJobDescription/openjd-specifications.
"""

from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path
from typing import Any

from .job import FarmJob, Memory

# A host is asked for this much more than was measured, in steps of so many MiB: frames differ, and Blender and the
# driver take memory besides.
MARGIN, MEMORY_STEP = 1.25, 256

# Deadline Cloud takes no larger chunks.
LARGEST_CHUNK = 150

# Seconds: no task takes a day unless it hangs. One that is told to stop ends within seconds.
_TIMEOUT, _NOTICE = 86_400, 60

# Of the specification.
_LONGEST_VALUE, _LONGEST_NAME = 1024, 128

_METHODS = ("convglr", "gps-gaussian", "plane-sweep", "splatting")
_QUALITIES = ("preview", "full")
_DEVICES = ("auto", "cpu", "cuda", "mps")


def template(job: FarmJob) -> dict[str, Any]:
    """Return the job template. Run as it is, it makes the job beside itself; :func:`parameter_values` says where else.

    Raises:
        ValueError: If a value is longer than a template may have it.
    """
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": _name(job.name),
        "parameterDefinitions": _parameters(job),
        "steps": [_frames_step(job), _check_step(job)],
    }


def parameter_values(job: FarmJob) -> dict[str, Any]:
    """Return where the job's files go, as Deadline Cloud reads it."""
    values = [("Output", job.output.parent)]
    if job.movie is not None:
        values.append(("Movie", job.movie))
    return {"parameterValues": [{"name": name, "value": _checked(name, str(path))} for name, path in values]}


def asset_references(job: FarmJob) -> dict[str, Any]:
    """Return which files the job needs beside its scene, and the folder of those it makes."""
    return {
        "assetReferences": {
            "inputs": {"filenames": sorted(str(path) for path in job.assets), "directories": []},
            "outputs": {"directories": [str(job.output.parent)]},
            "referencedPaths": [],
        }
    }


def write_bundle(folder: Path, job: FarmJob) -> None:
    """Write the job's three files into a folder, each of them whole or not at all.

    Raises:
        OSError: If that is not possible.
        ValueError: As :func:`template`.
    """
    files = {
        "template.json": template(job),
        "parameter_values.json": parameter_values(job),
        "asset_references.json": asset_references(job),
    }
    for name, content in files.items():
        aside = folder / f"{name}.part"
        aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        aside.replace(folder / name)


def requirements(memory: Memory) -> dict[str, int]:
    """Return what a machine must have for a frame, in MiB, and in GPUs, by the names of the specification."""
    wanted: dict[str, int] = {}
    if memory.device_bytes is not None:
        wanted["amount.worker.gpu"] = 1
        wanted["amount.worker.gpu.memory"] = _mebibytes(memory.device_bytes)
    if memory.host_bytes is not None:
        wanted["amount.worker.memory"] = _mebibytes(memory.host_bytes)
    return wanted


def _mebibytes(measured: int) -> int:
    return MEMORY_STEP * math.ceil(MARGIN * measured / 2**20 / MEMORY_STEP)


def _parameters(job: FarmJob) -> list[dict[str, Any]]:
    """Return the parameters, with the job's values as defaults."""
    files = {"fileFilters": [{"label": "Blend files", "patterns": ["*.blend"]}]}
    definitions = [
        _path("Scene", job.scene_file.name, "Blend file", "Copy of the blend file as it was exported", "FILE", "IN")
        | {"userInterface": {"control": "CHOOSE_INPUT_FILE", "label": "Blend File"} | files},
        _text("SceneName", job.scene, "Scene", "Scene of the blend file"),
        _text("Frames", job.frames, "Frames", "Frames to make, as in 1-100 or 1-99:2,120"),
        {
            "name": "Chunk",
            "type": "INT",
            "default": min(job.chunk, LARGEST_CHUNK),
            "minValue": 1,
            "maxValue": LARGEST_CHUNK,
            "description": "Frames in a task. Larger ones start Blender and load the network less often; smaller ones "
            "spread over more machines",
            "userInterface": {"control": "SPIN_BOX", "label": "Frames per Task"},
        },
    ]
    if job.kind == "frames":
        definitions.append(_choice("Method", job.method, _METHODS, "How frames are made"))
    definitions += [
        _choice("Quality", job.quality, _QUALITIES, "How much time a frame may take"),
        _choice("Device", job.device, _DEVICES, "What is computed on; auto takes a GPU where there is one"),
        _path("Output", "frames", "Output Folder", "Folder of the frames", "DIRECTORY", "OUT"),
        _text("Files", job.output.name, "File Names", "Names of the files, with # for the digits of the frame"),
    ]
    if job.movie is not None:
        definitions.append(_path("Movie", f"frames/{job.movie.name}", "Movie", "Movie of all frames", "FILE", "OUT"))
    definitions.append(_text("Blender", job.blender, "Blender", "Command that starts Blender on the farm's machines"))
    return definitions


def _text(name: str, value: str, label: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "STRING",
        "default": _checked(name, value),
        "minLength": 1,
        "description": description,
        "userInterface": {"control": "LINE_EDIT", "label": label},
    }


def _choice(name: str, value: str, values: tuple[str, ...], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "STRING",
        "default": value,
        "allowedValues": list(values),
        "description": description,
        "userInterface": {"control": "DROPDOWN_LIST", "label": name},
    }


def _path(name: str, value: str, label: str, description: str, kind: str, flow: str) -> dict[str, Any]:
    """Return a parameter that farms map to their own paths; its default is beside the template."""
    control = "CHOOSE_DIRECTORY" if kind == "DIRECTORY" else "CHOOSE_OUTPUT_FILE"
    return {
        "name": name,
        "type": "PATH",
        "objectType": kind,
        "dataFlow": flow,
        "default": _checked(name, value),
        "description": description,
        "userInterface": {"control": control, "label": label},
    }


def _frames_step(job: FarmJob) -> dict[str, Any]:
    # A chunk may have gaps: a range with a step would else fall into chunks of one frame.
    chunked = {
        "name": "Frame",
        "type": "CHUNK[INT]",
        "range": "{{Param.Frames}}",
        "chunks": {"defaultTaskCount": "{{Param.Chunk}}", "rangeConstraint": "NONCONTIGUOUS"},
    }
    step: dict[str, Any] = {"name": "Frames", "parameterSpace": {"taskParameterDefinitions": [chunked]}}
    if job.memory is not None and (wanted := requirements(job.memory)):
        step["hostRequirements"] = {"amounts": [{"name": name, "min": amount} for name, amount in wanted.items()]}
    command = "gaussians" if job.kind == "gaussians" else "render"
    rest = ["--device={{Param.Device}}", "--resume", "--share", "--openjd"]
    return step | _script(command, "{{Task.Param.Frame}}", [*_choices(job), *rest])


def _check_step(job: FarmJob) -> dict[str, Any]:
    """Return the last step, which fails where a frame is missing or wrong: then frames are made again, and it too."""
    arguments = [*_choices(job), *(["--gaussians"] if job.kind == "gaussians" else []), "--openjd"]
    if job.movie is not None:
        arguments.append("--movie={{Param.Movie}}")
    step: dict[str, Any] = {"name": "Check", "dependencies": [{"dependsOn": "Frames"}]}
    return step | _script("check", "{{Param.Frames}}", arguments)


def _choices(job: FarmJob) -> list[str]:
    method = ["--method={{Param.Method}}"] if job.kind == "frames" else []
    return [*method, "--quality={{Param.Quality}}", "--output={{Param.Output}}/{{Param.Files}}"]


def _script(command: str, frames: str, arguments: list[str]) -> dict[str, Any]:
    """Return a task that runs a command of Sightline's on the scene.

    Arguments are joined by = because a negative frame would else be taken for an option. With -y drivers are run, on
    which a camera's path may depend.
    """
    action = {
        "command": "{{Param.Blender}}",
        "args": [
            *("-b", "-y", "--command", "sightline", command, "{{Param.Scene}}"),
            *("--scene={{Param.SceneName}}", f"--frames={frames}"),
            *arguments,
        ],
        "timeout": _TIMEOUT,
        "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _NOTICE},
    }
    return {"script": {"actions": {"onRun": action}}}


def _name(name: str) -> str:
    """Return a job's name as a template may have it: on one line, short, and no expression."""
    line = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in name)
    return line.replace("{{", "{ {").replace("}}", "} }")[:_LONGEST_NAME]


def _checked(name: str, value: str) -> str:
    """Return a value that a template can have.

    Raises:
        ValueError: If it is too long.
    """
    if len(value) > _LONGEST_VALUE:
        raise ValueError(f"{name} has {len(value):,} characters, and a farm job takes {_LONGEST_VALUE:,}.")
    return value
