"""Flamenco without Flamenco: its add-on evaluates settings, its Manager compiles a job, its Worker runs commands."""

import json
import os
import shlex
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import quickjs

SCRIPT = Path(__file__).parents[1] / "farm/flamenco/sightline.js"
HOST = Path(__file__).with_name("flamenco_host.js")

BLEND = "/farm/jobs/2026-03-01-092959-shot/shot 010.flamenco.blend"


def manager() -> quickjs.Context:
    """A Manager that has read the script, in strict mode."""
    context = quickjs.Context()
    context.eval(HOST.read_text(encoding="utf-8"))
    context.eval('"use strict";' + SCRIPT.read_text(encoding="utf-8"))
    return context


JOB_TYPE: dict[str, Any] = json.loads(manager().eval("JSON.stringify(JOB_TYPE)"))
SETTINGS: dict[str, dict[str, Any]] = {setting["key"]: setting for setting in JOB_TYPE["settings"]}


class PanelSettings(dict[str, Any]):
    """The settings as expressions see them."""

    __getattr__ = dict.__getitem__


def scene(start: int = 1, end: int = 20, step: int = 1, **rest: Any) -> SimpleNamespace:
    return SimpleNamespace(frame_start=start, frame_end=end, frame_step=step, **rest)


def evaluated(key: str, shown: SimpleNamespace, settings: PanelSettings, name: str) -> Any:
    """Evaluate the expression of a setting with the names that Flamenco's add-on gives it."""
    names = {
        "C": SimpleNamespace(scene=shown),
        "jobname": name,
        "settings": settings,
        "Path": PurePosixPath,
        "abspath": lambda path: PurePosixPath(os.path.normpath(path)),
        "last_n_dir_parts": lambda n: PurePosixPath(*PurePosixPath("/projects/film/shots").parts[-n:] if n else ()),
    }
    return eval(SETTINGS[key]["eval"], {}, names)


def submitted(name: str = "Shot 010", shown: SimpleNamespace | None = None, **chosen: Any) -> dict[str, Any]:
    """The job that Flamenco's add-on sends: defaults, what the user has chosen, and evaluated expressions."""
    settings = PanelSettings({"render_output_root": "/farm/out", "blendfile": BLEND})
    settings |= {key: setting["default"] for key, setting in SETTINGS.items() if "default" in setting}
    settings |= chosen
    for key, setting in SETTINGS.items():
        if "eval" in setting and key not in chosen:
            settings[key] = evaluated(key, shown or scene(), settings, name)
    return {
        "jobID": "3bfe5c7e-5d7e-4a2e-8e0e-3a3f5b8f2b10",
        "workerTagUUID": "",
        "name": name,
        "jobType": "sightline",
        "priority": 50,
        "status": "under-construction",
        "settings": settings,
        "metadata": {"user.name": "Zoë Müller", "project": "Füße"},
        "storage": {"shamanCheckoutID": ""},
    }


def compiled(name: str = "Shot 010", **chosen: Any) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(manager().get("compile")(json.dumps(submitted(name, **chosen))))
    return result


def command_line(task: dict[str, Any]) -> list[str]:
    """What Flamenco's Worker runs, with the Manager's usual variables."""
    (command,) = task["commands"]
    assert command["name"] == "blender-render"
    given = command["parameters"]
    assert set(given) == {"exe", "exeArgs", "argsBefore", "blendfile", "args"}
    variables = {"{blender}": "blender", "{blenderArgs}": "-b -y"}
    before = shlex.split(variables[given["exeArgs"]])
    words = [variables[given["exe"]], *before, *given["argsBefore"], given["blendfile"], *given["args"]]
    assert all(isinstance(word, str) and word for word in words)
    return words
