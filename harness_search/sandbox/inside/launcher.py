"""The first code of a sandboxed process: makes the rest of this folder importable.

(It is not kept compiled, being the main script.)
"""

import sys

sys.path.append(__file__.rpartition("/inside/")[0])
__import__("inside.launch").launch.main()
