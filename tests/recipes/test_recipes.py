"""Every recipe runs from top to bottom."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.tiny_models import save_tiny_model

RECIPES = sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.py"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_runs_on_a_tiny_model(recipe: Path, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    done = subprocess.run([sys.executable, str(recipe), str(model)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = Path(done.stdout.strip().splitlines()[-1].partition(": ")[2])
    assert result.exists(), "the last line of a recipe names what it made"
