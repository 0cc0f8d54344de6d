"""The pages of a search, live: a small web server that reads what is on disk, and no more.

It holds no lock, writes nothing into the ledger, and asks a launch what people ask of it through
the control socket, as the commands do.
"""
