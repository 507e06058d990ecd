"""All families of inputs."""

from collections.abc import Callable
from random import Random

from tests.fuzz import (
    config_family,
    document_family,
    import_family,
    log_family,
    model_family,
    path_family,
    pool_family,
)
from tests.fuzz.scene import Scene
from tests.fuzz.workers import Key

FAMILIES: dict[str, Callable[[Random], Scene]] = {
    "import": import_family.make,
    "config": config_family.make,
    "pool": pool_family.make,
    "path": path_family.make,
    "document": document_family.make,
    "log": log_family.make,
    "model": model_family.make,
}


def make_scene(key: Key) -> Scene:
    """The input with this key: equal keys give equal inputs."""
    family, seed, number = key
    return FAMILIES[family](Random(f"{family} {seed} {number}"))
