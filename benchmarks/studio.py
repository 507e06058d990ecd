"""The studio: seconds from its start to the first page, from a key of the review to the next candidate; weight of its pages.

    python -m benchmarks.studio PROJECT [--starts 5] [--presses 200]

It works on a copy of the project, so that the decisions of the measurement are none of yours. Keys need a task with candidates
(`anytasktune build`) and Chromium; without them only the start and the pages are measured. A key is measured in the browser,
from its event to the end of the next frame, in which the next candidate is drawn; ten presses a second.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

_LISTEN = """() => {
  window.times = [];
  document.addEventListener("keydown", (event) => {
    const before = document.querySelector("#card article");
    requestAnimationFrame(() => setTimeout(() => {
      window.times.push([performance.now() - event.timeStamp, document.querySelector("#card article") !== before]);
    }));
  }, true);
}"""
_PAUSE_MS = 100
_ASSETS = re.compile(r'(?:src=|href=|from )"(/static/[^"]+)"')


@contextmanager
def started(folder: Path) -> Iterator[tuple[httpx.Client, str, float]]:
    """A studio that runs, a client that it has let in, its start address, and the seconds to its first page."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "anytasktune", "studio", "-p", str(folder), "--port", "0", "--no-browser", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        said = ""
        while "}" not in said:
            said += process.stdout.readline()
        address = json.loads(said)["start_address"]
        with httpx.Client(base_url=address.partition("/start")[0], follow_redirects=True, timeout=60) as client:
            client.get(address).raise_for_status()
            yield client, address, time.monotonic() - begin
    finally:
        process.terminate()
        process.wait()


def weight(client: httpx.Client, path: str) -> int:
    """Bytes of a page with the scripts and styles that it names."""
    page = client.get(path)
    page.raise_for_status()
    named = set(_ASSETS.findall(page.text))
    texts = {asset: client.get(asset).text for asset in named}
    imported = {asset for text in texts.values() for asset in _ASSETS.findall(text)} - named
    return len(page.content) + sum(
        len(text.encode()) for text in [*texts.values(), *(client.get(one).text for one in imported)]
    )


def key_times(client: httpx.Client, path: str, presses: int) -> list[float]:
    """Milliseconds from each key to the end of the frame that shows the next candidate."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context()
        base = str(client.base_url).rstrip("/")
        cookies: list[Any] = [{"name": name, "value": value, "url": base} for name, value in client.cookies.items()]
        context.add_cookies([*cookies, {"name": "anytasktune_reviewer", "value": "benchmark", "url": base}])
        page = context.new_page()
        page.goto(base + path)
        page.wait_for_selector("article.candidate")
        page.evaluate(_LISTEN)
        for _ in range(presses):
            page.keyboard.press("a")
            page.wait_for_timeout(_PAUSE_MS)
        found: list[tuple[float, bool]] = page.evaluate("window.times")
        browser.close()
    return [milliseconds for milliseconds, moved in found if moved]


def share(values: Sequence[float], part: float) -> float:
    """The value that so large a part of all does not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studio", description=__doc__.partition("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--starts", type=int, default=5, help="how often to start it (5)")
    parser.add_argument("--presses", type=int, default=200, help="keys to press (200)")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="studio-") as place:
        folder = Path(place) / given.project.resolve().name
        shutil.copytree(given.project, folder)
        seconds = []
        for _ in range(given.starts):
            with started(folder) as (_client, _address, took):
                seconds.append(took)
        print(f"start to first page: best {min(seconds):.2f} s, median {statistics.median(seconds):.2f} s of {len(seconds)}")
        with started(folder) as (client, _address, _took):
            home = client.get("/").text
            parts = sorted({path for path in re.findall(r'href="(/p/[^"?#]+)"', home) if path.count("/") <= 3})
            review = re.findall(r'href="(/p/[^"?#]+/review/[^"?#]+)"', client.get(f"/p/{folder.name}/review").text)
            for path in ["/", *parts, *review[:1]]:
                print(f"{weight(client, path) / 1000:8.1f} kB  {path}")
            if review:
                times = key_times(client, review[0], given.presses)
                late = f"p50 {share(times, 0.5):.1f} ms, p95 {share(times, 0.95):.1f} ms, most {max(times):.1f} ms"
                print(f"key to next candidate: {late}, {len(times)} keys")
            else:
                print("key to next candidate: no task has candidates")


if __name__ == "__main__":
    main()
