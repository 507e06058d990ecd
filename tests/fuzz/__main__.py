"""`python -m tests.fuzz`: many inputs of all families, and a table of how they ended."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count

from tests.fuzz.families import FAMILIES, make_scene
from tests.fuzz.scene import DECLARED, FAULTS
from tests.fuzz.workers import Key, run_all


def main() -> int:
    """Run the inputs; exit code 1 if one ended in an undeclared way."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, default=10_000, help="inputs over all families")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", action="append", choices=list(FAMILIES), help="only these families")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    families = options.family or list(FAMILIES)
    table: dict[str, Counter[str]] = {family: Counter() for family in families}
    start = time.monotonic()
    wanted = options.inputs // len(families)
    for ended in run_all(_keys(families, options.seed, wanted, table), make_scene, options.processes):
        table[ended.key[0]][ended.outcome.kind] += ended.inputs
        if ended.outcome.is_fault:
            print(f"{' '.join(map(str, ended.key))}: {ended.outcome.kind}: {ended.outcome.detail}", flush=True)
    _print(table)
    print(f"{time.monotonic() - start:.0f} s")
    return int(any(counts[kind] for counts in table.values() for kind in FAULTS))


def _keys(families: list[str], seed: int, wanted: int, table: dict[str, Counter[str]]) -> Iterator[Key]:
    """Keys of a family until `wanted` of its inputs have ended; one key can stand for several."""
    for family in families:
        numbers = count()
        while table[family].total() < wanted:
            yield family, seed, next(numbers)


def _print(table: dict[str, Counter[str]]) -> None:
    kinds = [*DECLARED.values(), *(kind for kind in FAULTS if any(counts[kind] for counts in table.values()))]
    print(f"{'family':10}{'inputs':>8}" + "".join(f"{kind:>11}" for kind in kinds))
    for family, counts in table.items():
        print(f"{family:10}{counts.total():8}" + "".join(f"{counts[kind]:11}" for kind in kinds))
    total = sum((counts for counts in table.values()), Counter[str]())
    print(f"{'all':10}{total.total():8}" + "".join(f"{total[kind]:11}" for kind in kinds))


if __name__ == "__main__":
    sys.exit(main())
