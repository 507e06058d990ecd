"""The device these tests compute on.

They run on the GPU of this machine, and are skipped where there is none. `ANYTASKTUNE_TEST_DEVICE=cpu` runs them on the CPU, to
see that the tests themselves are whole.
"""

import os

import pytest
import torch

from anytasktune.models.load import choose_device

NAME = os.environ.get("ANYTASKTUNE_TEST_DEVICE", "auto")


@pytest.fixture(scope="session")
def device() -> torch.device:
    found = choose_device(NAME)
    if found.type == "cpu" and NAME != "cpu":
        pytest.skip("PyTorch finds no GPU here")
    return found
