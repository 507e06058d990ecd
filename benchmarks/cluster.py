"""Units of work on one and on two nodes of a Ray cluster on this machine: efficiency, and overhead of a unit.

    python -m benchmarks.cluster [--units 20] [--seconds 1.0] [--out benchmarks/results/cluster.json]

Efficiency is the time on one node over twice the time on two. Sleeping units show what the cluster itself costs; computing ones
also what the two share: memory and caches of one machine. Run it on an idle machine with two cores or more.
"""

import argparse
import json
import os
import platform
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from anytasktune.cluster.ray_session import RaySession, Share, connected
from anytasktune.cluster.unit_plan import plan_units
from anytasktune.cluster.unit_pool import UnitPool

Work = Callable[[float, Callable[[str], None]], None]
_NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
_WARM_SECONDS = 1.5
"""Sleep of the units before those that are timed: long enough that no place does two of them."""


def sleep_unit(seconds: float, send: Callable[[str], None]) -> None:
    """A unit that needs no processor."""
    time.sleep(seconds)


def compute_unit(rounds: float, send: Callable[[str], None]) -> None:
    """A unit of a fixed number of matrix products on one thread."""
    import torch

    torch.set_num_threads(1)
    left, right = torch.randn(256, 256), torch.randn(256, 256)
    for _ in range(int(rounds)):
        left = torch.nn.functional.normalize(left @ right)


def rounds_of(seconds: float) -> float:
    """Matrix products that take about so long alone on this machine."""
    compute_unit(10, lambda _: None)
    start = time.perf_counter()
    compute_unit(200, lambda _: None)
    return max(1.0, 200 * seconds / (time.perf_counter() - start))


def seconds_of(session: RaySession, work: Work, amount: float, units: int) -> float:
    """Wall-clock time of equal units, after some that start the workers of every place."""

    def run(doing: Work, count: int, size: float) -> float:
        planned = plan_units({f"unit {number}": 1.0 for number in range(count)}, slots=pool.slots())
        start = time.perf_counter()
        ended = list(pool.run(doing, planned, dict.fromkeys(planned, size)))
        assert len(ended) == count
        assert not any(one.outcome.problems for one in ended)
        return time.perf_counter() - start

    with UnitPool(session, Share(1), lambda _line, _node: "", lambda _: None) as pool:
        run(work, pool.slots(), amount)
        run(sleep_unit, 2 * pool.slots(), _WARM_SECONDS)
        return run(work, units, amount)


def measure(units: int, seconds: float) -> dict[str, Any]:
    """Times on one and on two nodes, and what follows from them."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    amounts: dict[str, tuple[Work, float]] = {
        "sleeping": (sleep_unit, seconds),
        "computing": (compute_unit, rounds_of(seconds)),
        "empty": (sleep_unit, 0.0),
    }
    times: dict[str, list[float]] = {name: [] for name in amounts}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = Cluster(initialize_head=True, head_node_args=_NODE)
        try:
            with connected(cluster.address, print) as session:
                for _ in range(2):
                    for name, (work, amount) in amounts.items():
                        times[name].append(seconds_of(session, work, amount, units))
                    cluster.add_node(**_NODE)
        finally:
            cluster.shutdown()
    efficiency = {name: round(one / (2 * two), 3) for name, (one, two) in times.items() if name != "empty"}
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "units": units,
        "seconds_of_a_unit": seconds,
        "seconds": {name: [round(value, 3) for value in values] for name, values in times.items()},
        "efficiency_of_two_nodes": efficiency,
        "overhead_of_a_unit_ms": round(1000 * times["empty"][0] / units, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0, help="work of a unit")
    parser.add_argument("--out", type=Path, help="file for the results")
    options = parser.parse_args(arguments)
    text = json.dumps(measure(options.units, options.seconds), indent=2)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
