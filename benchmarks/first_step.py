"""A fresh process up to its first optimiser step; prints a line with the clock when each stage is done.

python -m benchmarks.first_step TASK FOLDER SETUP      FOLDER may be empty; SETUP as JSON
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def _stamp(stage: str) -> None:
    print(json.dumps({"stage": stage, "clock": time.time()}), flush=True)


class _EnoughError(Exception):
    """The first step is done; the rest of the run is not wanted."""


def main(task: str, folder: str, setup_text: str) -> None:
    """Train `task` until its first step is over."""
    from benchmarks.bench_tasks import read_tasks
    from benchmarks.our_engine import Setup, Work, open_base, train_pool

    _stamp("imports")
    setup = Setup(**json.loads(setup_text))
    (bench,) = read_tasks(Path(folder) if folder else None, [task])
    _stamp("reading the rows")
    base = open_base(setup)
    _stamp("loading the model")

    def stop(_: Any) -> None:
        _stamp("rendering and the first step")
        raise _EnoughError

    with tempfile.TemporaryDirectory(prefix="bench-first-step-") as place:
        try:
            train_pool(base, setup, [Work(bench.task, bench.train, task)], Path(place), stop)
        except _EnoughError:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
