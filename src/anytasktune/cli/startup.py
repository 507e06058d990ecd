"""Loads the engine's libraries in a process of our own, without the parts that one program on one device never uses.

Of the seconds that importing transformers takes, most go into compiling (torch._dynamo, sympy), training on many machines
(DTensor, FSDP), other libraries it merely finds installed, and garbage collections among objects that all stay. None of it is
needed to tune a small model, so here it is left out. Only the command line does this: a library has no right to choose
what else its process may use.
"""

import contextlib
import copy
import gc
import importlib.util
import sys
from collections.abc import Callable, Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# what these do matters to compiled code only, and nothing here is compiled unless torch._dynamo itself is asked for
_MARKERS = ("allow_in_graph", "assume_constant_result", "forbid_in_graph")
# found installed, these would be loaded for features nobody here uses
_UNUSED = {"librosa", "scipy", "sklearn", "torchvision"}


def load_engine() -> None:
    """Import torch and transformers' models, leanly; a second call, or one after they were imported, changes nothing."""
    if "transformers.modeling_utils" in sys.modules:
        return
    with _without_collections():
        try:
            with _lean():
                import transformers.modeling_utils
        except Exception:  # another version of a library needs what was left out: load all of it, as anybody would
            for name in [name for name in sys.modules if name.partition(".")[0] == "transformers"]:
                del sys.modules[name]
            import transformers.modeling_utils  # noqa: F401
    gc.freeze()


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Loading makes a million objects that stay; looking for garbage among them costs a fifth of the time."""
    usual = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if usual:
            gc.enable()


@contextlib.contextmanager
def _lean() -> Iterator[None]:
    import torch

    _postpone_dynamo()
    find = importlib.util.find_spec

    def find_used(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in _UNUSED else find(name, package)

    with _replaced(torch.distributed, "is_available", lambda: False), _replaced(importlib.util, "find_spec", find_used):
        yield


@contextlib.contextmanager
def _replaced(owner: ModuleType, name: str, stand_in: Callable[..., Any]) -> Iterator[None]:
    usual = getattr(owner, name)
    setattr(owner, name, stand_in)
    try:
        yield
    finally:
        setattr(owner, name, usual)


class _PostponedDynamo(MetaPathFinder, Loader):
    """A stand-in for torch's compiler; whoever asks more of it than its markers gets the whole of it.

    As a finder it makes a part that is imported from outside wait for the whole; as a loader it then gives the part that came
    with it.
    """

    name = "torch._dynamo"
    # transformers takes one class from here, which needs nothing of the rest
    apart = "torch._dynamo._trace_wrapped_higher_order_op"

    def __init__(self, spec: ModuleSpec) -> None:
        self.module = importlib.util.module_from_spec(spec)
        stand_ins: dict[str, Any] = {"__getattr__": self.attribute, "disable": _unmarked, "graph_break": _nothing}
        vars(self.module).update(stand_ins | dict.fromkeys(_MARKERS, _unmarked))

    def install(self) -> None:
        """Put it where torch would put the whole."""
        sys.modules[self.name] = self.module
        sys.modules["torch"]._dynamo = self.module  # type: ignore[attr-defined]
        sys.meta_path.insert(0, self)

    def attribute(self, name: str) -> Any:
        """An attribute the stand-in does not have."""
        if name.startswith("__"):
            raise AttributeError(name)
        self.load_whole()
        return getattr(self.module, name)

    def load_whole(self) -> None:
        """Make the stand-in the real thing."""
        if self in sys.meta_path and self.module.__spec__ and self.module.__spec__.loader:
            sys.meta_path.remove(self)
            del self.module.__getattr__
            self.module.__spec__.loader.exec_module(self.module)

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """Called before a part is imported."""
        if not fullname.startswith(f"{self.name}.") or fullname == self.apart:
            return None
        self.load_whole()
        part = sys.modules.get(fullname)
        if part is None or part.__spec__ is None:
            return None
        spec = copy.copy(part.__spec__)
        spec.loader = self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """The part that came with the whole."""
        return sys.modules.get(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """It was executed already."""


def _postpone_dynamo() -> None:
    spec = importlib.util.find_spec(_PostponedDynamo.name)
    if _PostponedDynamo.name not in sys.modules and spec is not None:
        _PostponedDynamo(spec).install()


def _unmarked(function: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Callable[..., Any]:
    """A decorator, with or without arguments, that changes nothing."""
    return _unmarked if function is None else function


def _nothing(*_: Any, **__: Any) -> None:
    """What a break in a graph is where no graph is made."""
