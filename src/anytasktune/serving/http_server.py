"""The server of answers: an HTTP server and the engine behind it."""

import socket

from fastapi import FastAPI

from anytasktune.serving.engine_messages import Engine
from anytasktune.serving.http_listener import HttpServer


class AnswerServer(HttpServer):
    """A server with the engine that answers."""

    def __init__(self, app: FastAPI, engine: Engine, listener: socket.socket) -> None:
        super().__init__(app, listener)
        self.engine = engine
        engine.on_end = self.stop

    def run(self) -> None:
        """Answer requests until the process is told to end, or `stop` is called.

        Raises:
            AnyTaskTuneError: the engine ended by itself.
        """
        self.engine.start()
        try:
            super().run()
        finally:
            self.engine.close()
