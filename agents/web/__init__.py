"""Health, metrics and the pages of the workers: for reading, but for dead letters if that is set.

Pages run beside the loop of the agents, and what must run on it does a bounded amount of work.
"""
