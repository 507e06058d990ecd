"""The short form of `python -m tests.fuzz.kills`."""

import sys
from pathlib import Path

import pytest

from tests.fuzz.kills import fuzzing


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="commands run in forks of a process that has loaded PyTorch")
def test_killed_or_started_twice_a_command_ends_as_one_that_was_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "")  # set by the fuzzer, and put back after the test
    with fuzzing(tmp_path, seed=1) as fuzzer:
        for mode in ("append", "replace", "review"):
            case = fuzzer.case(mode)
            fuzzer.kill(case)
            fuzzer.kill(case)
            fuzzer.pair(case)
    assert not fuzzer.tally.faults, str(fuzzer.tally)
