"""Puts the settings of one command together, and says where each value comes from."""
