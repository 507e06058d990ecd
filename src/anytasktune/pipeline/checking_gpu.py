"""`doctor --gpu`: whether the GPU of this machine trains and answers as the CPU does."""

import platform
import shutil
import subprocess
from dataclasses import dataclass

import torch

from anytasktune.errors import ModelError
from anytasktune.models.free_memory import free_memory
from anytasktune.models.load import choose_device, choose_dtype
from anytasktune.settings import DType
from anytasktune.training.device_check import DeviceFinding, DeviceSpeed, compare_device, smoke_speed
from anytasktune.training.train_runs import versions
from anytasktune.version import __version__


@dataclass(frozen=True)
class DeviceReport:
    """Facts on a device, and its comparison with the CPU.

    Attributes:
        memory_bytes, free_bytes: None where not known.
        driver: of the GPU, and the version of CUDA or ROCm that PyTorch was built with; empty where there is none.
        dtype: the precision that is chosen for it.
    """

    device: str
    name: str
    memory_bytes: int | None
    free_bytes: int | None
    driver: str
    versions: dict[str, str]
    dtype: DType
    findings: list[DeviceFinding]
    speed: DeviceSpeed

    @property
    def passed(self) -> bool:
        """Whether everything agrees with the CPU."""
        return all(finding.passed for finding in self.findings)


def check_gpu() -> DeviceReport:
    """Compare the GPU of this machine with its CPU, in seconds; ModelError where there is none."""
    device = choose_device("auto")
    if device.type == "cpu":
        built = torch.version.cuda or torch.version.hip or torch.backends.mps.is_built()
        what = (
            "PyTorch finds no GPU: is its driver installed?"
            if built
            else f"this PyTorch ({torch.__version__}) is for CPUs only"
        )
        fix = "install the driver, or look with nvidia-smi" if built else "install PyTorch for your GPU: https://pytorch.org"
        raise ModelError(
            f"there is no GPU to check: {what}", fix=f"{fix}; without a GPU the CPU is used, and nothing is missing"
        )
    return check_device(device)


def check_device(device: torch.device) -> DeviceReport:
    """The same for any device."""
    dtype = choose_dtype("auto", device)
    name, memory, driver = platform.machine(), None, ""
    if device.type == "cuda":
        facts = torch.cuda.get_device_properties(device)
        name, memory = facts.name, int(facts.total_memory)
        built = f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {torch.version.hip}"
        driver = f"{_driver()}, {built}" if _driver() else built
    elif device.type == "mps":
        name, memory, driver = "Apple GPU", int(torch.mps.recommended_max_memory()), f"macOS {platform.mac_ver()[0]}"
    findings = compare_device(device, dtype)
    return DeviceReport(
        device=str(device),
        name=name,
        memory_bytes=memory,
        free_bytes=free_memory(device),
        driver=driver,
        versions=versions() | {"anytasktune": __version__},
        dtype=dtype,
        findings=findings,
        speed=smoke_speed(device, dtype),
    )


def _driver() -> str:
    """Version of NVIDIA's driver, as its own program says it; empty where it says nothing."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    question = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(question, capture_output=True, text=True, check=True, timeout=20).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"driver {said.splitlines()[0].strip()}" if said.strip() else ""
