"""Health, metrics and the read-only table views of one worker: no request changes anything.

Views run on the loop of the agents, so each does a bounded amount of work.
"""

from agents.web.server import install as install
