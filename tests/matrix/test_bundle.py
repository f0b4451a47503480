"""What the bundle synthesizes is what the development checkout does."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.installed.sessions import ROOT, outcome
from tests.made_up import write_capture
from tests.matrix.blenders import Blender, module
from wheels.targets import Target


@pytest.mark.parametrize("method", ["convglr", "plane-sweep"])
def test_same_pixels_as_the_checkout(
    method: str, bundled: Target, bundle: Path, user_folder: Path, tmp_path: Path
) -> None:
    if (bundled.python, bundled.accelerator) != ((3, 11), "cpu"):
        pytest.skip(f"{bundle.name} has another torch than the checkout")
    capture = write_capture(tmp_path / "table")
    bare = module("4.5.15")
    arguments = "cycle", bundle, capture, tmp_path / "out", method
    installed = outcome(bare.session(user_folder, *arguments, offline=True, worker=None))

    profile = tmp_path / "development"
    (profile / "extensions" / "user_default").mkdir(parents=True)
    (profile / "extensions" / "user_default" / "sightline").symlink_to(ROOT)
    development = Blender("development", (sys.executable, bare.command[1]))
    arguments = "synthesize", capture, tmp_path / "out of the checkout", method
    checkout = outcome(development.session(profile, *arguments, worker=sys.executable))

    assert installed["pixels"] == checkout["pixels"]
    assert same(installed["metadata"]) == same(checkout["metadata"])


def same(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what does not depend on the run."""
    return {key: value for key, value in metadata.items() if key in {"method", "weights", "sources", "settings", "key"}}
