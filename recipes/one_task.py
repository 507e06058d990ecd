"""One task from rows to proof, top to bottom.

    python recipes/one_task.py [MODEL]

Expect, on the embedded model: accuracy about 0.15 for the untuned base, about 0.6 for the Task-LM, after two
minutes of training on two CPU cores.
"""

import sys
from pathlib import Path
from tempfile import mkdtemp

from anytasktune import Settings, Workspace, check, init_project, tune
from anytasktune.settings import TrainConfig

# A project is a folder: domain.yaml says what the tasks are, data/ holds their rows. Here, the built-in example's.
folder = Path(mkdtemp(prefix="one-task-"))
init_project(folder, pack="demo")
workspace = Workspace.open(folder)
task = workspace.domain.task("matter_routing")
print(f"{task.name}: {task.instruction['en']}")

# Settings have defaults chosen from the model's size and the number of rows; change what you like.
model = sys.argv[1] if len(sys.argv) > 1 else "smollm2-135m"
settings = Settings(train=TrainConfig(model=model, preset="quick", seed=0))

# Every row is rendered as training will see it. What would teach the wrong thing is named, with file and row.
(checked,) = check(workspace, [task.name], settings)
print(f"{checked.preflight.rows} rows, {len(checked.preflight.problems)} problems")

# Train; then base, base with examples and Task-LM answer the same sealed test rows.
report = tune(workspace, [task.name], settings)

metric = report.tasks[0].metric
for result in report.tasks[0].systems:
    score = result.score
    print(f"{result.system:<9} {metric} " + (f"{score.value:.3f} [{score.low:.2f}, {score.high:.2f}]" if score else "unscored"))
for comparison in report.tasks[0].comparisons:
    print(f"tuned against {comparison.against}: {comparison.verdict} (p = {comparison.p_holm:.3f})")
print(f"The whole report: {workspace.project.reports / report.id / 'report.html'}")
