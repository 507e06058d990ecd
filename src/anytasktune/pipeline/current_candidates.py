"""The gated candidates a task's data set is made of: as many as were asked for, and never fewer than before unasked."""

from collections.abc import Collection

from anytasktune.errors import counted
from anytasktune.gates.run_gates import Gated
from anytasktune.ids import content_id
from anytasktune.pipeline.build_context import BuildContext
from anytasktune.pipeline.candidate_runs import GATED_CANDIDATES, GatedCandidates, latest_gated
from anytasktune.pipeline.reviewing import read_reviews
from anytasktune.review import review_outcomes
from anytasktune.schema import Candidate, Task, Verdict
from anytasktune.store import LATEST, hash_of_rows, save_artifact, write_ref

MORE_THAN_ASKED = "rows"
"""Name of the gate of candidates that passed all others and are more than `rows`; a person can take them back."""


def current_candidates(context: BuildContext, task: Task, gated: GatedCandidates) -> GatedCandidates:
    """Make the gated candidates of all runs, or as many of them as were asked for, the ones that the data set is made of.

    Those there are now stay if they are more, unless `allow_fewer`; then a note says so.
    """
    project, rows = context.workspace.project, context.settings.synthesis.rows
    reviewed = {key for key, outcome in review_outcomes(read_reviews(project, task)).items() if outcome.status != "rejected"}
    wanted = first_rows(gated, rows, reviewed)
    before = latest_gated(project, task.name)
    if before is not None and len(wanted.kept) < len(before.kept) and not context.options.allow_fewer:
        is_of_these = set(before.manifest.candidate_sets) <= set(context.existing(task).ids)
        if is_of_these and before.manifest.own_rows == gated.manifest.own_rows:
            fewer = project.command("build", task.name, "-c", f"rows={rows}", "--allow-fewer")
            present = counted(len(before.kept), "generated row")
            what = f"the present data set of {present} stays in use; with these settings it would have {len(wanted.kept)}"
            context.note(f"{task.name}: {what}. To use the smaller one: {fewer}")
            return before
    save_artifact(project.gated(task.name), GATED_CANDIDATES, wanted, latest=None)
    write_ref(project.gated(task.name), LATEST, wanted.manifest.id)
    return wanted


def first_rows(gated: GatedCandidates, rows: int, reviewed: Collection[str]) -> GatedCandidates:
    """The same with the first `rows` generated candidates of each language, reviewed ones before all others.

    What was made from candidates that are left out is left out, too; all of it is among the dropped ones.
    """
    whole = Gated.restored(gated.kept, gated.dropped, gated.verdicts)
    written = [item for item in (*whole.kept, *whole.dropped) if item.candidate.origin.place is not None]
    in_order = sorted(written, key=lambda item: (item.candidate.id not in reviewed, item.position))
    surplus: set[str] = set()
    for language in ("en", "zh"):
        mine = [item.candidate.id for item in in_order if item.candidate.language == language]
        surplus |= set(mine[rows:]) - set(mine[:rows])
    out = [item for item in whole.kept if _is_surplus(item.candidate, surplus)]
    if not out:
        return gated
    said = {"gate": MORE_THAN_ASKED, "passed": False, "reason": "more_than_asked"}
    verdicts = [Verdict.model_validate(said | {"candidate": item.candidate.id, "position": item.position}) for item in out]
    places = {item.position for item in out}
    left = Gated(
        tuple(item for item in whole.kept if item.position not in places),
        tuple(sorted([*whole.dropped, *out], key=lambda item: item.position)),
        tuple(sorted([*gated.verdicts, *verdicts], key=lambda verdict: verdict.position)),
    )
    kept = [item.candidate for item in left.kept]
    sha256, counts = hash_of_rows(kept), left.counts(gated.manifest.counts.failed)
    update = {"id": content_id([gated.manifest.id, sha256]), "sha256": sha256, "counts": counts}
    manifest = gated.manifest.model_copy(update=update)
    return GatedCandidates(manifest, kept, [item.candidate for item in left.dropped], list(left.verdicts))


def _is_surplus(candidate: Candidate, surplus: Collection[str]) -> bool:
    made_from = [candidate.id] if candidate.origin.place is not None else candidate.origin.parents
    return any(key in surplus for key in made_from)
