"""Real searches that are killed, stopped, starved and crowded at random, and must not show it."""
