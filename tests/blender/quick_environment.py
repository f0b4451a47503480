"""Make an environment as venv does, with this Python's pip by a link instead of a copy: a tenth of the time."""

import sys
import venv
from pathlib import Path

import pip

folder = Path(sys.argv[1])
venv.create(folder, with_pip=False, symlinks=True)
packages = next(folder.glob("lib/python*/site-packages"))
(packages / "pip").symlink_to(Path(pip.__file__).parent, target_is_directory=True)
