"""A client that is let into a studio, as a browser is."""

from pathlib import Path

from starlette.testclient import TestClient

from anytasktune.studio.access import START_PATH, Door
from anytasktune.studio.page_frame import Studio
from anytasktune.studio.studio_app import studio_app

ADDRESS = "http://127.0.0.1:8765"


def open_client(folder: Path, language: str = "en") -> TestClient:
    """A browser that has opened the start address; its requests come from the studio's pages."""
    door = Door()
    client = TestClient(studio_app(Studio(folder), door), base_url=ADDRESS)
    client.headers.update({"sec-fetch-site": "same-origin", "accept-language": language})
    assert client.get(START_PATH, params={"token": door.token}).status_code == 200
    return client
