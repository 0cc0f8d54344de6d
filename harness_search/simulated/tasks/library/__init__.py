"""Texts of papers that every matter file holds; one clause a paragraph."""
