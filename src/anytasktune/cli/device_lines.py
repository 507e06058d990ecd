"""The result of `doctor --gpu`, in lines to be pasted into a question or a bug report."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from anytasktune.cli.console import DONE, MENDABLE, print_json, say

if TYPE_CHECKING:
    from anytasktune.pipeline.checking_gpu import DeviceReport


def show_device(report: "DeviceReport", *, as_json: bool) -> int:
    """Print the result; the exit code says whether everything agrees with the CPU."""
    if as_json:
        findings = [asdict(finding) | {"passed": finding.passed} for finding in report.findings]
        document = asdict(report) | {"findings": findings, "passed": report.passed}
        print_json(document | {"smoke_speed": document.pop("speed")})
    else:
        for line in _lines(report):
            say(line)
    return DONE if report.passed else MENDABLE


def _lines(report: "DeviceReport") -> Iterator[str]:
    sizes = {"memory": report.memory_bytes, "free": report.free_bytes}
    memory = ", ".join(f"{size / 2**30:.1f} GB {word}" for word, size in sizes.items() if size is not None)
    yield f"{report.name} ({report.device}), {memory or 'memory not known'}, computes in {report.dtype}"
    installed = [f"{name} {version}" for name, version in sorted(report.versions.items())]
    yield ", ".join([*([report.driver] if report.driver else []), *installed])
    for finding in report.findings:
        said = f"{finding.value:.1e} (at most {finding.limit:.0e})" if finding.limit else f"{finding.value:g}"
        yield f"{'✓' if finding.passed else '!'} {finding.name}: {said}"
    speed = report.speed
    per_second = f"{speed.tokens_per_second:,.0f} tokens a second"
    yield f"smoke figure, no benchmark: {per_second} in {speed.steps} steps of a tiny random model"
    failed = sum(not finding.passed for finding in report.findings)
    if failed:
        yield f"{failed} of {len(report.findings)} comparisons with the CPU failed: do not train on this device"
        yield "  → train with -c train.device=cpu, and report these lines"
    else:
        yield "all comparisons with the CPU in float32 hold"
