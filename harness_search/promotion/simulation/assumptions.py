"""What a simulation takes for granted unless told otherwise; light, for the command line."""

SEARCHES = 2_000
ITERATIONS = 22
"""Of a search, as in the facts on the gate."""
TASKS, TRIALS = 24, 3
"""The study's dev split and trials."""
RECALL = 0.8
"""Share of the tasks that a mechanism changes which its claim knows of: an assumption. With it,
`standard` is as far above `seed` as in the facts."""
