"""The pages: each a function of what was seen and what was asked, and of nothing else."""
