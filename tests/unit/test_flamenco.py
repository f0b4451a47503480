"""The Flamenco job type, compiled as Flamenco's Manager does, from jobs as its add-on submits them."""

import ast
import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import quickjs

from tests.flamenco_jobs import BLEND, JOB_TYPE, SETTINGS, command_line, compiled, manager, scene, submitted

ROOT = Path(__file__).parents[2]
OUTPUT = "/farm/out/Shot 010/2026-03-01_093000/######"

# The keys of AvailableJobType and AvailableJobSetting in Flamenco's API, and their values.
TYPE_KEYS = {"label", "description", "settings"}
SETTING_KEYS = {
    *("key", "type", "subtype", "choices", "propargs", "description", "label", "default"),
    *("eval", "evalInfo", "visible", "required", "editable"),
}
PYTHON_TYPES = {"string": str, "int32": int, "float": float, "bool": bool}
SUBTYPES = {"file_path", "dir_path", "hashed_file_path"}
VISIBILITIES = {"visible", "hidden", "submission", "web"}


def option(task: dict[str, Any], name: str) -> str:
    words = command_line(task)
    assert words.count(name) == 1
    return words[words.index(name) + 1]


def named_frames(ranges: str) -> list[int]:
    ends = [list(map(int, part.split("-"))) for part in ranges.split(",")]
    return [frame for pair in ends for frame in range(pair[0], pair[-1] + 1)]


def test_the_manager_and_the_panel_understand_the_settings() -> None:
    assert set(JOB_TYPE) == TYPE_KEYS and JOB_TYPE["label"] == "Sightline"
    assert len(SETTINGS) == len(JOB_TYPE["settings"])
    for setting in SETTINGS.values():
        assert set(setting) <= SETTING_KEYS
        assert setting.get("visible", "visible") in VISIBILITIES
        assert setting.get("subtype", "file_path") in SUBTYPES
        assert isinstance(setting.get("default", PYTHON_TYPES[setting["type"]]()), PYTHON_TYPES[setting["type"]])
        assert set(setting.get("evalInfo", {})) <= {"showLinkButton", "description"}
        assert set(setting.get("propargs", {})) <= {"min", "max"}
        assert setting["description"] and not setting["description"].endswith(".")
        if "choices" in setting:
            assert setting["type"] == "string" and setting["default"] in setting["choices"]


def test_every_setting_is_used_and_nothing_else_is() -> None:
    used = set(compiled()["read"])
    for key, setting in SETTINGS.items():
        used |= {other for other in SETTINGS if f"settings.{other}" in setting.get("eval", "")} - {key}
    assert used == set(SETTINGS)


def test_the_choices_are_those_of_the_extension() -> None:
    tree = ast.parse((ROOT / "scene/enumerations.py").read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in {"METHODS", "QUALITIES"}
    }
    assert SETTINGS["method"]["choices"] == [name for name, *_ in constants["METHODS"]]
    assert SETTINGS["quality"]["choices"] == [name for name, *_ in constants["QUALITIES"]]


def test_values_come_from_the_scene_and_have_defaults_without_the_extension() -> None:
    sightline = SimpleNamespace(method="gps-gaussian", quality="preview")
    with_it = submitted(shown=scene(5, 9, sightline=sightline))["settings"]
    assert (with_it["method"], with_it["quality"], with_it["frames"]) == ("gps-gaussian", "preview", "5-9")
    without = submitted(shown=scene())["settings"]
    assert (without["method"], without["quality"], without["frames"]) == ("convglr", "full", "1-20")
    assert submitted(shown=scene(1, 10, 4))["settings"]["frames"] == "1,5,9"


def test_the_output_is_where_flamencos_own_jobs_put_it() -> None:
    settings = submitted("Füße 2", add_path_components=2)["settings"]
    assert settings["render_output_path"] == "/farm/out/film/shots/Füße 2/{timestamp}/######"
    shown = compiled("Füße 2", add_path_components=2)["settings"]["render_output_path"]
    assert shown == "/farm/out/film/shots/Füße 2/2026-03-01_093000/######"


def test_frames_are_rendered_in_chunks_and_checked_at_the_end() -> None:
    *renders, check = compiled(chunk_size=8)["tasks"]
    assert [task["name"] for task in renders] == ["render-1-8", "render-9-16", "render-17-20"]
    assert {task["type"] for task in [*renders, check]} == {"blender"}
    assert command_line(renders[1]) == shlex.split(
        f"blender -b -y --command sightline render {shlex.quote(BLEND)} --frames 9-16 --method convglr --quality full"
        f" --output {shlex.quote(OUTPUT)} --device auto --resume --share"
    )
    assert command_line(check) == shlex.split(
        f"blender -b -y --command sightline check {shlex.quote(BLEND)} --frames 1-20 --method convglr --quality full"
        f" --output {shlex.quote(OUTPUT)}"
    )
    assert [task["commands"][0]["totalStepCount"] for task in [*renders, check]] == [8, 8, 4, 0]
    assert all(task["dependencies"] == [] for task in renders)
    assert check["dependencies"] == [task["name"] for task in renders]


