"""What keeps the architecture as it is drawn: layers, the public names, and cheap imports."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import hypothesis
import pytest

import anytasktune

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "peft", "scipy", "pyarrow")


def test_imports_go_one_way() -> None:
    tool = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    assert tool is not None, "import-linter is not installed: pip install -e '.[dev]'"
    done = subprocess.run([tool, "--no-logo"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout


def test_every_room_but_the_allowed_ones_is_forbidden_to_the_command_line() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    rooms = {name for layer in contracts[0]["layers"] for name in layer.split(" | ")}
    allowed = {
        f"anytasktune.{room}"
        for room in ("cli", "studio", "pipeline", "schema", "records", "errors", "invocation", "localisation", "version")
    }
    assert set(contracts[1]["forbidden_modules"]) == rooms - allowed


def test_every_public_name_is_there() -> None:
    for name in anytasktune.__all__:
        assert getattr(anytasktune, name) is not None
    assert sorted(anytasktune.__all__, key=str.lower) == sorted(set(anytasktune.__all__), key=str.lower)


def test_no_two_test_files_have_one_name() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names)), "pytest takes two files of one name for one module"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        anytasktune.no_such_name  # noqa: B018


@pytest.mark.parametrize(
    "code",
    [
        "import anytasktune",
        "from anytasktune.cli.app import run_safely; run_safely(['--help'])",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str) -> None:
    check = f"{code}\nimport sys\nprint('LOADED', [name for name in {(*HEAVY, 'pydantic')} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_init_import_and_comparing_reports_need_no_torch(tmp_path: Path) -> None:
    code = "\n".join(
        [
            "import sys",
            "import anytasktune.pipeline.diffing_reports",
            "from anytasktune.cli.app import run_safely",
            f"assert run_safely(['init', {str(tmp_path / 'p')!r}, '--demo']) == 0",
            f"assert run_safely(['report', '-p', {str(tmp_path / 'p')!r}]) == 1",
            "print('LOADED', [name for name in ('torch', 'transformers') if name in sys.modules])",
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_no_test_reads_a_clock() -> None:
    timed = re.compile(r"assert .*\b(perf_counter|monotonic|time\.time)\(\) *- *\w+\)? *(/.*)?< *[0-9.]+$", re.M)
    found = {path.name: timed.findall(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("test_*.py")}
    assert not {name for name, hits in found.items() if hits} - {"test_endpoint.py", "test_hostile_documents.py"}, (
        "on a busy machine every wait is long: bound time.process_time() instead"
    )
    assert hypothesis.settings.default is not None
    assert hypothesis.settings.default.deadline is None
