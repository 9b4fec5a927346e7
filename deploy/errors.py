"""What people can cause, told apart by what helps.

Unusable   something is not as it must be; the message says what to do
Unready    what was started does not answer; the message says what its log says
"""

from __future__ import annotations


class Unusable(Exception):
    """Something is not as it must be, and stays so until somebody changes it."""


class Unready(Exception):
    """What was started does not answer."""
