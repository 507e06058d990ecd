"""One unit in the process of a worker.

A fault of the user comes back as a value: Ray repeats a unit when its process or node ends, never when it answers.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anytasktune.errors import AnyTaskTuneError, Problem
from anytasktune.text.plain_text import shorten

Send = Callable[[str], None]
"""Sends a line to the command that gave the unit."""
BEGUN = "begun"
"""First word of the line that a worker sends first; the name of its node follows."""


@dataclass(frozen=True)
class Outcome:
    """The end of a unit.

    Attributes:
        problems: what kept it from its end; none for a unit that was done.
        disk: whether the store or a disk refused something, as it would refuse the next unit.
    """

    problems: tuple[Problem, ...] = ()
    disk: bool = False


def perform(work: Callable[[Any, Send], None], order: Any, key: str, box: Any) -> Outcome:
    """Do one unit of work.

    Args:
        work: does it.
        order: what it is about.
        key: of the unit.
        box: the actor that takes its lines.
    """

    def send(line: str) -> None:
        box.put.remote(key, [line])

    send(f"{BEGUN} {node_name()} {os.getpid()}")
    try:
        work(order, send)
    except AnyTaskTuneError as error:
        return Outcome(error.problems, isinstance(error, OSError))
    except Exception as error:
        what = f"the worker failed: {type(error).__name__}: {shorten(str(error), 300)}"
        fix = "its log is on that node, in /tmp/ray/session_latest/logs"
        return Outcome((Problem(what, f"node {node_name()}", fix),))
    return Outcome()


def node_name() -> str:
    """The name of this machine, and in a worker the beginning of its node's id: several nodes may be on one machine."""
    import ray  # noqa: PLC0415

    host = socket.gethostname()
    return f"{host}/{ray.get_runtime_context().get_node_id()[:6]}" if ray.is_initialized() else host
