"""Energy from counters in a folder like /sys/class/powercap."""

from pathlib import Path

import pytest

from anytasktune.evaluation.energy import EnergyMeter, processor_counters

LARGEST = 262_143_328_850


def write_zone(folder: Path, zone: str, name: str, microjoules: int) -> Path:
    place = folder / zone
    place.mkdir(parents=True, exist_ok=True)
    (place / "name").write_text(f"{name}\n", encoding="utf-8")
    (place / "max_energy_range_uj").write_text(f"{LARGEST}\n", encoding="utf-8")
    (place / "energy_uj").write_text(f"{microjoules}\n", encoding="utf-8")
    return place / "energy_uj"


def test_packages_and_memory_are_added_up_and_their_parts_are_not(tmp_path: Path) -> None:
    files = [
        write_zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000),
        write_zone(tmp_path, "intel-rapl:0:0", "core", 500_000),
        write_zone(tmp_path, "intel-rapl:0:1", "dram", 0),
        write_zone(tmp_path, "intel-rapl:1", "package-1", 0),
        write_zone(tmp_path, "intel-rapl:2", "psys", 0),
    ]
    meter = EnergyMeter.start(gpu=False, folder=tmp_path)
    for file in files:
        file.write_text(f"{int(file.read_text(encoding='utf-8')) + 2_000_000}\n", encoding="utf-8")
    meter.sample()
    assert meter.joules == 6.0


def test_a_counter_that_starts_again_at_zero_is_continued(tmp_path: Path) -> None:
    file = write_zone(tmp_path, "intel-rapl:0", "package-0", LARGEST - 3_000_000)
    meter = EnergyMeter.start(gpu=False, folder=tmp_path)
    for value in (LARGEST - 1_000_000, 4_000_000, 5_000_000):
        file.write_text(str(value), encoding="utf-8")
        meter.sample()
    assert meter.joules == pytest.approx(8.0)


def test_what_cannot_be_read_gives_no_energy_and_not_zero(tmp_path: Path) -> None:
    assert EnergyMeter.start(gpu=False, folder=tmp_path / "none").joules is None
    file = write_zone(tmp_path, "intel-rapl:0", "package-0", 7)
    write_zone(tmp_path, "intel-rapl:1", "package-1", 7).write_text("no number", encoding="utf-8")
    assert len(processor_counters(tmp_path)) == 1
    meter = EnergyMeter.start(gpu=False, folder=tmp_path)
    assert meter.joules == 0.0
    file.unlink()
    meter.sample()
    assert meter.joules is None
