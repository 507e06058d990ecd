"""A real browser for the studio: the system's Chromium; skipped by name where there is none."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from anytasktune.studio.studio_server import StudioServer

OpenStudio = Callable[..., Any]
_CUT = """
import os, socket

def refuse_others(name, call):
    def guarded(*values, **more):
        place = values[-1] if name == "connect" else values[0]
        host = str(place[0] if isinstance(place, tuple) else place or "localhost")
        if not host.startswith(("/", "127.", "::1", "localhost", "\\0")) and not isinstance(place, bytes):
            with open(os.environ["REFUSED_CONNECTIONS"], "a", encoding="utf-8") as refused:
                refused.write(host + chr(10))
            raise OSError("the network is cut")
        return call(*values, **more)
    return guarded

socket.socket.connect = refuse_others("connect", socket.socket.connect)
socket.getaddrinfo = refuse_others("getaddrinfo", socket.getaddrinfo)
"""


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Connections of this process and its children to other machines fail, and are listed in the file."""
    refused, guard = tmp_path / "refused.txt", tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(_CUT, encoding="utf-8")
    refused.touch()
    monkeypatch.setenv("REFUSED_CONNECTIONS", str(refused))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(guard), os.environ.get("PYTHONPATH")])))
    for place, name in ((socket.socket, "connect"), (socket, "getaddrinfo")):
        monkeypatch.setattr(place, name, getattr(place, name))  # given back after the test
    exec(compile(_CUT, "guard", "exec"), {})
    return refused


@pytest.fixture
def browser() -> Iterator[Any]:
    """Chromium without a window; ended after each test, as its event loop would stand in the way of other tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on PATH")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def open_studio(browser: Any) -> Iterator[OpenStudio]:
    """Opens the studio of a folder in a fresh browser window: `open_studio(folder, language="zh", width=375, dark=True)`.

    Requests to other machines, and faults of scripts, fail the test.
    """
    faults: list[str] = []
    with ExitStack() as closing:

        def opened(folder: Path, language: str = "en", *, width: int = 1280, height: int = 800, dark: bool = False) -> Any:
            server = StudioServer(folder)
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            closing.callback(thread.join)
            closing.callback(server.stop)
            context = browser.new_context(
                locale={"en": "en-US", "zh": "zh-CN"}[language],
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
            )
            closing.callback(context.close)
            own = server.start_address.partition("/start")[0]
            context.on("request", lambda request: None if request.url.startswith(own) else faults.append(request.url))
            page = context.new_page()
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.set_default_timeout(20_000)
            page.goto(server.start_address)
            return page

        yield opened
    assert not faults


def serious_findings(page: Any) -> str:
    """Serious findings of axe-core on the page as it stands, in words; empty for none."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    return "\n".join(f"{each['id']}: {[node['html'] for node in each['nodes'][:3]]}" for each in serious)
