"""From a path back to its key."""

from __future__ import annotations

import pytest

from pvc_cli.sandbox.demo import cluster
from pvc_cli.zk import ZKSchema
from pvc_cli.zk.places import Place, locate

SCHEMA = ZKSchema()
TAGS = ("domain.meta.tags", "u")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", Place("base", "", "/", ("base.root",), whole=False)),
        ("/config/maintenance", Place("base", "", "/", ("base.config.maintenance",), whole=False)),
        ("/domains/u", Place("domain", "u", "/domains/u", ("domain.name", "u"), whole=True)),
        ("/domains/u/tags/t", Place("domain", "u", "/domains/u", (*TAGS, "tag.name", "t"), whole=True)),
        ("/domains/u/tags/t/type", Place("domain", "u", "/domains/u", (*TAGS, "tag.type", "t"), whole=False)),
        ("/domains/u/odd/x", Place("domain", "u", "/domains/u", (), whole=False)),
        ("/ceph/volumes/p", Place("volume", "p", "/ceph/volumes/p", (), whole=True)),
        ("/ceph/volumes/p/v", Place("volume", "p/v", "/ceph/volumes/p/v", ("volume.name", "p/v"), whole=True)),
        ("/config/odd", Place("base", "", "/", (), whole=False)),
        ("/theirs/own", Place("", "theirs", "/theirs", (), whole=True)),
    ],
)  # fmt: skip
def test_a_path_says_what_is_there(path: str, place: Place) -> None:
    assert locate(SCHEMA, path) == place


@pytest.mark.parametrize("version", range(SCHEMA.version + 1))
def test_the_key_of_a_path_has_that_path(version: int) -> None:
    schema = ZKSchema.at(version)
    paths = [path for key, _ in cluster(12, schema) if (path := schema.path(key))]
    places = [locate(SCHEMA, path) for path in paths]
    # The levels above volumes and snapshots are only a part of their names.
    found = {path: schema.path(place.words) for path, place in zip(paths, places, strict=True) if place.words}
    assert all(path == where for path, where in found.items())
    assert len(found) > len(paths) - 20
