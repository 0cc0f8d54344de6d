"""What a run needs here: of the machine, of the workspace, of the models it calls.

Looking is done first, and by itself; what follows from it is pure.
"""
