"""Finished measurements, one JSON line each, so that a killed benchmark goes on where it was."""

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

Result = TypeVar("Result")


class Ledger:
    """Measurements by name and by the code that was measured."""

    def __init__(self, path: Path, code: str, say: Callable[[str], None] = print) -> None:
        self.path = path
        self.code = code
        self.say = say
        self.failures: dict[str, str] = {}
        self._lines = _read(path)

    def measure(self, name: str, kind: type[Result], run: Callable[[], Result]) -> Result | None:
        """The stored result of `name`, or that of `run`, stored at once. A failure is kept and the benchmark goes on.

        Args:
            name: what is measured, with every setting that matters.
            kind: the dataclass of the result.
        """
        if (stored := self._lines.get((name, self.code))) is not None:
            self.say(f"{name}: measured before")
            return TypeAdapter(kind).validate_python(stored)
        self.say(f"{name} ...")
        try:
            result = run()
        except Exception as error:  # hours of other measurements must not be lost
            self.failures[name] = f"{type(error).__name__}: {error}"
            self.say(f"{name} failed: {self.failures[name]}")
            return None
        assert is_dataclass(result) and not isinstance(result, type)
        self._append(name, asdict(result))
        return result

    def _append(self, name: str, result: dict[str, Any]) -> None:
        self._lines[name, self.code] = result
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(json.dumps({"name": name, "code": self.code, "result": result}, ensure_ascii=False) + "\n")


def _read(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:  # the line a killed process was writing
            continue
        found[entry["name"], entry["code"]] = entry["result"]
    return found
