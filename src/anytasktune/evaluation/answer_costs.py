"""The cost of answers at stated prices, and how many requests a month it takes until tuning has paid for itself."""

import math
from collections.abc import Sequence

from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.schema import BreakEven, Run, SystemResult
from anytasktune.settings import EvalConfig, System
from anytasktune.settings.systems import general_model

_MILLION, _HOUR = 1e6, 3600.0


def per_1000(amount: float | None, count: int) -> float | None:
    """An amount for `count` answers as one for 1,000; None where there is no amount, or no answer."""
    return None if amount is None or not count else amount / count * 1000


def cost_per_1000(entry: ScoredSystem, config: EvalConfig) -> float | None:
    """The cost of 1,000 answers: of an endpoint by its tokens, of what is computed here by the time of the machine.

    None where the price is missing. A model behind an endpoint on this machine may have either price.
    """
    usage, model = entry.usage, entry.general_model
    prices = config.prices.get(model.name) or config.prices.get(model.asked_as) if model and model.endpoint else None
    if prices is not None:
        paid = usage.prompt_tokens * prices.price_in + usage.answer_tokens * prices.price_out
        return per_1000(paid / _MILLION, sum(one.error is None for one in entry.predictions))
    is_here = model is None or model.place in ("", "this machine")
    seconds = per_1000(usage.seconds, usage.answers)
    if config.machine_price_per_hour is None or not is_here or seconds is None:
        return None
    return seconds / _HOUR * config.machine_price_per_hour


def break_even(subject: System, systems: Sequence[SystemResult], run: Run | None, config: EvalConfig) -> list[BreakEven]:
    """When tuning pays back against each system that needs none but is a language model; those whose costs are known.

    What tuning costs is the time of the training, and unknown where another program trained. Rows, teachers and people are not
    in it.
    """
    costs = {result.system: result.cost_per_1000 for result in systems}
    own = costs.get(subject)
    seconds = run.train_seconds if run else None
    if own is None or seconds is None or config.machine_price_per_hour is None:
        return []
    once = seconds / _HOUR * config.machine_price_per_hour
    found = []
    for system, cost in costs.items():
        if cost is None or not (system == "few_shot" or general_model(system)):
            continue
        saved = (cost - own) / 1000 * config.payback_months
        needed = math.ceil(once / saved) if saved > 0 else None
        found.append(BreakEven(against=system, training=once, months=config.payback_months, requests_a_month=needed))
    return found