def test_gaussians_are_made_and_checked() -> None:
    *tasks, check = compiled(kind="gaussians", device="cuda", quality="preview", frames="7")["tasks"]
    (task,) = tasks
    assert task["name"] == "gaussians-7"
    assert command_line(task) == shlex.split(
        f"blender -b -y --command sightline gaussians {shlex.quote(BLEND)} --frames 7 --quality preview"
        f" --output {shlex.quote(OUTPUT)} --device cuda --resume --share"
    )
    assert command_line(check)[4:] == shlex.split(
        f"sightline check {shlex.quote(BLEND)} --frames 7 --quality preview --output {shlex.quote(OUTPUT)} --gaussians"
    )


def test_settings_reach_the_commands() -> None:
    for task in compiled(method="splatting", quality="preview", device="cpu")["tasks"][:-1]:
        assert [option(task, name) for name in ("--method", "--quality", "--device")] == ["splatting", "preview", "cpu"]


def test_the_movie_lies_beside_the_frames_and_is_made_by_the_last_task_alone() -> None:
    *renders, check = compiled(movie=True)["tasks"]
    assert option(check, "--movie") == "/farm/out/Shot 010/2026-03-01_093000/shot 010.mp4"
    assert not any("--movie" in command_line(task) for task in renders)


@pytest.mark.parametrize(
    ("frames", "size", "chunks", "whole"),
    [
        ("1-10", 3, ["1-3", "4-6", "7-9", "10"], "1-10"),
        ("1-10,20-30", 8, ["1-8", "9,10,20-25", "26-30"], "1-10,20-30"),
        ("0-12,34-56,78-90", 20, ["0-12,34-40", "41-56,78-81", "82-90"], "0-12,34-56,78-90"),
        (" 3, 5 - 6,4,3 ", 10, ["3-6"], "3-6"),
        ("8..10", 100, ["8-10"], "8-10"),
        ("1,3,5", 2, ["1,3", "5"], "1,3,5"),
    ],
)
def test_chunks(frames: str, size: int, chunks: list[str], whole: str) -> None:
    *renders, check = compiled(frames=frames, chunk_size=size)["tasks"]
    assert [option(task, "--frames") for task in renders] == chunks
    assert [task["commands"][0]["totalStepCount"] for task in renders] == [len(named_frames(c)) for c in chunks]
    assert option(check, "--frames") == whole


def test_each_of_many_frames_is_in_one_task_and_the_command_lines_stay_short() -> None:
    *renders, check = compiled(frames="1-4000,4500-9999", chunk_size=7)["tasks"]
    frames = [frame for task in renders for frame in named_frames(option(task, "--frames"))]
    assert frames == [*range(1, 4001), *range(4500, 10000)]
    assert option(check, "--frames") == "1-4000,4500-9999"
    assert len(check["dependencies"]) == len(renders)


@pytest.mark.parametrize(
    ("blend", "output", "movie"),
    [
        ("{jobs}/Fuß – 3Д/Größe 1.blend", "/srv/Möbel & Co/a b/####", "/srv/Möbel & Co/a b/Größe 1.mp4"),
        (r"R:\film\v1.2.flamenco.blend", r"R:\out put\######", "R:/out put/v1.2.mp4"),
        (r"\\nas\film\shot.blend", r"\\nas\out\######", "//nas/out/shot.mp4"),
    ],
)
def test_paths_go_through_as_they_are(blend: str, output: str, movie: str) -> None:
    *renders, check = compiled(blendfile=blend, render_output_path=output, movie=True)["tasks"]
    for task in [*renders, check]:
        words = command_line(task)
        assert [*words[3:5], words[6]] == ["--command", "sightline", blend]
        assert option(task, "--output") == output
    assert option(check, "--movie") == movie


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"kind": "meshes"}, '"meshes" is no kind; choose frames or gaussians.'),
        ({"quality": "best"}, '"best" is no quality; choose preview or full.'),
        ({"method": "nerf"}, '"nerf" is no method; choose convglr, gps-gaussian, plane-sweep or splatting.'),
        ({"device": "tpu"}, '"tpu" is no device; choose auto, cpu, cuda or mps.'),
        ({"chunk_size": 0}, "A chunk has at least one frame, not 0."),
        ({"render_output_path": "/farm/out"}, 'The output "/farm/out" has no # where the number of the frame stands.'),
        (
            {"kind": "gaussians", "movie": True},
            "There is no movie of Gaussians: switch Movie off, or make frames.",
        ),
        *(
            (
                {"frames": frames},
                f'Flamenco cannot read the frames "{frames}"; write them as in 1-100,120, without negative numbers.',
            )
            for frames in ("", "1-100x2", "-5-10", "10-1", "all", "1,,2")
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(chosen: dict[str, Any], sentence: str) -> None:
    with pytest.raises(quickjs.JSException) as refused:
        compiled(**chosen)
    assert str(refused.value).splitlines()[0] == sentence


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('frameChunker("1-10", 3)', ["1-3", "4-6", "7-9", "10"]),
        ('frameChunker("1,2,4", 5)', ["1,2,4"]),
        ('path.dirname("R:\\\\a\\\\b")', "R:/a"),
        ('path.dirname("/a")', "/"),
        ('path.stem("/a/b.c.d")', "b.c"),
        ('path.join("//nas", "x")', "/nas/x"),
    ],
)
def test_the_host_does_as_flamenco(call: str, expected: Any) -> None:
    assert json.loads(manager().eval(f"JSON.stringify({call})")) == expected
