"""What a reader sees of an e-mail."""
