"""The server of the studio: listens on this machine only, and knows its start address."""

import socket
from pathlib import Path

from anytasktune.errors import ConfigError
from anytasktune.serving.http_listener import HttpServer, listening
from anytasktune.studio.access import START_PATH, Door
from anytasktune.studio.page_frame import Studio
from anytasktune.studio.studio_app import studio_app

USUAL_PORT = 8731
"""The browser keeps decisions that were not written yet under the address, so that it should be the same next time."""
_HOST = "127.0.0.1"
_END_SECONDS = 1
"""Streams of events never end by themselves, so the end of the server does not wait for them."""


class StudioServer:
    """A studio on its address, ready to run.

    Attributes:
        start_address: the address that lets one browser in, once.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        """Listen at a port, 0 for one that is free; None for the usual one, or for one that is free where it is taken.

        Raises:
            ConfigError: there is no such folder, or the port is taken.
        """
        if not folder.is_dir():
            raise ConfigError(
                "there is no such folder", where=str(folder), fix="give a project, or a folder of projects, with -p"
            )
        try:
            listener = _usual_listener() if port is None else _listener(port)
        except OSError as error:
            fix = "give another one with --port, or 0 for one that is free"
            raise ConfigError(f"port {port} cannot be used: {error.strerror}", fix=fix) from None
        door = Door()
        self._server = HttpServer(studio_app(Studio(folder.resolve()), door), listener, _END_SECONDS)
        self.start_address = f"{self._server.address}{START_PATH}?token={door.token}"

    def run(self) -> None:
        """Answer requests until the process is told to end, or `stop` is called."""
        self._server.run()

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.stop()


def _usual_listener() -> socket.socket:
    try:
        return _listener(USUAL_PORT)
    except OSError:
        return _listener(0)


def _listener(port: int) -> socket.socket:
    made = listening(_HOST, port)
    made.listen()  # a browser that is opened before `run` waits
    return made
