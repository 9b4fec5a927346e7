"""The acceptance story, played on real processes over real sockets, and checked at every step."""
