"""Energy used while a system answers, from the counters of the processor (RAPL) and of NVIDIA GPUs (NVML).

RAPL counts what the whole processor uses, other programs included; Linux shows it to all users on few machines. Where no
counter can be read, no energy is reported.
"""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
_MICRO, _MILLI = 1e-6, 1e-3
_ZONES = ("package", "dram")
"""Zones whose counters add up to the energy of a processor and its memory; others are parts of them."""


@dataclass
class EnergyCounter:
    """A counter of energy that starts again at 0 behind its largest value.

    Attributes:
        read: its value in joules.
        wraps_at: joules from one start to the next.
        last: the value read last.
        used: joules counted since the first reading.
    """

    read: Callable[[], float]
    wraps_at: float
    last: float
    used: float = 0.0

    def sample(self) -> None:
        """Read it; between two readings it must not wrap twice (at 100 W a processor's counter takes about 45 minutes)."""
        value = self.read()
        self.used += value - self.last if value >= self.last else value + self.wraps_at - self.last
        self.last = value


class EnergyMeter:
    """Joules used since it was made."""

    def __init__(self, counters: Sequence[EnergyCounter]) -> None:
        self._counters, self._is_lost = counters, not counters

    @classmethod
    def start(cls, *, gpu: bool, folder: Path = POWERCAP) -> "EnergyMeter":
        """A meter of the counters that can be read; `gpu`: with those of all NVIDIA GPUs."""
        return cls([*processor_counters(folder), *(_gpu_counters() if gpu else [])])

    def sample(self) -> None:
        """Read the counters."""
        try:
            for counter in self._counters:
                counter.sample()
        except (OSError, ValueError):
            self._is_lost = True

    @property
    def joules(self) -> float | None:
        """Energy up to the last sample; None where it could not be read."""
        return None if self._is_lost else round(sum(counter.used for counter in self._counters), 3)


def processor_counters(folder: Path = POWERCAP) -> list[EnergyCounter]:
    """The counters of processors and memory below a powercap folder that this user may read."""
    counters = []
    for zone in sorted(folder.glob("intel-rapl:*")):  # AMD's have the same name
        try:
            if not zone.joinpath("name").read_text(encoding="utf-8").startswith(_ZONES):
                continue
            largest = _number(zone / "max_energy_range_uj") * _MICRO
            read = _reader(zone / "energy_uj")
            counters.append(EnergyCounter(read, largest, read()))
        except (OSError, ValueError):
            continue
    return counters


def _number(file: Path) -> int:
    return int(file.read_text(encoding="utf-8"))


def _reader(file: Path) -> Callable[[], float]:
    return lambda: _number(file) * _MICRO


def _gpu_counters() -> list[EnergyCounter]:
    try:
        pynvml: Any = importlib.import_module("pynvml")
        pynvml.nvmlInit()
        devices = [pynvml.nvmlDeviceGetHandleByIndex(place) for place in range(pynvml.nvmlDeviceGetCount())]
        reads = [_gpu_reader(pynvml.nvmlDeviceGetTotalEnergyConsumption, device) for device in devices]
        return [EnergyCounter(read, math.inf, read()) for read in reads]
    except Exception:  # the library is not there, or finds no driver, or an old GPU has no counter
        return []


def _gpu_reader(read: Callable[[object], int], device: object) -> Callable[[], float]:
    return lambda: read(device) * _MILLI
