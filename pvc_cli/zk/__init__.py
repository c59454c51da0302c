"""The ZooKeeper library: a PVC tree by schema keys, in batches and whole transactions.

It knows nothing of commands and can be used on its own::

    from pvc_cli.zk import ZKHandler, ZKSchema
"""

from pvc_cli.zk.access import Access, Tls
from pvc_cli.zk.handler import ZKHandler
from pvc_cli.zk.schema import Key, ZKSchema
from pvc_cli.zk.store import Lock, Znode
from pvc_cli.zk.transaction import Change, Transaction

__all__ = ["Access", "Change", "Key", "Lock", "Tls", "Transaction", "ZKHandler", "ZKSchema", "Znode"]
