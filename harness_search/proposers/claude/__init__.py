"""Claude as a proposer: the agent SDK and its command line, in a box of ours."""
