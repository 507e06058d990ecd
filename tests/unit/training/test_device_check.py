"""The check of a device, on the one device that every machine has; a faulty one fails it."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.tiny_models import tiny_model
from transformers import LlamaForCausalLM

from anytasktune.cli.device_lines import show_device
from anytasktune.errors import ModelError, is_out_of_memory
from anytasktune.models.load import choose_device
from anytasktune.pipeline.checking_gpu import DeviceReport, check_device, check_gpu
from anytasktune.training.device_check import DeviceFinding, compare_device

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def report() -> DeviceReport:
    return check_device(CPU)


def test_the_cpu_agrees_with_itself(report: DeviceReport, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.passed
    assert show_device(report, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "(cpu)" in lines[0]
    assert f"torch {torch.__version__}" in lines[1]
    assert all(line.startswith("✓") for line in lines[2:7])
    assert lines[-2].startswith("smoke figure, no benchmark:")
    assert lines[-1] == "all comparisons with the CPU in float32 hold"


def test_the_result_is_a_json_document_too(report: DeviceReport, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_device(report, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["passed"], document["device"], document["smoke_speed"]["steps"]) == (True, "cpu", 5)
    assert {finding["passed"] for finding in document["findings"]} == {True}


def test_a_failed_comparison_is_marked_and_changes_the_exit_code(
    report: DeviceReport, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = replace(report, findings=[*report.findings, DeviceFinding("loss, bfloat16", math.nan, 0.02)])
    assert show_device(wrong, as_json=False) == 1
    assert "! loss, bfloat16: nan (at most 2e-02)" in capsys.readouterr().out


def test_rounding_to_bfloat16_stays_in_its_limits() -> None:
    findings = compare_device(CPU, "bfloat16")
    assert {finding.name: finding.passed for finding in findings}["gradient, bfloat16"]
    assert all(finding.passed for finding in findings)


class _FaultyOnItsDevice(LlamaForCausalLM):
    """A model whose weights get another value on their way to the device."""

    def to(self, *places: Any, **more: Any) -> "_FaultyOnItsDevice":
        moved = super().to(*places, **more)
        moved.model.layers[0].mlp.up_proj.weight.data.mul_(1.1)
        return moved  # type: ignore[no-any-return]


def test_a_device_that_computes_otherwise_fails() -> None:
    def faulty() -> LlamaForCausalLM:
        sound = tiny_model()
        model = _FaultyOnItsDevice(sound.config)
        model.load_state_dict(sound.state_dict())
        return model.eval().requires_grad_(False)

    failed = [finding.name for finding in compare_device(CPU, "float32", faulty) if not finding.passed]
    assert {"loss, float32", "gradient, float32"} <= set(failed)


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU here")
def test_without_a_gpu_nothing_is_checked_and_the_reason_is_said() -> None:
    with pytest.raises(ModelError, match="there is no GPU to check"):
        check_gpu()


def test_a_device_that_this_program_does_not_use_is_refused() -> None:
    with pytest.raises(ModelError, match="is not used by this program"):
        choose_device("meta")
    with pytest.raises(ModelError, match="no device"):
        choose_device("gpu")


def test_refused_memory_of_gpu_libraries_is_recognised() -> None:
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 17.0 GB)"))
