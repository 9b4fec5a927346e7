"""A pod watcher as a model: leader by lease, framed listings, stamps on everything it says."""

from __future__ import annotations

from streams.flow.output import POD_EVENTS, Send
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.pods import PodEvent, PodEventType
from tests.simulation.cluster import Cluster, LivePod
from tests.simulation.kafka import Broker, Producer

Happened = tuple[PodEventType, LivePod]


class Watcher:
    """One holder of the lease; it may go on for a while after somebody else took it."""

    def __init__(
        self,
        broker: Broker,
        cluster: Cluster,
        events: list[Happened],
        lease: int,
        epoch: int,
        home: str = "local",
    ) -> None:
        self.producer = Producer(broker)
        self.broker = broker
        self.cluster = cluster
        self.events = events
        self.lease = lease
        self.epoch = epoch
        self.home = home
        self.n = 0
        self.seen = 0

    def list_pods(self) -> None:
        """Say what there is, between two marks in every partition."""
        started = self._stamp()
        self._mark(MarkKind.LIST_STARTED, started)
        self.seen = len(self.events)
        for pod in self.cluster.pods.values():
            if pod.told == "watcher" and pod.cluster == self.home:
                self._say(PodEventType.ADDED, pod)
        self._mark(MarkKind.LIST_COMPLETE, started)

    @property
    def behind(self) -> bool:
        """Tell whether something happened that was not told."""
        return self.seen < len(self.events)

    def follow(self) -> None:
        """Tell the next thing that happened."""
        event, pod = self.events[self.seen]
        self.seen += 1
        if pod.told == "watcher":
            self._say(event, pod)

    def _say(self, event: PodEventType, pod: LivePod) -> None:
        said = PodEvent(
            pod_name=pod.name,
            pod_ip=pod.address,
            event=event,
            cluster=self.home,
            namespace="default",
            uid=pod.uid,
            labels=pod.labels,
            workload=pod.workload,
            phase=pod.phase,
            stamp=self._stamp(),
        )
        self.producer.waiting.append(Send(POD_EVENTS, pod.key, said))

    def _mark(self, kind: MarkKind, started: Stamp) -> None:
        for partition in range(self.broker.partitions):
            mark = Mark(
                kind=kind,
                id=f"list-{started.lease}-{started.n}",
                cluster=self.home,
                epoch=self.epoch,
                stamp=self._stamp(),
                started=started,
            )
            event = PodEvent(mark=mark)
            self.producer.waiting.append(Send(POD_EVENTS, f"mark-{partition}", event, partition))

    def _stamp(self) -> Stamp:
        self.n += 1
        return Stamp(lease=self.lease, n=self.n)


def five_fields(event: PodEventType, pod: LivePod, key: str | None) -> Send:
    """Return what a producer of five fields says, under a key of its own or the proper one."""
    said = PodEvent.model_validate(
        {
            "podName": pod.name,
            "podIP": pod.address,
            "hostname": "host",
            "event": event,
            "eventCode": {"ADDED": 0, "MODIFIED": 1, "DELETED": 2}[event],
        }
    )
    return Send(POD_EVENTS, key or pod.key, said)
