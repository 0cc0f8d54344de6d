"""Proposers: each copies the best harness and adds one mechanism with a claim."""
