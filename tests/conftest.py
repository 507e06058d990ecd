"""What tests of several rooms need."""

import os
from pathlib import Path

import pytest

# Tiny models have nothing to share out: with one thread a test takes as long on a busy machine as on an idle one.
# Read when PyTorch is loaded, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.tiny_models import save_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random two-layer model with a chat template and room for 512 tokens."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
