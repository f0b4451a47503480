"""Translation between Blender's data and the neutral types; nothing else in the extension reads or writes bpy data."""
