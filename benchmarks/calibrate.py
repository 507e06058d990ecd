"""Finds the constants of the estimates: time and peak memory of steps, measured and as told before.

    python -m benchmarks.calibrate [MODEL]

Prints, per precision and cut, the memory that `training.memory` tells and the memory that was taken, and the share of the bare
matrix product's rate that `training.estimate` calls efficiency. Every setting runs in a process of its own, whose peak is
nobody else's. Linux only.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_RANK, _PREFIX, _PROMPT, _ANSWER = 16, 250, 60, 8


@dataclass(frozen=True)
class Setting:
    """A step to measure."""

    dtype: str
    rows: int
    micro_batch_tokens: int


SETTINGS = (
    Setting("bfloat16", 4, 4096),
    Setting("bfloat16", 16, 512),
    Setting("bfloat16", 16, 4096),
    Setting("bfloat16", 48, 4096),
    Setting("float32", 16, 4096),
)


def _memory(line_name: str) -> int:
    """`VmHWM`, the peak of the process, or `VmRSS`, what it has now."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{line_name}:"))


def measure(model: str, setting: Setting) -> dict[str, float]:
    """One step in this process: what was told, what it took."""
    from anytasktune.models.load import load_base
    from anytasktune.models.lora import Adapter, LoraSpec
    from anytasktune.models.lora_stack import attached
    from anytasktune.training.batches import Row, RowSet
    from anytasktune.training.estimate import load_of, matmul_rate, operations
    from anytasktune.training.memory import Footprint
    from anytasktune.training.step import StepEngine
    from anytasktune.training.streams import StepRows

    base = load_base(model, dtype=setting.dtype, device="cpu")
    shape, size = base.info.shape, base.model.dtype.itemsize
    length = _PROMPT + _ANSWER
    rows = RowSet([list(range(3, 3 + _PREFIX))], [Row(0, list(range(3, 3 + length)), _PROMPT) for _ in range(setting.rows)])
    load = load_of(rows, range(setting.rows))
    told = Footprint(shape, size, _RANK, load, _PREFIX + length)
    rate = matmul_rate(shape, base.device, base.model.dtype)
    adapter = Adapter(base.model, LoraSpec(_RANK, 32.0))
    adapter.initialise(0)
    with attached(base.model, [adapter]) as stack:
        engine = StepEngine(stack, max_tokens=setting.micro_batch_tokens)
        for weight in base.model.parameters():
            weight.sum()  # weights are mapped from their file: they take memory when they are first read
        before = _memory("VmRSS")
        times = []
        for _ in range(3):
            start = time.perf_counter()
            float(engine.loss_and_grad([StepRows(0, rows, range(setting.rows))]).sum())
            times.append(time.perf_counter() - start)
        peak = _memory("VmHWM")
    useful = operations(shape, _RANK, load)
    return {
        "tokens": load.tokens,
        "told_mb": told.step_bytes(setting.micro_batch_tokens) / 1e6,
        "took_mb": (peak - before) / 1e6,
        "process_mb": before / 1e6,
        "gflops": rate / 1e9,
        "seconds": min(times),
        "efficiency": useful / min(times) / rate,
    }


def main(model: str) -> None:
    """Measure every setting in a process of its own."""
    for setting in SETTINGS:
        words = [sys.executable, "-m", "benchmarks.calibrate", model, json.dumps(vars(setting))]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        numbers = "  ".join(f"{name} {value:.3g}" for name, value in found.items())
        print(f"{setting.dtype:<9} {setting.rows:>3} rows  micro {setting.micro_batch_tokens:>5}  {numbers}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(measure(sys.argv[1], Setting(**json.loads(sys.argv[2])))))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else "smollm2-135m")
