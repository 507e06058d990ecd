"""One task from rows to proof, top to bottom.

    python recipes/one_task.py

Expect, on the embedded model: accuracy about 0.15 for the untuned base, about 0.6 for the Task-LM, after two
minutes of training on two CPU cores.
"""

from pathlib import Path
from tempfile import mkdtemp

from anytasktune import Settings, Workspace, check, init_project, tune

# A project is a folder: domain.yaml says what the tasks are, seeds/ holds their rows. Here, the built-in example's.
folder = Path(mkdtemp(prefix="one-task-"))
init_project(folder, pack="demo")
workspace = Workspace.open(folder)
task = workspace.domain.task("matter_routing")
print(f"{task.name}: {task.instruction['en']}")

# Settings have defaults chosen from the model's size and the number of rows; change what you like.
settings = Settings().with_overrides(["model=smollm2-135m", "preset=quick", "seed=0"])

# Every row is rendered as training will see it. What would teach the wrong thing is named, with file and row.
(checked,) = check(workspace, [task.name], settings)
print(f"{checked.preflight.rows} rows, {len(checked.preflight.problems)} problems")

# Train; then base, base with examples and Task-LM answer the same sealed test rows.
report = tune(workspace, [task.name], settings)

for result in report.tasks[0].systems:
    assert result.score is not None
    print(
        f"{result.system:<9} {report.tasks[0].metric} {result.score.value:.3f} [{result.score.low:.2f}, {result.score.high:.2f}]"
    )
for comparison in report.tasks[0].comparisons:
    print(f"tuned against {comparison.against}: {comparison.verdict} (p = {comparison.p_holm:.3f})")
print(f"The whole report: {workspace.project.reports / report.id / 'report.html'}")
