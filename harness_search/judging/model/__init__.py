"""A model as judge: one criterion at a time, from a rubric, over deliverables taken as data."""
