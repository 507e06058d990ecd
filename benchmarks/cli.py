"""`python -m benchmarks`: measure, then write the results."""

import logging
import warnings
from collections.abc import Sequence
from importlib.util import find_spec

from transformers.utils import logging as transformers_logging

from benchmarks.bench_tasks import read_tasks
from benchmarks.ledger import Ledger
from benchmarks.machine import code_digest, this_machine
from benchmarks.options import PARTS, parse_options
from benchmarks.session import Session

_NEED_TRL = ("settings", "training")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write `<name>.md` and `<name>.json`. Returns the exit code: 1 if something could not be measured."""
    options = parse_options(arguments)
    machine = this_machine()
    quiet_libraries()
    name = options.name or f"{machine.day}-{machine.slug}" + ("-quick" if options.quick else "")
    ledger = Ledger(options.out / "raw" / f"{name}.jsonl", code_digest())
    session = Session(options, read_tasks(options.folder, options.tasks), machine, ledger)
    for part in PARTS:
        if part not in options.only:
            continue
        if part in _NEED_TRL and find_spec("trl") is None:
            ledger.failures[part] = "trl is not installed (pip install -e '.[bench]')"
            continue
        session.parts[part]()
    print("\n".join(str(path) for path in session.write(options.out / name)))
    return 1 if ledger.failures else 0


def quiet_libraries() -> None:
    """Only results are to be read."""
    warnings.simplefilter("ignore")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    for name in ("trl", "accelerate", "datasets"):
        logging.getLogger(name).setLevel(logging.ERROR)
