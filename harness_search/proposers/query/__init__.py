"""The command `mh-query` of a proposer's view, and the data that it answers from."""
