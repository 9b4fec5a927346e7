"""Installations as people have them: values of each kind, and some of them together."""

from __future__ import annotations

import copy
from typing import Any

from tests.integration.chart.rendering import Ask

Json = dict[str, Any]

BASE: Json = {
    "settings": {
        "kafka": {"broker": "kafka-0:9092,kafka-1:9092"},
        "verefoo": {"url": "https://verefoo.example/verefoo"},
    }
}
SECURED: Json = {
    "settings": {
        "kafka": {"tls": True, "user": "worker", "prefix": "vereflow-"},
        "traces": {"endpoint": "https://collector.example:4318", "ratio": 0.05},
    },
    "kafka": {"caSecret": {"name": "brokers"}, "passwordSecret": {"name": "login", "key": "word"}},
    "verefoo": {"caSecret": {"name": "verefoo"}, "tokenSecret": {"name": "verefoo"}},
    "traces": {"caSecret": {"name": "traces"}, "headersSecret": {"name": "traces"}},
    "init": {"user": "admin", "passwordSecret": {"name": "admin"}},
}
STRIMZI: Json = {
    "settings": {
        "kafka": {"tls": True, "prefix": "vereflow-", "partitions": 12, "retention_hours": 100000},
        "cluster": {"name": "north"},
    },
    "kafka": {"caSecret": {"name": "events-cluster-ca-cert"}},
    "strimzi": {"cluster": "events", "topics": True, "user": True},
}
MONITORED: Json = {
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s"},
    "alerts": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True},
    "networkPolicy": {
        "from": [{"namespaceSelector": {"matchLabels": {"team": "watchers"}}}],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
    },
}
BARE: Json = {
    "replicas": 1,
    "init": {"enabled": False},
    "serviceAccount": {"create": False, "name": "somebody"},
    "rbac": {"create": False},
    "persistence": {"enabled": False},
    "podDisruptionBudget": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "topologySpread": [],
}
PLACED: Json = {
    "image": {
        "repository": "registry.example:5000/vereflow",
        "digest": f"sha256:{'0a' * 32}",
        "pullSecrets": [{"name": "registry"}],
    },
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "podLabels": {"team": "network"},
    "podAnnotations": {"note": "none"},
    "priorityClassName": "system-cluster-critical",
    "persistence": {"storageClass": "fast", "size": "10Gi", "whenGone": "Retain"},
    "serviceAccount": {"annotations": {"identity": "elsewhere"}},
    "resources": {"limits": {"cpu": 2, "memory": "3Gi"}},
    "user": 10001,
}
SETTINGS: Json = {
    "settings": {
        "instance": "second",
        "kafka": {"retention_hours": 1234567, "session_timeout": 22.5, "heartbeat": 7},
        "cluster": {
            "namespaces": ["shop", "bank"],
            "namespace_selector": "team=shop",
            "isolation": "namespace",
            "selection": "label",
            "shadow": ["*"],
            "pod_ranges": ["10.244.0.0/16"],
        },
        "graph": {"placement": "distributed", "wiring": "hub", "id": 0},
        "rules": {"blast_limit": 20, "exactness": "strict"},
        "allowances": {
            "dns": True,
            "prometheus": "monitoring/app=prometheus",
            "ingress": "edge/app=nginx",
            "webhooks": ["172.18.0.2/32"],
        },
        "web": {"port": 7000},
    }
}

WORKLOADS: Json = {
    "settings": {"cluster": {"identity": "workload"}},
    "rbac": {
        "owners": [{"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": ["get"]}]
    },
}
EXPOSED: Json = {
    "replicas": 3,
    "web": {
        "expose": True,
        "tokenSecret": {"name": "web"},
        "tlsSecret": {"name": "web-tls", "certificate": "cert.pem"},
        "proxyTokenSecret": {"name": "web", "key": "proxy"},
        "from": [{"namespaceSelector": {"matchLabels": {"team": "edge"}}}],
    },
    "settings": {"web": {"port": 7000, "proxy_header": "X-Forwarded-User"}},
}
CORE: Json = {"settings": {"part": "core", "graph": {"clusters": ["north", "south"]}}}
AT_A_CLUSTER: Json = {"settings": {"part": "cluster", "cluster": {"name": "north"}}}
# Strimzi's user is called like the release.
USER: Json = {"settings": {"kafka": {"user": "vereflow"}}}


def over(one: Json, two: Json) -> Json:
    """Return values with others over them, as Helm takes several files."""
    found = copy.deepcopy(one)
    for name, value in two.items():
        inner = found.get(name)
        both = isinstance(inner, dict) and isinstance(value, dict)
        found[name] = over(inner, value) if both else copy.deepcopy(value)
    return found


def _based(*values: Json) -> Json:
    found = BASE
    for each in values:
        found = over(found, each)
    return found


ASKS = {
    "base": Ask(BASE),
    "secured": Ask(_based(SECURED)),
    "strimzi": Ask(_based(STRIMZI)),
    "monitored": Ask(_based(MONITORED)),
    "bare": Ask(_based(BARE)),
    "placed": Ask(_based(PLACED)),
    "settings": Ask(_based(SETTINGS)),
    "workloads": Ask(_based(STRIMZI, WORKLOADS)),
    "core": Ask(_based(SECURED, CORE)),
    "at a cluster": Ask(_based(SECURED, AT_A_CLUSTER)),
    "elsewhere": Ask(_based(SETTINGS, MONITORED), "second", "elsewhere"),
    "exposed": Ask(_based(EXPOSED), "second", "elsewhere"),
    "all": Ask(_based(SECURED, STRIMZI, MONITORED, PLACED, SETTINGS, USER, EXPOSED)),
}
