"""The worker: a process beside Blender that holds the heavy packages, and the client that Blender drives it with."""
