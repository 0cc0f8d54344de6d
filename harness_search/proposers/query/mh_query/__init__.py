"""The program `mh-query`, packed into one file in a proposer's view.

Standard library only: it runs inside a proposer's box, where nothing of the scaffold is, on the
view that it lies in and the evidence folder that `query/session.json` names.
"""
