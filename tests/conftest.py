"""What tests of several rooms need."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tiny models have nothing to share out: with one thread a test takes as long on a busy machine as on an idle one.
# Read when PyTorch is loaded, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Tests read messages in English, whatever the language of the machine.
os.environ["ANYTASKTUNE_LANG"] = "en"

# Started in the background, pytest inherits an ignored SIGINT and hands it on; the tests of Ctrl-C need the usual handler.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test is timed: a busy machine takes as long as it takes. Property tests draw the same cases on every run, so that a
# change is judged by what it changed; `--hypothesis-profile=search` draws new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("search"), derandomize=True)
settings.load_profile("repeatable")

from tests.tiny_models import save_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random two-layer model with a chat template and room for 512 tokens."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
