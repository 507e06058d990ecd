"""Our side of `gpu_pool`: the whole pool in one go."""

import sys
from pathlib import Path

from benchmarks.gpu_rows import pool_parts, read_job
from benchmarks.our_engine import Setup, Work, open_base, train_pool


def main(text: str) -> None:
    """Train every task of the job."""
    job = read_job(text)
    setup = Setup(
        model=job.model,
        device=job.device,
        rank=job.rank,
        alpha=2.0 * job.rank,
        learning_rate=job.learning_rate,
        batch=job.batch,
    )
    pool = [Work(part.bench.task, part.rows, part.name) for part in pool_parts(job)]
    train_pool(open_base(setup), setup, pool, Path(job.out))


if __name__ == "__main__":
    main(sys.argv[1])
