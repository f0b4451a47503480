"""The commands of the Flamenco job type are read by the parsers that they are for."""

import argparse
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.flamenco_jobs import BLEND, command_line, compiled


@pytest.mark.parametrize("chosen", [{}, {"movie": True}, {"kind": "gaussians"}], ids=str)
def test_every_command_is_understood(scene_module: Callable[[str], ModuleType], chosen: dict[str, Any]) -> None:
    subcommands = {entry.NAME: entry for entry in scene_module("batch.command").SUBCOMMANDS}
    for task in compiled(frames="1-6,9", chunk_size=3, **chosen)["tasks"]:
        name, *words = command_line(task)[5:]
        parser = argparse.ArgumentParser(exit_on_error=False)
        parser.add_argument("file")
        subcommands[name].add_arguments(parser)
        parsed = parser.parse_args(words)
        assert parsed.file == BLEND
        assert len(parsed.frames) == (7 if name == "check" else task["commands"][0]["totalStepCount"])
