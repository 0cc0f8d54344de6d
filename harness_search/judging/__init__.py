"""From deliverables to verdicts: documents to text, checks, and the deterministic judge."""
