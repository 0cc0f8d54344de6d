"""The candidate's claim and the gate that decides about it."""
