"""Models from a hub: a small real server plays the Hugging Face Hub, or nobody does."""

import http.server
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from anytasktune.errors import ModelError
from anytasktune.models import is_cached, resolve_model

CLOSED_PORT = "http://127.0.0.1:9"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = save({"weight": np.zeros(4, np.float32)})
WHOLE = {
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"never fetched",
    "onnx/config.json": b"never fetched",
    "consolidated.safetensors": b"never fetched",
}
RESOLVE = """
import sys
from anytasktune.errors import AnyTaskTuneError
from anytasktune.models import is_cached, resolve_model
sys.stdout.reconfigure(encoding="utf-8")
for name in sys.argv[1:]:
    try:
        print(is_cached(name), resolve_model(name), is_cached(name))
    except AnyTaskTuneError as error:
        print(type(error).__name__, error)
"""


@dataclass
class FakeHub:
    """Repositories by id, each a dict of files; `asked` are the files that were fetched."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    broken: bool = False
    asked: set[str] = field(default_factory=set)
    url: str = ""


class HubHandler(http.server.BaseHTTPRequestHandler):
    hub: FakeHub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0].strip("/")
        repo = "/".join(path.removeprefix("api/models/").split("/")[:2])
        files = self.hub.repositories.get(repo)
        if self.hub.broken:
            self.answer(503, b"")
        elif files is None:
            self.answer(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif "/tree/" in path:
            entries = [{"type": "file", "path": name, "size": len(data), "oid": COMMIT} for name, data in files.items()]
            self.answer(200, json.dumps(entries).encode())
        elif path.startswith("api/models/"):
            self.answer(
                200, json.dumps({"id": repo, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}).encode()
            )
        elif repo in self.hub.gated:
            self.answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        else:
            self.send_model_file(path.split(f"{COMMIT}/")[1], files)

    def send_model_file(self, name: str, files: dict[str, bytes]) -> None:
        self.hub.asked.add(name)
        self.answer(200, files[name], {"ETag": f'"{abs(hash(name)):x}"', "X-Repo-Commit": COMMIT})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    fake = FakeHub()
    handler = type("Handler", (HubHandler,), {"hub": fake})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def hub_cache(tmp_path: Path) -> Path:
    return tmp_path / "huggingface"


def resolve_elsewhere(*names: str, endpoint: str, home: Path, **settings: str) -> list[str]:
    """One line per name, from a new process: the Hub's client reads its settings only once."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("HF_", "ANYTASKTUNE_HUB", "MODELSCOPE"))
    }
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", **settings}
    command = [sys.executable, "-c", RESOLVE, *names]
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", env=environment, cwd=home.parent)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_hub_model_is_fetched_without_its_pickles_and_then_used_offline(hub: FakeHub, hub_cache: Path) -> None:
    hub.repositories["org/small"] = WHOLE
    [first] = resolve_elsewhere("org/small", endpoint=hub.url, home=hub_cache)
    before, folder, after = first.split()
    assert (before, after) == ("False", "True")
    assert hub.asked == {"config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors"}
    assert (Path(folder) / "model.safetensors").read_bytes() == WEIGHTS
    [again] = resolve_elsewhere("org/small", endpoint=CLOSED_PORT, home=hub_cache)
    assert again.split() == ["True", folder, "True"]


def test_unusable_repositories_are_refused_before_anything_is_fetched(hub: FakeHub, hub_cache: Path) -> None:
    hub.repositories = {
        "org/pickled": {"config.json": b"{}", "pytorch_model.bin": b"x"},
        "org/packed": {"config.json": b"{}", "small-q4.gguf": b"GGUF"},
        "org/gated": {"config.json": b"{}", "model.safetensors": WEIGHTS},
    }
    hub.gated = {"org/gated"}
    names = ("org/pickled", "org/packed", "org/gated", "Qwen/Qwen3-0.6", "org/a--b")
    pickled, packed, gated, unknown, malformed = resolve_elsewhere(*names, endpoint=hub.url, home=hub_cache)
    assert pickled.startswith("ModelError org/pickled: the weights are a pickle (pytorch_model.bin)")
    assert "only GGUF (small-q4.gguf) → name the .gguf file itself" in packed
    assert f"accept its terms at {hub.url}/org/gated, then set HF_TOKEN" in gated
    assert "neither a folder nor a public model on the Hub called Qwen/Qwen3-0.6 → did you mean Qwen/Qwen3-0.6B" in unknown
    assert "no model can be called org/a--b" in malformed
    assert hub.asked == set()


def test_a_hub_out_of_order_is_named_with_its_answer(hub: FakeHub, hub_cache: Path) -> None:
    hub.broken = True
    [answer] = resolve_elsewhere("org/small", endpoint=hub.url, home=hub_cache)
    assert f"the Hub at {hub.url} answered 503 when asked for org/small → try again later" in answer


def test_without_a_network_the_error_names_the_hub_and_the_other_ways(hub_cache: Path) -> None:
    [answer] = resolve_elsewhere("Qwen/Qwen3-0.6B", endpoint=CLOSED_PORT, home=hub_cache)
    assert answer.startswith("ModelError Qwen/Qwen3-0.6B is neither a folder here nor whole in the Hugging Face cache")
    assert f"the Hub at {CLOSED_PORT} cannot be reached" in answer
    for way in ("local folder", ".gguf", "HF_ENDPOINT", "modelscope:org/name", "smollm2-135m"):
        assert way in answer


def test_the_offline_switch_is_honoured_and_named(hub: FakeHub, hub_cache: Path) -> None:
    hub.repositories["org/small"] = WHOLE
    [answer] = resolve_elsewhere("org/small", endpoint=hub.url, home=hub_cache, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids to fetch it → unset HF_HUB_OFFLINE" in answer
    assert hub.asked == set()


def test_a_hub_cache_that_cannot_be_written_is_an_error_and_no_traceback(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["org/small"] = WHOLE
    (tmp_path / "file").touch()
    [answer] = resolve_elsewhere("org/small", endpoint=hub.url, home=tmp_path / "file")
    assert answer.startswith("StoreError")
    assert "set HF_HOME to a folder on another disk" in answer


@pytest.mark.skipif(importlib.util.find_spec("modelscope") is not None, reason="the modelscope package is installed here")
@pytest.mark.parametrize(("name", "chosen"), [("modelscope:Qwen/Qwen3-0.6B", ""), ("Qwen/Qwen3-0.6B", "modelscope")])
def test_modelscope_without_its_package_says_what_to_install(name: str, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYTASKTUNE_HUB", chosen)
    with pytest.raises(ModelError, match="pip install modelscope"):
        resolve_model(name)
    assert not is_cached(name)


@pytest.mark.skipif(importlib.util.find_spec("modelscope") is None, reason="the modelscope package is not installed")
def test_modelscope_without_a_network_is_a_model_error(tmp_path: Path) -> None:
    settings = {"MODELSCOPE_ENDPOINT": CLOSED_PORT, "MODELSCOPE_DOMAIN": "127.0.0.1:9", "MODELSCOPE_CACHE": str(tmp_path)}
    [answer] = resolve_elsewhere("modelscope:Qwen/Qwen3-0.6B", endpoint=CLOSED_PORT, home=tmp_path / "huggingface", **settings)
    assert answer.startswith("ModelError ModelScope could not give Qwen/Qwen3-0.6B")
