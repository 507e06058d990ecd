"""Times, sizes and costs as a person says them."""

from anytasktune.schema import Estimate, Run

_WORTH_COMPARING = 10.0


def duration(seconds: float) -> str:
    """`40 s`, `6 min 40 s`, `2 h 05 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def about(seconds: float) -> str:
    """The same with no more digits than an estimate deserves: `40 s`, `6 min`, `2 h 10 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds / 5) * 5 if seconds > 20 else round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return duration(round(seconds / 600) * 600)


def count(number: int) -> str:
    """`950`, `410 k`, `1.3 M`."""
    if number < 10_000:
        return str(number)
    return f"{number / 1e3:.0f} k" if number < 1_000_000 else f"{number / 1e6:.3g} M"


def cost(runs: int, whole: Estimate) -> str:
    """`3 Task-LMs, 410 k tokens, about 6 min, 1.9 GB`."""
    what = f"{runs} Task-LM{'' if runs == 1 else 's'}"
    return f"{what}, {count(whole.tokens)} tokens, about {about(whole.seconds)}, {whole.memory_bytes / 1e9:.1f} GB"


def against_estimate(run: Run) -> str:
    """`11 % more than estimated`; empty where nothing was, or where it was over in no time."""
    if run.estimate_error is None or run.usage.seconds < _WORTH_COMPARING:
        return ""
    share = round(100 * run.estimate_error)
    if share == 0:
        return "as estimated"
    return f"{abs(share)} % {'more' if share > 0 else 'less'} than estimated"
