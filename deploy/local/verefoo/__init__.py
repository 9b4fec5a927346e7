"""Verefoo's graph storage over REST, in process and without its quirks that only destroy data."""
