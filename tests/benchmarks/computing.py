"""P5, the computing alone: ten thousand pods and as many rules through the router and compiler.

``python -m tests.benchmarks.computing PODS`` prints seconds, CPU seconds, MB and policies.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

from streams.flow import compiler, router
from streams.flow.output import POD_RULES, Send
from streams.records.cause import Source
from streams.records.policies import PolicyPatch
from tests.benchmarks.figures import Figure
from tests.benchmarks.routing import GRAPH, OURS, world

PODS = 10_000


def computing(pods: int = PODS) -> Figure:
    """P5: measured in a process of its own, for its memory."""
    command = (sys.executable, "-m", "tests.benchmarks.computing", str(pods))
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    seconds, memory = told["seconds"], told["grown"]
    return Figure(
        "P5",
        f"{pods} pods, {pods} rules: {told['policies']} policies computed",
        f"{seconds:.1f} s, {told['cpu']:.1f} s CPU, {memory:.0f} MB",
        "25 s, 250 MB (stretch 5 s)",
        seconds <= 25 and memory <= 250 and told["policies"] == pods,
        peer="Antrea 67-83 s, 310 MiB; Felix 0.8 s, 226 MiB",
    )


def compute(pods: int) -> dict[str, float]:
    """Return what it took, and how much memory more."""
    graph = router.Graph(GRAPH, {}, {})
    rows: dict[str, compiler.PodRulesRow] = {}
    compiling = compiler.Compiling("main", 1, ("local",))
    policies: set[str] = set()
    before, began, cpu = _peak(), time.perf_counter(), time.process_time()
    for offset, fact in enumerate(world(pods)):
        at = Source(topic="t", partition=0, offset=offset)
        for number, output in enumerate(router.handle(graph, fact, at, OURS)):
            if not isinstance(output, Send) or output.topic != POD_RULES:
                continue
            where = Source(topic="r", partition=0, offset=offset * 100_000 + number)
            for said in compiler.handle(rows, output.value, output.key, where, compiling):
                if isinstance(said, Send) and isinstance(said.value, PolicyPatch):
                    policies.add(said.key)
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "grown": _peak() - before,
        "policies": len({each for each in policies if each.startswith("local/")}),
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(compute(int(sys.argv[1]))))
