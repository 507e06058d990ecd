"""Free memory is read from the operating system and from the limits of containers."""

from pathlib import Path

import torch

from anytasktune.models.free_memory import free_memory, of_cgroup, of_meminfo, of_vm_stat


def test_reports_of_operating_systems_are_parsed() -> None:
    assert of_meminfo("MemTotal:  99 kB\nMemFree: 1 kB\nMemAvailable:   24 kB\n") == 24 * 1024
    assert of_meminfo("MemTotal:  99 kB\n") is None
    pages = "Pages free:   10.\nPages active:  99.\nPages inactive:  5.\n"
    assert of_vm_stat("Mach Virtual Memory Statistics: (page size of 16384 bytes)\n" + pages) == 15 * 16384


def write_group(folder: Path, limit: str, used: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n", encoding="ascii")
    (folder / "memory.current").write_text(f"{used}\n", encoding="ascii")
    (folder / "memory.stat").write_text("anon 5\ninactive_file 30\n", encoding="ascii")


def test_the_tightest_limit_around_a_container_counts(tmp_path: Path) -> None:
    assert of_cgroup(tmp_path, "pod/box") is None
    write_group(tmp_path / "pod" / "box", "max", 10)
    write_group(tmp_path / "pod", "1000", 400)
    assert of_cgroup(tmp_path, "pod/box") == 1000 - 400 + 30
    write_group(tmp_path / "pod" / "box", "500", 300)
    assert of_cgroup(tmp_path, "pod/box") == 500 - 300 + 30


def test_this_machine_has_memory() -> None:
    free = free_memory(torch.device("cpu"))
    assert free is None or free > 1 << 20
