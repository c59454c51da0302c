"""The commands: this file tree is the command tree, ``vm/tag/add.py`` is ``pvc vm tag add``.

A command's module has it as the attribute ``command``: it parses, makes one call, shows what that gives, and returns
the exit code if that is not 0. Modules that begin with an underscore are no commands: they are what the commands
beside them share.
"""
