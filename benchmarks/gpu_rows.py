"""The pool of the GPU comparison: as many tasks as asked for, each with as many rows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from anytasktune.chat import Encoded
from anytasktune.models.load import inspect_model
from anytasktune.schema import Example
from benchmarks.bench_tasks import BenchTask, read_tasks
from benchmarks.gpu_pool import PoolJob

_LONGEST = 2048


@dataclass(frozen=True)
class PoolPart:
    """One task of the pool."""

    name: str
    bench: BenchTask
    rows: list[Example]


def read_job(text: str) -> PoolJob:
    """The job as `gpu_pool` hands it over."""
    return PoolJob(**json.loads(text))


def pool_parts(job: PoolJob) -> Iterator[PoolPart]:
    """Tasks in turn until there are enough; rows too long for any side are left out, too few are repeated."""
    template = inspect_model(job.model).format
    fitting: dict[str, list[Example]] = {}
    benches = read_tasks(Path(job.folder) if job.folder else None)
    for number, bench in enumerate(islice(cycle(benches), job.tasks)):
        if bench.name not in fitting:
            lengths = [len(template.encode(bench.task, row).ids) for row in bench.train]
            fitting[bench.name] = [row for row, length in zip(bench.train, lengths, strict=True) if length <= _LONGEST]
        yield PoolPart(f"{number:02d}-{bench.name}", bench, list(islice(cycle(fitting[bench.name]), job.rows)))


def encode_part(job: PoolJob, part: PoolPart) -> list[Encoded]:
    """The part's rows as the tokens our side trains on."""
    template = inspect_model(job.model).format
    return [template.encode(part.bench.task, row) for row in part.rows]
