"""Health, metrics and the pages of the workers: for reading, but for dead letters if that is set.

Pages are made by a process of their own; what a worker answers itself is a bounded amount of work.
"""
