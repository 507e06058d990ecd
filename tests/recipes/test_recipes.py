"""Every recipe runs from top to bottom, with less training than it asks for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tiny_models import save_tiny_model

RECIPES = sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.py"))
SHORTER = {
    "EPOCHS = 4\n": "EPOCHS = 1\n",
    'preset="quick"': 'preset="quick", epochs=0.5',
    "EPOCHS = None ": "EPOCHS = 0.25 ",
}
"""A tiny model learns nothing in the others either, and they take a minute."""
FEWER = {"paper": ["--packs", "consumer_services", "--max-train-rows", "8", "--max-test-rows", "3"]}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_runs_on_a_tiny_model(recipe: Path, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 4096}), encoding="utf-8")
    text = recipe.read_text(encoding="utf-8")
    (long,) = [part for part in SHORTER if part in text]
    (tmp_path / recipe.name).write_text(text.replace(long, SHORTER[long]), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / recipe.name), str(model), *FEWER.get(recipe.stem, [])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = Path(done.stdout.strip().splitlines()[-1].partition(": ")[2])
    assert result.exists(), "the last line of a recipe names what it made"
