"""A broker that installs from PyPI: Kafka's protocol, kept in memory, ready at once.

Everything that is particular about it stays in this folder. Workers that talk to it call
`quirks.install()` once, before their first client.
"""
