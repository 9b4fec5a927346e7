"""Print every figure, ours beside its limit from the same run."""

import asyncio

from tests.benchmarks import latency, packets, routing

routing.main()
asyncio.run(latency.main())
asyncio.run(packets.main())
