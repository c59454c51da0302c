"""The commands: the file tree is the command tree, ``vm/tag/add.py`` is ``pvc vm tag add``.

Each module defines ``command``: it parses, makes one call, shows the result, and returns an exit
code other than 0.
A module with an underscore in front holds what its neighbours share.
"""
