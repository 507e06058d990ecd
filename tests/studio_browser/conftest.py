"""A real browser for the studio: the system's Chromium; skipped by name where there is none."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from anytasktune.studio.studio_server import StudioServer

OpenStudio = Callable[..., Any]


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
