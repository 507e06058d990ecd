"""Workers that compute otherwise are named with both values."""

from anytasktune.cluster.ray_session import Node, Share, choose_share
from anytasktune.cluster.worker_facts import WorkerFacts, computing_problems, version_problems


def _facts(node: str, **more: str) -> WorkerFacts:
    given = {"anytasktune": "1.0", "torch": "2.13.0", "device": "cpu", "dtype": "float32"} | more
    return WorkerFacts(node=node, **given)


def test_equal_workers_have_no_problems() -> None:
    workers = [_facts("a"), _facts("b")]
    assert not version_problems(_facts("here"), workers)
    assert not computing_problems(workers)


def test_another_version_is_named_with_the_node_and_both_values() -> None:
    (problem,) = version_problems(_facts("laptop", torch="2.13.0+cpu"), [_facts("a", torch="2.13.0+cpu"), _facts("b")])
    assert str(problem) == (
        "node b: torch is 2.13.0 on this node, and 2.13.0+cpu on laptop "
        "→ install one version on both, for example there: pip install torch==2.13.0"
    )


def test_another_precision_or_device_is_named_with_both_values() -> None:
    precision, device = computing_problems([_facts("a"), _facts("b", dtype="bfloat16"), _facts("c", device="cuda")])
    assert precision.what == "computes in bfloat16, node a in float32"
    assert device.what == "computes on cuda, node a on cpu"
    assert (precision.where, device.where) == ("node b", "node c")


def test_a_unit_takes_the_cores_that_every_node_has_for_it() -> None:
    nodes = [Node("1", "a", 16, 0), Node("2", "b", 3, 0)]
    assert choose_share(nodes, 0.0, None) == Share(3)
    assert [choose_share(nodes, 0.0, None).times_in(node) for node in nodes] == [5, 1]
    gpus = [Node("3", "c", 16, 2)]
    assert choose_share(gpus, 0.5, None) == Share(4, 0.5)
    assert choose_share(gpus, 0.5, None).times_in(gpus[0]) == 4
    assert choose_share(gpus, 1.0, 2) == Share(2, 1.0)
    assert choose_share(nodes, 0.0, 2).times_in(nodes[1]) == 1
