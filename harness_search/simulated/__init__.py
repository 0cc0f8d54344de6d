"""The offline world: a simulated model behind a real Messages API, and a generated benchmark.

It proves that the machinery is right. It never proves that a method gains anything.
"""
