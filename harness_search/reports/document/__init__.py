"""The report of a search as data, from disk alone: no HTML, no terminal, no picture."""
