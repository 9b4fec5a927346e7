"""The laptop world: servers that know nothing of the pipeline they serve."""
