"""kube-apiserver and etcd as they are released, built from Go modules, without a container."""
