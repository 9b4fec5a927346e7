"""What one graph's rows say, indexed by address, in memory; built from the rows, never stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from streams.flow.graph_rows import (
    BindingRow,
    End,
    FirewallRow,
    GateRow,
    GraphPodRow,
    GraphRow,
    PartRow,
    PodsRow,
    RuleRow,
    SaidRow,
    VerdictRow,
    binding_key,
)
from streams.policy.selection import selected_by, worn
from streams.records.addresses import is_exact, matches
from streams.records.rules import Action
from streams.records.views import SERVICE, PodRef

_IS_SERVICE = f"/{SERVICE}"


class GraphIndex:
    """Pods by key and by claimed address; rules by the addresses they name; who is meant."""

    def __init__(self) -> None:
        self.pods: dict[str, GraphPodRow] = {}
        self.claims: defaultdict[str, set[str]] = defaultdict(set)
        # By namespace, for only there they meet: the Services and the pods, by key.
        self.services: defaultdict[str, set[str]] = defaultdict(set)
        self.living: defaultdict[str, set[str]] = defaultdict(set)
        # The Services that rules name, looked up for every pair of pods; forgotten on any change.
        self._called: dict[str, list[PodRef]] = {}
        self.wearing: defaultdict[str | None, set[str]] = defaultdict(set)
        self.selecting: defaultdict[str | None, set[str]] = defaultdict(set)
        self.bindings: dict[str, BindingRow] = {}
        self.bound: defaultdict[int, set[str]] = defaultdict(set)
        # What was bound through an alias, by the rule and by the address it led to.
        self.led: defaultdict[str, set[str]] = defaultdict(set)
        self.through: defaultdict[str, set[str]] = defaultdict(set)
        # Who claims an alias: the keys of identities, or of Services.
        self.aliases: defaultdict[str, set[str]] = defaultdict(set)
        self.rules: dict[str, RuleRow] = {}
        self.naming: defaultdict[str, set[str]] = defaultdict(set)
        self.wild: set[str] = set()
        self.firewalls: dict[str, FirewallRow] = {}
        self.fronts: defaultdict[str, set[str]] = defaultdict(set)
        self.parts: dict[str, PartRow] = {}
        self.said: dict[int, SaidRow] = {}
        self.verdicts: dict[int, VerdictRow] = {}
        self.newest: dict[int, int] = {}
        self.heard: dict[int, int] = {}
        self.changed: defaultdict[int, set[str]] = defaultdict(set)
        self.gate = GateRow()

    @classmethod
    def of(
        cls, graph: str, pods: Mapping[str, PodsRow], rows: Mapping[str, GraphRow]
    ) -> GraphIndex:
        """Build the index of one graph from its rows."""
        index = cls()
        prefix = f"{graph}|"
        for key, pods_row in list(pods.items()):
            if key.startswith(prefix):
                index.put_pods_row(key.removeprefix(prefix), pods_row)
        for key, row in list(rows.items()):
            if key.startswith(prefix):
                index.put_row(key.removeprefix(prefix), row)
        return index

    def put_pods_row(self, key: str, row: PodsRow) -> None:
        """Take in one row of ``graph-pods``."""
        if row.pod is not None:
            self.put_pod(key, row.pod)
        elif row.binding is not None:
            self.put_binding(row.binding)
        elif row.verdict is not None:
            self.verdicts[row.verdict.at] = row.verdict

    def put_binding(self, row: BindingRow) -> None:
        """Take in to whom an end of a rule is bound."""
        self.bindings[row.key] = row
        self.bound[row.at].add(row.key)
        if row.address:
            self._called.clear()
            self.led[row.rule].add(row.key)
            self.through[row.address].add(row.key)

    def drop_binding(self, key: str) -> None:
        """Forget a binding of a rule that is gone."""
        row = self.bindings.pop(key)
        self.bound[row.at].discard(key)
        if row.address:
            self._called.clear()
            self.led[row.rule].discard(key)
            self.through[row.address].discard(key)

    def uid(self, rule: str, end: End) -> str | None:
        """Return to which pod one end of a rule is bound; None: it is parked."""
        binding = self.bindings.get(binding_key(rule, self.rules[rule].at, end))
        return binding.uid if binding else None

    def put_pod(self, key: str, row: GraphPodRow) -> None:
        """Replace what is known of one pod, or of one Service."""
        if row.pod.service is not None:
            self._called.clear()
        old = self.pods.get(key)
        if old is not None and old.pod.address:
            self.claims[old.pod.address].discard(key)
            for label in worn(old.pod):
                self.wearing[label].discard(key)
            self.selecting[selected_by(old.pod)].discard(key)
            self._near(old.pod).discard(key)
        for alias in old.pod.aliases if old is not None else ():
            self.aliases[alias].discard(key)
        self.pods[key] = row
        # Also of who has no address of its own: what two claim is nobody's.
        for alias in row.pod.aliases if row.live else ():
            self.aliases[alias].add(key)
        if row.live and row.pod.address:
            self.claims[row.pod.address].add(key)
            for label in worn(row.pod):
                self.wearing[label].add(key)
            self.selecting[selected_by(row.pod)].add(key)
            self._near(row.pod).add(key)

    def drop_pod(self, key: str) -> None:
        """Forget one pod that is gone."""
        del self.pods[key]

    def put_row(self, key: str, row: GraphRow) -> None:
        """Take in one row of ``graph-rules``."""
        if row.rule is not None:
            self.put_rule(key, row.rule)
        elif row.firewall is not None:
            self.put_firewall(row.firewall)
        elif row.gate is not None:
            self.gate = row.gate
        elif row.part is not None:
            self.parts[key] = row.part
        elif row.said is not None:
            self.put_said(row.said)
        elif row.verdict is not None:
            self.verdicts[row.verdict.at] = row.verdict

    def put_said(self, row: SaidRow) -> None:
        """Take in which firewall change one fact was."""
        self.said[row.at] = row
        self.newest[row.partition] = max(row.rev, self.newest.get(row.partition, -1))
        if row.origin is not None:
            partition, offset = row.origin
            self.heard[partition] = max(offset, self.heard.get(partition, -1))

    def put_rule(self, key: str, row: RuleRow) -> None:
        """Add or replace one rule; a dropped one is remembered but covers nothing."""
        self.drop_rule(key)
        self._called.clear()
        self.rules[key] = row
        self.changed[row.at].add(key)
        if row.dropped:
            return
        for end in (row.rule.source, row.rule.destination):
            if is_exact(end):
                self.naming[end].add(key)
            else:
                self.wild.add(key)

    def drop_rule(self, key: str) -> None:
        """Forget one rule."""
        row = self.rules.pop(key, None)
        if row is None:
            return
        self._called.clear()
        self.changed[row.at].discard(key)
        self.wild.discard(key)
        for end in (row.rule.source, row.rule.destination):
            if is_exact(end):
                self.naming[end].discard(key)

    def put_firewall(self, row: FirewallRow) -> None:
        """Take in what a firewall is besides its rules."""
        old = self.firewalls.get(row.firewall)
        if old is not None:
            self.fronts[old.owner].discard(old.firewall)
        self.firewalls[row.firewall] = row
        self.fronts[row.owner].add(row.firewall)

    def drop_firewall(self, firewall: str) -> None:
        """Forget what a firewall is besides its rules."""
        self.fronts[self.firewalls.pop(firewall).owner].discard(firewall)

    def rules_of(self, firewall: str) -> set[str]:
        """Return the keys of one firewall's rules, the dropped ones too."""
        return {key for key, row in self.rules.items() if row.firewall == firewall}

    def holder(self, address: str) -> PodRef | None:
        """Return the pod that holds the address: of several live claims the latest.

        An alias that nobody has as an address is its only claimant's; of several it is nobody's.
        """
        keys = self.claims.get(address)
        if keys and self.clash(address):
            return None
        if keys:
            return max((self.pods[key] for key in keys), key=lambda row: row.age).pod
        claimants = [self.pods[each].pod for each in self.aliases.get(address, ())]
        return claimants[0] if len(claimants) == 1 and claimants[0].address else None

    def clash(self, address: str) -> bool:
        """Tell whether pods, or Services, of two clusters claim one address: it is nobody's."""
        keys = self.claims.get(address, ())
        return len(keys) > 1 and len({self.pods[key].pod.cluster for key in keys}) > 1

    def is_only(self, address: str, key: str) -> bool:
        """Tell whether nobody else claims an address, as its own or as an alias."""
        return {*self.claims.get(address, ()), *self.aliases.get(address, ())} == {key}

    def meant(self, rule: str, end: End) -> tuple[str, ...]:
        """Return what one end of a rule stands for: in place of an alias its owner's address.

        An ALLOW means whom it was bound to. A DENY means all who claim the alias by now as well:
        forgetting one would open.
        """
        row = self.rules[rule]
        name = row.rule.source if end is End.SOURCE else row.rule.destination
        if not (self.through or self.aliases) or not is_exact(name):
            return (name,)
        binding = self.bindings.get(binding_key(rule, row.at, end))
        led = (binding.address,) if binding and binding.address else ()
        if row.rule.action is Action.ALLOW:
            return led or (name,)
        claimants = [self.pods[key].pod for key in self.aliases.get(name, ())]
        return (name, *led, *(str(each.address) for each in claimants if each.address))

    def alikes(self, pod: PodRef) -> set[str]:
        """Return the keys of the other live pods that a policy for this one selects as well."""
        return self.wearing.get(selected_by(pod), set()) - {pod.key}

    def _near(self, pod: PodRef) -> set[str]:
        kind = self.living if pod.service is None else self.services
        return kind[f"{pod.cluster}/{pod.namespace}"]

    def served_by(self, pod: PodRef) -> Iterator[PodRef]:
        """Yield the Services that the pod stands behind, and that some rule names."""
        home = f"{pod.cluster}/{pod.namespace}"
        if home not in self._called:
            services = [self.pods[key].pod for key in sorted(self.services.get(home, ()))]
            self._called[home] = [each for each in services if self.named(str(each.address))]
        return (service for service in self._called[home] if pod.serves(service))

    def calling(self, service: PodRef) -> Iterator[str]:
        """Yield the rules whose destination may be a Service: not those that mean anybody."""
        named = self.named(str(service.address))
        return (key for key in named if is_exact(self.rules[key].rule.destination))

    def behind(self, service: PodRef) -> set[str]:
        """Return the keys of the pods that stand behind a Service."""
        near = self.living.get(f"{service.cluster}/{service.namespace}", ())
        return {key for key in near if self.pods[key].pod.serves(service)}

    def holds(self, pod: PodRef) -> bool:
        """Tell whether the pod holds the address it claims."""
        holder = self.holder(pod.address) if pod.address else None
        return holder is not None and holder.uid == pod.uid and holder.key == pod.key

    def covering(self, address: str) -> list[str]:
        """Return the rules with an end that covers the address."""
        wild = [
            key
            for key in self.wild
            if matches(self.rules[key].rule.source, address)
            or matches(self.rules[key].rule.destination, address)
        ]
        named = self.named(address)
        return [*named, *(key for key in wild if key not in named)]

    def named(self, address: str) -> set[str]:
        """Return the rules that name the address, or an alias of whom has it."""
        return self.naming.get(address, set()).union(self._by_alias(address))

    def _by_alias(self, address: str) -> Iterator[str]:
        """Yield the rules that may mean an address and name an alias of whom has it."""
        for key in self.claims.get(address, ()):
            for alias in self.pods[key].pod.aliases:
                yield from self.naming.get(alias, ())
        for each in self.through.get(address, ()):
            rule = self.bindings[each].rule
            if rule in self.rules and not self.rules[rule].dropped:
                yield rule

    def owned(self, uids: Iterable[str]) -> set[str]:
        """Return the keys of these pods, and of all whose view may depend on their firewalls."""
        asked = set(uids) - {""}
        pods = {key: row.pod for key, row in self.pods.items() if row.pod.uid in asked}
        return pods.keys() | self.peers(pod.address for pod in pods.values() if pod.address)

    def hop(self, uid: str, firewalls: Iterable[str]) -> set[str]:
        """Return which of the firewalls are before a pod: its own, or those before nobody."""
        if own := self.fronts.get(uid) if uid else None:
            return {min(own)}.intersection(firewalls)
        known = self.firewalls
        return {each for each in firewalls if each not in known or not known[each].owner}

    def open_by_default(self) -> bool:
        """Tell whether some firewall lets through what no rule names."""
        return any(row.default_action is Action.ALLOW for row in self.firewalls.values())

    def under(self, pattern: str) -> Iterator[str]:
        """Yield the keys of the live pods that claim an address the pattern covers."""
        if is_exact(pattern):
            yield from list(self.claims.get(pattern, ()))
            return
        for address, keys in list(self.claims.items()):
            if keys and matches(pattern, address):
                yield from list(keys)

    def ends(self, rule: str) -> set[str]:
        """Return the keys of the pods at the two ends of a rule, or behind them.

        Whom it was ever bound to through an alias is among them, also when it is dropped.
        """
        led = {self.bindings[key].address for key in self.led.get(rule, ())}
        patterns = led.union(*(self.meant(rule, end) for end in End))
        return self._pods({key for pattern in patterns for key in self.under(pattern)})

    def _pods(self, keys: set[str]) -> set[str]:
        """Return the keys with those of pods in place of those of Services."""
        services = [self.pods[key].pod for key in keys if _IS_SERVICE in key]
        pods = keys - {service.key for service in services}
        return pods.union(*(self.behind(service) for service in services))

    def peers(self, addresses: Iterable[str]) -> set[str]:
        """Return the keys of all pods whose view may depend on who holds these addresses."""
        found: set[str] = set()
        for address in addresses:
            found |= self.claims.get(address, set())
            found |= self._callers(address)
            if self.open_by_default():
                found |= {key for keys in self.claims.values() for key in keys}
            for key in self.covering(address):
                for end, other in ((End.SOURCE, End.DESTINATION), (End.DESTINATION, End.SOURCE)):
                    if any(matches(pattern, address) for pattern in self.meant(key, end)):
                        found.update(*map(self.under, self.meant(key, other)))
        return self._pods(found)

    def _callers(self, address: str) -> set[str]:
        """Return who is meant to call the Services that the pods of this address stand behind."""
        pods = [self.pods[key].pod for key in self.claims.get(address, ())]
        services = {str(each.address) for pod in pods for each in self.served_by(pod)}
        rules = [key for each in services for key in self.named(each)]
        sources = {pattern for rule in rules for pattern in self.meant(rule, End.SOURCE)}
        return {key for source in sources for key in self.under(source)}
