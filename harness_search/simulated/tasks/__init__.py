"""The generated benchmark: task folders in LAB's format, drawn from a seed, with known answers."""
