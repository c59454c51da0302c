"""A model of what PVC's node daemons do with the schema: processes of their own, without the code under test.

Written from what PVC's daemons were seen to do, faults included, with kazoo alone. Of pvc_cli it uses the definitions
of the schema's versions, to know which key is where.
"""
