"""Projects that come with the program."""

from importlib.resources import files
from importlib.resources.abc import Traversable

PACKS = ("empty", "demo")


def pack_files(name: str) -> dict[str, bytes]:
    """Relative path (with `/`) → content of every file of a pack.

    Raises:
        KeyError: if there is no such pack.
    """
    if name not in PACKS:
        raise KeyError(f"no pack {name}; there are {', '.join(PACKS)}")
    return dict(_walk(files(__package__) / name, ""))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        found += _walk(entry, f"{path}/") if entry.is_dir() else [(path, entry.read_bytes())]
    return found
