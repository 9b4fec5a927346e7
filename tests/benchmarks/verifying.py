"""How long `vereflow verify` compares, by the number of pods; two rules for each of them."""

from __future__ import annotations

import statistics
import time
from typing import Any

from agents.asking.stored import Stored
from agents.asking.workers import Answers, Told
from deploy.cli.verifying import verify_all
from streams.flow import compiler, router
from streams.flow.output import Send
from streams.records.cause import Source
from streams.settings import load
from tests.benchmarks.routing import GRAPH, OURS, address, change, rule, world

URL, LIMIT = "http://127.0.0.1:6066", 10.0
COMPILING = compiler.Compiling("main", 1, ("local",))
TURNS = 5


def measure(pods: int) -> tuple[int, float]:
    """Return how many pairs are compared, and the median seconds that takes."""
    graph = router.Graph(GRAPH, {}, {})
    compiled: dict[str, compiler.PodRulesRow] = {}
    more = [rule(number, (number * 7 + 3) % pods, 443) for number in range(pods)]
    changes = [change(added=tuple(more[first : first + 500])) for first in range(0, pods, 500)]
    views = 0
    for offset, fact in enumerate((*world(pods), *changes)):
        for sent in router.handle(graph, fact, Source(topic="t", partition=0, offset=offset), OURS):
            assert isinstance(sent, Send)
            views += 1
            source = Source(topic="v", partition=0, offset=views)
            compiler.handle(compiled, sent.value, sent.key, source, COMPILING)
    manifests = [row.patch.manifest for row in compiled.values() if row.patch]
    stored = Stored(_pods(pods), [each for each in manifests if each], {"default": {}})
    rows: dict[str, Any] = {"graph-pods": graph.pods, "graph-rules": graph.rows}
    answers, settings = Answers({URL: Told({}, rows, True)}, {}), load()
    taken = []
    for _ in range(TURNS):
        began = time.perf_counter()
        found = verify_all(answers, stored, settings)
        taken.append(time.perf_counter() - began)
        assert found.equal, found.summary
    return pods * (pods - 1), statistics.median(taken)


def _pods(count: int) -> dict[str, Any]:
    return {
        f"default/pod-{number}": {
            "metadata": {
                "uid": f"uid-{number}",
                "name": f"pod-{number}",
                "namespace": "default",
                "labels": {"app": f"pod-{number}"},
            },
            "status": {"podIP": address(number)},
        }
        for number in range(count)
    }


def main() -> None:
    """Print the figures."""
    for pods in (100, 300, 1000):
        pairs, seconds = measure(pods)
        print(
            f"verify at {pods:5d} pods, {2 * pods:5d} rules: {pairs:7d} pairs in {seconds:.2f} s"
            + (f", limit {LIMIT:.0f} s" if pods == 1000 else "")
        )


if __name__ == "__main__":
    main()
