"""The weights that come with Sightline, and the only way to read and write such files: safetensors, never pickles."""

from .store import (
    DEFAULTS,
    FOLDERS_VARIABLE,
    Weights,
    WeightsInfo,
    list_weights,
    load_weights,
    refused_weights,
    save_weights,
)

__all__ = [
    "DEFAULTS",
    "FOLDERS_VARIABLE",
    "Weights",
    "WeightsInfo",
    "list_weights",
    "load_weights",
    "refused_weights",
    "save_weights",
]
