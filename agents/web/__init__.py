"""Health, metrics and the pages of the workers: no request changes anything.

Pages run beside the loop of the agents, and what must run on it does a bounded amount of work.
"""
