"""What several files of tests begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small tensors are worked on faster by one thread than by several."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def untrained(one_thread: None) -> Iterator[None]:
    """Rigs work with a guided network before its training, whose convolutions cost nothing."""
    from inference.gps_gaussian import rig
    from inference.weights import WeightsInfo
    from tests.unit.ball_rigs import UntrainedNetwork

    info = WeightsInfo("untrained", "0" * 16, "gps-gaussian", {"guided": True}, {}, "none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rig, "load_network", lambda source, device: (UntrainedNetwork().eval().to(device), info))
        yield
