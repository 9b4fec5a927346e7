"""Ways to run it: the worker's wiring, the command line, the local world."""
