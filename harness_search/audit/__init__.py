"""Checks of what a proposer and a candidate touched."""
