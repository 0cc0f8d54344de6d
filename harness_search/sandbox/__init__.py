"""Runs code that nobody trusts: what it may see, use and leave behind."""
