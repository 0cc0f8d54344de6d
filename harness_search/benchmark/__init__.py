"""Task folders and splits, in the format of Harvey LAB."""
