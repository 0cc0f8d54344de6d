"""The scaffold: frozen during a search, and out of sight of every harness and proposer."""
