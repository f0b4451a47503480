"""A frame, picture or Gaussians, as the worker is asked for it, with a key of exactly what it depends on."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..inference.camera import Camera
from ..inference.errors import PictureError
from ..inference.frame_cache import FrameCache
from ..inference.selection import relevant_sources
from .backend import ROOT, pictures_folder, preferences, user_folder
from .clouds import write_clouds
from .gathering import read_sources, unused, write_capture
from .job import Step
from .methods import PEOPLE, SPLATTING, most_sources, uses_pairs, weights_hash
from .recipes import Graph, Recipe
from .sources import Source


@dataclass(frozen=True)
class FrameRequest:
    """What the worker is asked for.

    Args:
        method: Of the worker's protocol.
        params: Of that method.
        key: Digest of all that the frame depends on: two requests with one key have the same picture or Gaussians.
        size: Width and height of the picture; ``None`` for Gaussians.
        unused: Cameras that were meant as sources and cannot be used, with the reason.
        known: What the frame's metadata should say besides.
    """

    method: str
    params: dict[str, Any] = field(repr=False)
    key: str
    size: tuple[int, int] | None
    unused: dict[str, str] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)


def picture_request(
    recipe: Recipe, camera: Camera, frame: int, graph: Graph, files: dict[int, Path]
) -> Generator[Step, None, FrameRequest]:
    """Return the request for the picture of a camera at a frame.

    Args:
        recipe: A settled one.
        camera: The picture's.
        frame: Of the scene.
        graph: Returns the dependency graph of that frame.
        files: Pictures that only Blender has and that are written already, by the image's session uid; takes more.

    Raises:
        SightlineError: If a picture, mask or cloud cannot be used, or there are too few sources.
    """
    size = camera.width, camera.height
    if recipe.method == SPLATTING:
        clouds = yield from write_clouds(recipe, frame, graph)
        params = {"clouds": clouds, "target": camera.to_json(), "options": {"device": "auto"}}
        known = {"objects": [handle.name for handle in recipe.objects], "frame": frame}
        return FrameRequest("splat", params, _key("splat", params, ""), size, known=known)
    assert recipe.capture is not None
    sources = yield from read_sources(recipe.stage, recipe.capture, frame, graph)
    options: dict[str, Any] = {"method": recipe.method, "quality": recipe.quality, "device": "auto"}
    used = sources
    if not uses_pairs(recipe.method):
        assert recipe.depth is not None, "the recipe is not settled"
        near, far = recipe.depth
        options |= {"sources": recipe.source_count, "depth_near": near, "depth_far": far}
        used = _relevant(recipe, camera, sources, near, far)
    capture = yield from write_capture(recipe.capture.name, used, files)
    params = {"capture": capture.to_json(), "target": camera.to_json(), "options": options}
    key = _key("synthesize", params, weights_hash(recipe.method))
    return FrameRequest("synthesize", params, key, size, unused(sources), {"frame": frame})


def cloud_request(
    recipe: Recipe, camera: Camera | None, frame: int, graph: Graph, files: dict[int, Path]
) -> Generator[Step, None, FrameRequest]:
    """Return the request for the Gaussians of a person at a frame.

    Args:
        recipe: One whose capture is the rig.
        camera: Whose view they are for; ``None`` for the whole person.
        frame: Of the scene.
        graph: Returns the dependency graph of that frame.
        files: As for :func:`picture_request`.

    Raises:
        SightlineError: If a picture or mask cannot be used, or there are too few sources.
    """
    assert recipe.capture is not None
    sources = yield from read_sources(recipe.stage, recipe.capture, frame, graph)
    capture = yield from write_capture(recipe.capture.name, sources, files)
    params = {
        "capture": capture.to_json(),
        "options": {"method": PEOPLE, "quality": recipe.quality, "device": "auto"},
        "target": None if camera is None else camera.to_json(),
    }
    key = _key("reconstruct", params, weights_hash(PEOPLE))
    known = {"capture": recipe.capture.name, "frame": frame}
    return FrameRequest("reconstruct", params, key, None, unused(sources), known)


def cache() -> FrameCache:
    """Return this user's cache of finished frames."""
    return FrameCache(user_folder("cache") / "frames", int(preferences().cache_gigabytes * 1e9))


def worker_params(
    request: FrameRequest, *, save: Path | None = None, cached: bool = True, device: str = "auto"
) -> dict[str, Any]:
    """Return what is sent to the worker: the request, where its picture is kept, and the file to write, if any."""
    params = dict(request.params)
    params["options"] = params["options"] | {"device": device}
    if cached and request.size is not None:  # the cache keeps pictures
        frames = cache()
        params["cache"] = {"folder": str(frames.folder), "key": request.key, "limit": frames.limit}
    if save is not None:
        params |= {"save": str(save), "stamp": request.key}
    return params


def _relevant(recipe: Recipe, camera: Camera, sources: list[Source], near: float, far: float) -> list[Source]:
    """Return the sources that a picture can depend on; all of them where those are too few for a picture.

    The others are none of the worker's business: what changes about them leaves the picture's key as it is.
    """
    usable = [source for source in sources if not source.reason]
    cameras = [source.camera for source in usable if source.camera is not None]
    count = min(recipe.source_count, most_sources(recipe.method))
    chosen = set(relevant_sources(camera, cameras, count, near, far))
    if len(chosen) < 2:
        return sources
    return [source for index, source in enumerate(usable) if index in chosen]


def _key(method: str, params: Mapping[str, Any], weights: str) -> str:
    """Return the digest of a request: numbers to nine digits, files by their names, sizes and times."""
    record = [extension_version(), method, weights, _identified(params)]
    return hashlib.sha256(json.dumps(record, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:40]


def _identified(value: Any, name: str = "") -> Any:
    """Return plain values with every number rounded and every path replaced by what tells its content."""
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, Mapping):
        return {key: _identified(item, key) for key, item in value.items() if key != "device"}
    if isinstance(value, list | tuple):
        return [_identified(item, name) for item in value]
    if isinstance(value, str) and name != "name" and Path(value).is_absolute():
        return file_identity(Path(value))
    return value


def file_identity(path: Path) -> list[Any]:
    """Return what tells a file's content; the folder it lies in may be elsewhere on another machine.

    Raises:
        PictureError: If it is not there.
    """
    if path.parent == pictures_folder() or path.parent.parent == pictures_folder():
        return [path.name.partition("-")[2]]  # named by its content, after a number of this session's
    try:
        stat = path.stat()
    except OSError as error:
        raise PictureError(f"The file '{path}' cannot be read ({error.strerror}); find it or do without it.") from None
    # What copies files to another machine keeps times to a microsecond or to 100 ns.
    return [*path.parts[-2:], stat.st_size, stat.st_mtime_ns // 1_000_000]


@lru_cache(maxsize=1)
def extension_version() -> str:
    """Return the extension's version: another one may make other pictures."""
    with (ROOT / "blender_manifest.toml").open("rb") as file:
        return str(tomllib.load(file)["version"])
