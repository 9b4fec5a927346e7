"""Pods whose packets are real: network namespaces, and a node that drops what policies forbid.

Everything hangs on open files of this process: namespaces without names, which the kernel
removes when nobody holds them. Nothing of the host changes, and nothing is left behind, also
after a kill -9. It knows nothing of the pipeline whose policies it enforces.
"""
