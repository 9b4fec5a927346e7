"""A Kubernetes API server in this process: the few kinds and verbs vereflow and kubectl use.

It answers as kube-apiserver 1.37 does, word for word where a caller could depend on the words,
and keeps everything in memory. It knows nothing of the pipeline it serves.
"""

from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.local.kubernetes.kubelet import Kubelet
from deploy.local.kubernetes.server import KubernetesServer

__all__ = ["Kubelet", "KubernetesServer", "write_kubeconfig"]
