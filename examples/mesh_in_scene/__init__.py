"""The example of a mesh that stands inside a synthesized scene, hidden by what is in front of it."""
