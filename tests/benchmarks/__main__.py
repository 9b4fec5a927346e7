"""Print every figure, ours beside its limit from the same run, on the parts this machine has."""

import asyncio

from tests.benchmarks import latency, packets, routing, verifying
from tests.e2e.conftest import EMBEDDED, REAL
from tests.real import go_lacks, java_lacks

routing.main()
verifying.main()
asyncio.run(packets.node_alone())
for name, parts, lacks in (
    ("embedded broker and API server", EMBEDDED, ""),
    ("Apache Kafka and kube-apiserver", REAL, java_lacks() or go_lacks()),
):
    print(f"\n{name}\n{lacks}")
    if not lacks:
        asyncio.run(latency.main(parts))
        asyncio.run(packets.main(parts))
