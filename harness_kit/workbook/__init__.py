"""What a reader sees of a workbook: shown values, formulas worked out, nothing hidden."""
