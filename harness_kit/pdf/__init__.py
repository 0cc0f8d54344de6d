"""What a reader sees of a PDF: its text where it stands, and what is drawn over it."""
