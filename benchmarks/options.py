"""What `python -m benchmarks` can be asked for."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bench_tasks import tasks_folder
from benchmarks.machine import ROOT

PARTS = ("fixed", "settings", "training", "evaluation", "roofline", "growth", "teacher", "gates", "similarity")


@dataclass(frozen=True)
class Options:
    """The command line, read."""

    only: tuple[str, ...]
    tasks: tuple[str, ...]
    folder: Path | None
    model: str
    dtype: str
    steps: int
    batch: int
    rows: int
    adapter_steps: int
    out: Path
    name: str
    quick: bool
    compiled: bool


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Options of the command line, or of `arguments`."""
    parser = _parser()
    given = parser.parse_args(arguments)
    given.only, given.tasks = (tuple(part for part in text.split(",") if part) for text in (given.only, given.tasks))
    if unknown := set(given.only) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    given.folder = tasks_folder(given.folder)
    options = Options(**vars(given))
    return _shortened(options) if options.quick else options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ours and its peers, side by side, in one run.")
    add = parser.add_argument
    add("--only", default=",".join(PARTS), help=f"parts, of {', '.join(PARTS)}")
    add("--tasks", default="", help="names of tasks, with commas (all)")
    add("--tasks-folder", dest="folder", type=Path, help="folder of task folders (ANYTASKTUNE_BENCH_TASKS, else the demo)")
    add("--model", default="smollm2-135m", help="folder, alias or Hub id of the base model")
    add("--dtype", default="auto", choices=("auto", "float32", "bfloat16"))
    add("--steps", type=int, default=3, help="timed optimiser steps per task and side (3)")
    add("--batch", type=int, default=16, help="examples per step, and per batch of generate (16)")
    add("--rows", type=int, default=48, help="test rows answered per task (48)")
    add("--adapter-steps", type=int, default=30, help="steps of the adapter that is evaluated (30)")
    add("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder for results")
    add("--name", default="", help="name of the results (date and machine); the same name goes on")
    add("--quick", action="store_true", help="a glance: fewer steps, rows and points; nothing to publish")
    add("--compiled", action="store_true", help="also try TRL with torch_compile, which takes many minutes")
    return parser


def _shortened(options: Options) -> Options:
    return replace(
        options,
        steps=min(2, options.steps),
        rows=min(8, options.rows),
        adapter_steps=min(4, options.adapter_steps),
    )
