"""The only door to a model: rights, metering, recording, failure attribution."""
