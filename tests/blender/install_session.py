"""Another Blender that installs the backend: FOLDER LOCKS PACKAGES. The test kills it."""

import importlib
import os
import sys
import tempfile
from pathlib import Path

os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="sightline-test-")
import bpy

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bl_ext.user_default.sightline"
link = Path(os.environ["BLENDER_USER_RESOURCES"]) / "extensions" / "user_default" / "sightline"
link.parent.mkdir(parents=True)
link.symlink_to(ROOT, target_is_directory=True)
bpy.ops.extensions.repo_refresh_all()
bpy.ops.preferences.addon_enable(module=PACKAGE)
folder, locks, packages = sys.argv[1:4]
backend = importlib.import_module(f"{PACKAGE}.scene.backend")
installation = importlib.import_module(f"{PACKAGE}.scene.installation")
job = importlib.import_module(f"{PACKAGE}.scene.job")
backend.LOCKS, backend.WORKER_PACKAGES = Path(locks), tuple(packages.split(","))
backend.preferences().backend_folder = folder
installation.online = lambda: True
installation.MAKE = ("{python}", str(Path(__file__).with_name("quick_environment.py")), "{folder}")
job.Job("Install", installation.install).run()
