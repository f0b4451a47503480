"""The template of Open Job Description: what the public checker says, and what the public runner makes of it."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from farm.job import FarmJob, Memory
from farm.openjd import asset_references, parameter_values, requirements, template, write_bundle

ROOT = Path(__file__).resolve().parents[2]

# Writes down how it was called, and makes nothing.
STAND_IN = """#!{python}
import json, os, sys
with open({log!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
"""

JOB = FarmJob(
    name="shot, Target",
    scene_file=Path("/jobs/shot farm job/shot.blend"),
    scene="Scene",
    blender="blender",
    frames="1-10",
    chunk=4,
    kind="frames",
    method="convglr",
    quality="full",
    device="auto",
    output=Path("/out/Target frames/Target.####.png"),
)


def openjd(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "openjd", *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


def bundle(folder: Path, job: FarmJob) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_bundle(folder, job)
    return folder / "template.json"


def calls(folder: Path, job: FarmJob, *options: object) -> list[list[str]]:
    """What a job's tasks run, by the public runner with a stand-in for Blender."""
    folder.mkdir(parents=True, exist_ok=True)
    log, blender = folder / "calls", folder / "stand-in blender"
    blender.write_text(STAND_IN.format(python=sys.executable, log=str(log)))
    blender.chmod(0o755)
    path = bundle(folder, dataclasses.replace(job, blender=str(blender)))
    done = openjd("run", path, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in log.read_text().splitlines()]


VARIANTS = {
    "frames": {},
    "gaussians": {"kind": "gaussians", "method": "gps-gaussian", "output": Path("/out/person.####.ply")},
    "movie": {"movie": Path("/out/shot.mp4")},
    "cpu": {"device": "cpu", "memory": Memory("cpu", "cpu", None, 3 * 2**30)},
    "cuda": {"device": "cuda", "memory": Memory("cuda", "Some GPU", 5 * 2**30, 2 * 2**30)},
    "nothing known": {"memory": Memory("cpu", "cpu", None, None)},
    "steps": {"frames": "1-99:2,120", "chunk": 1000},
    "names": {"name": 'Größe "{{Param.Frames}}" it\'s\n' + 200 * "x", "scene": 'Szene "A" {{x}}'},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_public_checker_takes_it(variant: str, tmp_path: Path) -> None:
    path = bundle(tmp_path, dataclasses.replace(JOB, **VARIANTS[variant]))
    done = openjd("check", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert openjd("check", path, "--extensions", "").returncode != 0  # it says itself what a farm has to know


def test_tasks_take_chunks_and_the_last_one_checks_all(tmp_path: Path) -> None:
    job = dataclasses.replace(JOB, movie=Path("/out/shot.mp4"))
    made = calls(tmp_path / "job", job, "--step", "Check", "--run-dependencies", "-p", "Output=/elsewhere")
    scene = str(tmp_path / "job" / "shot.blend")
    before = ["-b", "-y", "--command", "sightline"]
    where = ["--method=convglr", "--quality=full", "--output=/elsewhere/Target.####.png"]
    rest = ["--device=auto", "--resume", "--share", "--openjd"]
    assert made == [
        *(
            [*before, "render", scene, "--scene=Scene", f"--frames={frames}", *where, *rest]
            for frames in ("1-4", "5-7", "8-10")  # the runner evens them out
        ),
        [
            *before,
            *("check", scene, "--scene=Scene", "--frames=1-10", *where),
            *("--openjd", f"--movie={tmp_path / 'job' / 'frames' / 'shot.mp4'}"),
        ],
    ]


def test_gaussians_have_their_own_commands(tmp_path: Path) -> None:
    job = dataclasses.replace(JOB, **VARIANTS["gaussians"], chunk=10)
    render, check = calls(tmp_path, job, "--step", "Check", "--run-dependencies")
    assert render[4] == "gaussians" and check[4] == "check" and "--gaussians" in check
    assert not any("--method" in argument for argument in (*render, *check))


def test_paths_are_mapped_and_any_name_comes_through(tmp_path: Path) -> None:
    output = Path("/out/Ziel $x `y` {{z}}.####.png")
    job = dataclasses.replace(JOB, scene='Szene "A" {{x}} it\'s', output=output, chunk=10)
    rule = {"source_path_format": "POSIX", "source_path": "/out", "destination_path": "/mnt/färm out"}
    rules = json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": [rule]})
    options = ("--step", "Frames", "-p", "Output=/out/a b", "--path-mapping-rules", rules)
    (made,) = calls(tmp_path / "it's ä job", job, *options)
    assert made[6] == f"--scene={job.scene}"
    assert "--output=/mnt/färm out/a b/Ziel $x `y` {{z}}.####.png" in made


@pytest.mark.parametrize(
    ("frames", "wanted"),
    [
        ("-5--1", [-5, -4, -3, -2, -1]),
        ("1-9:2", [1, 3, 5, 7, 9]),
        ("1-2,10", [1, 2, 10]),
        ("7", [7]),
    ],
)
def test_frames_keep_their_meaning(frames: str, wanted: list[int], tmp_path: Path) -> None:
    made = calls(tmp_path, dataclasses.replace(JOB, frames=frames, chunk=3), "--step", "Frames")
    told = [next(argument for argument in call if argument.startswith("--frames=")) for call in made]
    chunks = [numbers(argument.partition("=")[2]) for argument in told]
    assert [number for chunk in chunks for number in chunk] == wanted
    assert max(map(len, chunks)) <= 3 and len(chunks) == -(-len(wanted) // 3)


def numbers(text: str) -> list[int]:
    """What a range means, read as scene/frame_ranges.py reads it."""
    found: list[int] = []
    for piece in text.split(","):
        first, last, step = re.fullmatch(r"(-?\d+)(?:-(-?\d+))?(?::(\d+))?", piece).groups()
        found += range(int(first), int(last or first) + 1, int(step or 1))
    return found


def test_a_machine_must_have_what_was_measured_and_a_margin() -> None:
    gpu = Memory("cuda", "Some GPU", 5_000_000_000, 2_000_000_000)
    # 5 GB and a quarter are 5,960 MiB, 2 GB and a quarter 2,384 MiB: the next steps of 256 MiB.
    assert requirements(gpu) == {
        "amount.worker.gpu": 1,
        "amount.worker.gpu.memory": 6144,
        "amount.worker.memory": 2560,
    }
    assert requirements(Memory("cpu", "cpu", None, 2**30)) == {"amount.worker.memory": 1280}
    step = template(dataclasses.replace(JOB, memory=gpu))["steps"][0]
    assert {"name": "amount.worker.gpu.memory", "min": 6144} in step["hostRequirements"]["amounts"]
    for memory in (None, Memory("cuda", "Some GPU", None, None)):
        assert "hostRequirements" not in template(dataclasses.replace(JOB, memory=memory))["steps"][0]
    assert "hostRequirements" not in template(dataclasses.replace(JOB, memory=gpu))["steps"][1]  # checking takes little


def test_what_deadline_reads_beside_the_template(tmp_path: Path) -> None:
    job = dataclasses.replace(
        JOB, movie=Path("/out/ü.mp4"), assets=(Path("/pictures/b.png"), Path("/pictures/a ü.png"))
    )
    bundle(tmp_path, job)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "asset_references.json",
        "parameter_values.json",
        "template.json",
    ]
    values = json.loads((tmp_path / "parameter_values.json").read_text("utf-8"))
    assert (
        values
        == parameter_values(job)
        == {
            "parameterValues": [
                {"name": "Output", "value": "/out/Target frames"},
                {"name": "Movie", "value": "/out/ü.mp4"},
            ]
        }
    )
    names = {definition["name"] for definition in template(job)["parameterDefinitions"]}
    assert {entry["name"] for entry in values["parameterValues"]} <= names
    references = json.loads((tmp_path / "asset_references.json").read_text("utf-8"))
    assert references == asset_references(job)
    assert references["assetReferences"]["inputs"]["filenames"] == ["/pictures/a ü.png", "/pictures/b.png"]
    assert references["assetReferences"]["outputs"]["directories"] == ["/out/Target frames"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"frames": ",".join(map(str, range(1, 1000, 3)))}, "Frames has 1,"),
        ({"output": Path("/" + 1100 * "a" + "/####.png")}, "Output has 1,101 characters, and a farm job takes 1,024."),
    ],
)
def test_what_a_template_cannot_have_is_said(change: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        write_bundle(tmp_path, dataclasses.replace(JOB, **change))
    assert not list(tmp_path.iterdir())


def test_the_room_needs_nothing_but_python() -> None:
    code = "import sys, farm.openjd; assert not {'bpy', 'numpy', 'inference', 'scene'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
