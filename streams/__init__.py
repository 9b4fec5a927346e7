"""Data in motion: records, topics, codecs, and the pure functions that turn one into another."""
