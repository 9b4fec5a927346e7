"""The Verefoo graph: what it is, what it should be, and the edits in between. No I/O."""
