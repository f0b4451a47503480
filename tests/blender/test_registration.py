"""Enabling and disabling leaves Blender as it was."""

import sys

import addon_utils
import bpy


def names() -> set[str]:
    """Everything of ours that Blender knows."""
    found = {f"types.{name}" for name in dir(bpy.types) if name.lower().startswith("sightline")}
    found |= {f"ops.{name}" for name in dir(bpy.ops) if name == "sightline"}
    found |= {f"ops.sightline.{name}" for name in dir(bpy.ops.sightline)}
    for owner in (bpy.types.Scene, bpy.types.Camera, bpy.types.Collection, bpy.types.WindowManager, bpy.types.Object):
        found |= {f"{owner.__name__}.sightline" for _ in range(1) if "sightline" in owner.bl_rna.properties}
    for handlers in (getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)):
        if isinstance(handlers, list):
            found |= {f"handler {h}" for h in handlers if "sightline" in getattr(h, "__module__", "")}
    return found


def test_register_and_unregister_twice(extension: str, blank: None) -> None:
    with_it = names()
    assert "Scene.sightline" in with_it and "ops.sightline.synthesize_view" in with_it
    for _ in range(2):
        addon_utils.disable(extension)
        assert names() == set()
        assert addon_utils.enable(extension) is not None
        assert names() == with_it


def test_every_name_is_declared_once(extension: str) -> None:
    declared = sys.modules[f"{extension}.scene.names"]
    idnames = [value for key, value in vars(declared.Operators).items() if key.isupper()]
    assert len(set(idnames)) == len(idnames)
    for idname in idnames:
        group, name = idname.split(".")
        operator = getattr(getattr(bpy.ops, group), name).get_rna_type()
        assert operator.description and not operator.description.endswith("."), idname
    panels = [value for key, value in vars(declared.Panels).items() if key.isupper()]
    assert all(hasattr(bpy.types, panel) for panel in panels)


def test_settings_have_descriptions(extension: str) -> None:
    for owner in (bpy.types.Scene, bpy.types.Camera):
        group = owner.bl_rna.properties["sightline"].fixed_type
        for name, prop in group.properties.items():
            if name not in {"rna_type", "name"} and not prop.is_hidden:
                assert prop.description, name
