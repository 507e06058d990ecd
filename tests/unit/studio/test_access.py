"""The door of the studio: what it refuses, and the headers of every reply."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.tiny_project import write_project
from tests.unit.studio.studio_client import ADDRESS, open_client

from anytasktune.studio import access
from anytasktune.studio.access import START_PATH, Door
from anytasktune.studio.page_frame import Studio
from anytasktune.studio.studio_app import studio_app


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def stranger(tmp_path: Path, door: Door) -> TestClient:
    """A browser that was not let in."""
    write_project(tmp_path / "law")
    return TestClient(studio_app(Studio(tmp_path), door), base_url=ADDRESS)


@pytest.mark.parametrize("path", ["/", "/p/law/jobs", "/start", "/start?token=wrong", "/start?token=", "/nowhere"])
def test_a_browser_without_the_cookie_sees_nothing(stranger: TestClient, path: str) -> None:
    page = stranger.get(path)
    assert page.status_code == 403
    assert 'href="/p/law' not in page.text


def test_the_start_address_lets_one_browser_in_once(stranger: TestClient, door: Door) -> None:
    address = f"{START_PATH}?token={door.token}"
    reply = stranger.get(address, follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert stranger.get(address).status_code == 200  # the same browser may load it again
    stranger.cookies.clear()
    assert stranger.get(address).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "192.168.1.5", "[::2]"]
)
def test_another_host_name_is_refused(tmp_path: Path, host: str) -> None:
    assert open_client(tmp_path).get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:8765", "[::1]:9", "LOCALHOST"])
def test_the_names_of_this_machine_are_answered(tmp_path: Path, host: str) -> None:
    assert open_client(tmp_path).get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_a_form_of_another_page_changes_nothing(tmp_path: Path, site: str) -> None:
    client = open_client(tmp_path)
    reply = client.post("/language", data={"language": "zh"}, headers={"sec-fetch-site": site}, follow_redirects=False)
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers


def test_every_reply_carries_the_headers_of_the_door(tmp_path: Path) -> None:
    client = open_client(tmp_path)
    for path in ("/", "/nowhere", "/static/studio.css"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/static/../studio_app.py", "/static/%2e%2e/access.py", "/static/..%2faccess.py", "/static//etc/passwd"]
)
def test_static_files_lead_nowhere_else(tmp_path: Path, path: str) -> None:
    reply = open_client(tmp_path).get(path)
    assert reply.status_code in (404, 405)
    assert "import" not in reply.text


def test_a_body_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_BYTES", 1000)
    client = open_client(tmp_path)
    announced = client.post("/language", data={"language": "zh" * 2000})
    assert announced.status_code == 413

    def parts() -> Iterator[bytes]:
        for _ in range(30):
            yield b"language=zh&" * 10

    sent = client.post("/language", content=parts(), headers={"content-type": "application/x-www-form-urlencoded"})
    assert sent.status_code == 413
