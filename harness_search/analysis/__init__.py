"""What rollouts did and why they failed: pure functions over stored evidence.

Texts of evidence come as they are, hostile ones too: whoever shows them escapes them.
"""
