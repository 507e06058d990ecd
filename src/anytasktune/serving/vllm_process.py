"""vLLM as a process of its own: its pins conflict with ours, so it has an environment of its own too."""

import asyncio
import atexit
import contextlib
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import ConfigError, ModelError
from anytasktune.serving.vllm_client import VllmAddress, VllmClient
from anytasktune.store import open_log
from anytasktune.text.plain_text import shorten

VLLM_VARIABLE = "ANYTASKTUNE_VLLM"
KEY_VARIABLE = "VLLM_API_KEY"
_LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "OPENAI_API_KEY", "HF_TOKEN")
"""Variables of this environment that are no business of another one."""
_LOOK_SECONDS = 0.25
_END_SECONDS = 20.0
_SHOWN_LINES = 5


def vllm_command(environment: Mapping[str, str]) -> list[str]:
    """The program, and the arguments that stand behind it in `ANYTASKTUNE_VLLM`.

    Raises:
        ConfigError: there is none.
    """
    named = environment.get(VLLM_VARIABLE, "").strip()
    words = [named] if Path(named).is_file() else shlex.split(named)
    program = shutil.which(words[0] if words else "vllm", path=environment.get("PATH"))
    if program is None:
        what = f"{VLLM_VARIABLE} names no program: {words[0]}" if words else "there is no vllm here"
        fix = "install vLLM into an environment of its own and name its program: "
        fix += f"export {VLLM_VARIABLE}=/path/to/that/environment/bin/vllm"
        raise ConfigError(what, fix=fix)
    return [program, *words[1:]]


@dataclass(frozen=True)
class VllmProcess:
    """A running vLLM server on this machine, which only this process can ask.

    Attributes:
        log: the file with everything it prints.
    """

    address: VllmAddress
    log: Path
    _process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, program: Sequence[str], arguments: Sequence[str], log: Path) -> "VllmProcess":
        """Start `PROGRAM serve ARGUMENTS`, at a free port of this machine and with a key made up for it.

        Raises:
            ConfigError: it cannot be started.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        key = secrets.token_urlsafe(32)
        environment = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
        environment |= {KEY_VARIABLE: key, "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
        words = [program[0], "serve", *arguments, "--host", "127.0.0.1", "--port", str(port), *program[1:]]
        with open_log(log) as output:
            try:
                # a group of its own: Ctrl-C reaches this process alone, which answers what runs before it ends vLLM
                process = subprocess.Popen(  # noqa: S603
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                what = f"{program[0]} cannot be started: {error.strerror or error}"
                raise ConfigError(what, fix=f"correct {VLLM_VARIABLE}") from None
        started = cls(VllmAddress(f"http://127.0.0.1:{port}", key), log, process)
        atexit.register(started.stop)  # whatever ends this program before its server runs
        return started

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def wait_until_ready(self, most_seconds: float, on_wait: Callable[[float], None]) -> None:
        """Wait until it answers requests.

        Args:
            on_wait: called about four times a second with the seconds so far.

        Raises:
            ModelError: it ended, or takes longer.
        """
        begun = time.monotonic()

        async def wait() -> None:
            async with VllmClient(self.address) as client:
                while not await client.is_healthy():
                    if (failed := self.failure()) is not None:
                        raise failed
                    if (waited := time.monotonic() - begun) > most_seconds:
                        what = f"vLLM does not answer after {most_seconds:g} seconds; it last wrote: {self._last_lines()}"
                        raise ModelError(what, where=str(self.log), fix="give it more time: --engine-wait SECONDS")
                    on_wait(waited)
                    await asyncio.sleep(_LOOK_SECONDS)

        asyncio.run(wait())

    def failure(self) -> ModelError | None:
        """The error for a process that ended by itself; None while it runs."""
        if self.exit_code is None:
            return None
        what = f"vLLM ended with exit code {self.exit_code}; it last wrote: {self._last_lines()}"
        return ModelError(what, where=str(self.log), fix="read its log, mend the cause and start again")

    def _last_lines(self) -> str:
        lines = self.log.read_bytes()[-8192:].decode("utf-8", "replace").replace(self.address.key, "[key]").splitlines()
        return " | ".join(shorten(line, 160) for line in lines[-_SHOWN_LINES:] if line.strip()) or "nothing"

    def stop(self) -> None:
        """End it and the processes it started: SIGTERM, and SIGKILL to what is left after 20 seconds."""
        atexit.unregister(self.stop)
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        if sys.platform != "win32":
            self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.send_signal(number)
            else:
                os.killpg(self._process.pid, number)
