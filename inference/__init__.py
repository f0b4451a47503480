"""Sightline's method library: calibrated views in, the picture of another camera out. Never imports bpy."""
