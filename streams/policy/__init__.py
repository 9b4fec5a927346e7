"""Policies: what one pod may exchange with its peers, and how dialects write that down."""
