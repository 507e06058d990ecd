"""Projects that come with the program: Task Pools with rows, the small demo, and the empty skeleton."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from anytasktune.errors import ConfigError
from anytasktune.settings.yaml_reading import nearest

_SIGN_OF_A_PACK = "domain.yaml"


def pack_names() -> tuple[str, ...]:
    """The packs there are, in alphabetical order."""
    folders = (entry for entry in files(__package__).iterdir() if entry.is_dir())
    return tuple(sorted(folder.name for folder in folders if (folder / _SIGN_OF_A_PACK).is_file()))


def pack_files(name: str) -> dict[str, bytes]:
    """Relative path (with `/`) → content of every file of a pack.

    Raises:
        ConfigError: there is no such pack; names the nearest.
    """
    if name not in pack_names():
        raise ConfigError(f"there is no pack {name!r}", fix=nearest(name, pack_names()))
    return dict(_walk(files(__package__) / name, ""))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        found += _walk(entry, f"{path}/") if entry.is_dir() else [(path, entry.read_bytes())]
    return found
