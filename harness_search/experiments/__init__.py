"""Rollouts outside the loop: the A/A run, comparisons on a slice, replays, the confirmation."""
