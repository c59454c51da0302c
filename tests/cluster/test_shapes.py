"""A document that is read by its shape gives exactly what a parser finds in it."""

from __future__ import annotations

import re
from xml.etree.ElementTree import ParseError, fromstring

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from pvc_cli.cluster.vms.domain import Layout, look_up
from pvc_cli.cluster.vms.hardware import BrokenXmlError, parse
from pvc_cli.cluster.vms.shapes import _MOST, _STRANGERS, Shapes, Values
from pvc_cli.sandbox import domain_xml

PVCS = domain_xml.render(
    "web-01",
    "838c2a7b-847c-53f9-a82c-7cb498d63460",
    "Web server",
    2048,
    2,
    bridges=[("vmbr100", "52:54:00:00:00:01")],
    volumes=["vms/web_root", "vms/web_data"],
    vfs=[("ens1f0v3", "52:54:00:00:00:02")],
)
# What a value may hold that means something in XML, or that a parser changes or refuses.
CHARACTERS = "<>&'\"= \t\n\r\x00\x1f\x7f\x85\u2028\ud800\ufffe\uffff\ue000]aé0x/!-;\U0001f600"
VALUES = st.one_of(
    st.text(CHARACTERS, max_size=4),
    st.sampled_from(
        [
            "1", "2048", "MiB", "hostdev", "direct", "network", "bridge", "type='hostdev'", "&amp;", "&#60;", "&x;",
            "<!-- c -->", "<![CDATA[x]]>", "<a/>", "]]>", "<memory>1</memory>", "</memory>", "0x03", "\ue0001\ue000",
        ]
    ),
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "memory", "vcpu", "description", "cpu", "topology", "os", "type", "devices", "interface", "disk", "hostdev",
        "controller", "source", "mac", "model", "target", "address", "sriov_device", "features", "console",
        "emulator", "numa", "cell", "qemu:arg", "metadata",
    ]
)  # fmt: skip
ATTRIBUTES = st.sampled_from(
    [
        "type", "unit", "sockets", "bridge", "dev", "address", "protocol", "name", "file", "bus", "domain", "slot",
        "model", "arch", "xmlns:qemu", "xmlns", "qemu:type", "xml:space",
    ]
)  # fmt: skip
BLANKS = st.sampled_from(["", "", "\n  ", " ", "\t", "\r\n"])


@st.composite
def elements(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """Return an element as libvirt or somebody else might write it, well-formed or not."""
    name = draw(NAMES)
    attributes = ""
    for attribute, value in draw(st.dictionaries(ATTRIBUTES, VALUES, max_size=3)).items():
        quote = draw(st.sampled_from("''\""))
        equals = draw(st.sampled_from(["=", "=", " = "]))
        attributes += f"{draw(BLANKS) or ' '}{attribute}{equals}{quote}{value}{quote}"
    content = draw(BLANKS) + "".join(draw(st.lists(inner, max_size=4))) + draw(BLANKS)
    return f"<{name}{attributes}/>" if draw(st.booleans()) else f"<{name}{attributes}>{content}</{name}>"


DOMAINS = st.one_of(
    st.just(PVCS),
    st.lists(st.recursive(VALUES, elements, max_leaves=12), max_size=5).map(
        lambda parts: f"<domain xmlns:qemu='q'>{''.join(parts)}</domain>"
    ),
)


@st.composite
def likenesses(draw: st.DrawFn, xml: str) -> str:
    """Return a document like *xml*: with some values changed, or cut, doubled, swapped or damaged somewhere."""
    parts = re.split(r"""('[^']*'|"[^"]*"|>[^<>]*<)""", xml)
    for at in draw(st.lists(st.integers(0, len(parts) // 2 - 1), max_size=4)) if len(parts) > 2 else ():
        delimited = parts[2 * at + 1]
        parts[2 * at + 1] = delimited[0] + draw(VALUES) + delimited[-1]
    xml = "".join(parts)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(xml)), st.integers(0, len(xml)))))
        damage = draw(st.sampled_from(["insert", "delete", "cut", "move"]))
        if damage == "insert":
            xml = xml[:start] + draw(VALUES) + xml[start:]
        elif damage == "delete":
            xml = xml[:start] + xml[start + 1 :]
        elif damage == "cut":
            xml = xml[:start] + xml[end:]
        else:
            xml = xml[:start] + xml[end:] + xml[start:end]
    return xml


def parsed(xml: str) -> tuple[Layout, Values] | None:
    """Return what a parser finds in a document, None if it is broken."""
    try:
        return look_up(fromstring(xml))
    except (ParseError, ValueError):
        return None


def that_know(*documents: str) -> Shapes[Layout]:
    """Return the shapes of some documents."""
    shapes: Shapes[Layout] = Shapes()
    for xml in documents:
        for _ in range(_STRANGERS):
            shapes.add(xml, look_up)
    return shapes


@given(st.data())
def test_a_shape_and_a_parser_agree_on_every_document(data: st.DataObject) -> None:
    known = data.draw(DOMAINS.filter(parsed))
    shapes = that_know(known)
    assert shapes.read(known) in (None, parsed(known))
    for _ in range(5):
        other = data.draw(likenesses(known))
        found = shapes.read(other)
        event("read by its shape" if found else "left to the parser")
        assert found in (None, parsed(other))


def test_other_values_are_read_by_the_shape() -> None:
    other = (
        PVCS.replace("2048", "4096")
        .replace("Web server", "Größe\n「x」")
        .replace("52:54:00:00:00:02", 'it"s')
        .replace("vmbr100", "brcluster")
        .replace("vms/web_data", "ssd/d>ta")
    )
    assert that_know(PVCS).read(other) == parsed(other) != parsed(PVCS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2048", "<b/>2048"),
        ("2048", "<!-- 1 -->2048"),
        ("2048", "<![CDATA[2048]]>"),
        ("2048", "2&#48;48"),
        ("2048", ""),
        ("2048", "20\r48"),
        ("2048", "]]>"),
        ("vmbr100", "vmbr1&#48;0"),
        ("vmbr100", "vmbr\n100"),
        ("vmbr100", ""),
        ("type='bridge'", "type='direct'"),
        ("type='network'", "type='file'"),
        ("type='hostdev'", "type='bridge'"),
        ("unit='MiB'", "unit = 'MiB'"),
        ("unit='MiB'", 'unit="MiB"'),
        ("</domain>", "</domain"),
        ("</domain>\n", "</domain>\nx"),
        ("</domain>", ""),
        ("<domain", "<!DOCTYPE domain><domain"),
        ("Web server", "Web \x00"),
        ("Web server", "Web \uffff"),
        ("Web server", "Web \ud800"),
        ("Web server", "<memory>1</memory>"),
        ("</memory>", "</vcpu>"),
    ],
)
def test_what_is_more_than_another_value_is_left_to_the_parser(before: str, after: str) -> None:
    assert before in PVCS
    assert that_know(PVCS).read(PVCS.replace(before, after, 1)) is None


@pytest.mark.parametrize(
    "xml",
    [
        "<domain><!-- <memory>1</memory> --><memory>2</memory></domain>",
        "<domain><description><![CDATA[<vcpu>1</vcpu>]]></description><vcpu>2</vcpu></domain>",
        "<domain><description>a='1' &amp; b='2'</description><vcpu>2</vcpu></domain>",
        "<domain><vcpu><?pi a='1'?>2</vcpu></domain>",
        "<domain><numa><memory>1</memory></numa><memory>2</memory></domain>",
        "<domain xmlns:q='u' q:type='x'><q:arg value='1'/><memory>2</memory></domain>",
        "<domain><memory>2</memory>tail<vcpu>3</vcpu></domain>",
        "<domain><vcpu>2</vcpu><devices><controller type='\ue0003\ue000'/></devices></domain>",
    ],
)
def test_odd_documents_are_read_as_a_parser_reads_them(xml: str) -> None:
    shapes = that_know(xml)
    assert shapes.read(xml) in (None, parsed(xml))
    other = xml.replace("2", "7")
    assert shapes.read(other) in (None, parsed(other))


def test_several_shapes_are_told_apart() -> None:
    contents = ("<vcpu>1</vcpu>", "<memory>1</memory>", "<a/><b/>")
    documents = [f"<domain>{content}</domain>" for content in contents]
    shapes = that_know(*documents)
    assert [shapes.read(xml) for xml in documents] == [parsed(xml) for xml in documents]


def test_only_common_shapes_are_learned_and_not_without_end() -> None:
    shapes: Shapes[Layout] = Shapes()
    for _ in range(_STRANGERS - 1):
        shapes.add(PVCS, look_up)
    assert shapes.read(PVCS) is None
    shapes.add(PVCS, look_up)
    assert shapes.read(PVCS) == parsed(PVCS)
    documents = [f"<domain>{'<a/>' * number}</domain>" for number in range(_MOST + 1)]
    shapes = that_know(*documents)
    assert [shapes.read(xml) is None for xml in documents] == [*[False] * _MOST, True]


def test_a_broken_document_among_many_of_a_shape_is_still_told() -> None:
    for number in range(3 * _STRANGERS):
        assert parse(PVCS.replace("2048", str(number))).memory == number
    with pytest.raises(BrokenXmlError, match="mismatched tag"):
        parse(PVCS.replace("</memory>", "</vcpu>"))
    with pytest.raises(BrokenXmlError, match="unclosed token"):
        parse(PVCS[: len(PVCS) // 2])


def test_a_document_with_a_declaration_has_a_shape_too() -> None:
    declared = f"<?xml version='1.0' encoding='UTF-8'?>\n{PVCS}"
    shapes: Shapes[Layout] = Shapes()
    for _ in range(_STRANGERS):
        shapes.add(declared, look_up)
    other = declared.replace("2048", "4096")
    assert shapes.read(other) == look_up(fromstring(other.encode()))
    assert shapes.read(declared.replace("1.0", "1.1")) is None


def test_documents_that_cannot_be_learned_do_not_keep_others_from_it() -> None:
    odd = PVCS.replace("Web server", "\ue000")
    shapes: Shapes[Layout] = Shapes()
    for xml in (*[odd] * (_MOST * _STRANGERS), *[PVCS] * _STRANGERS):
        shapes.add(xml, look_up)
    assert shapes.read(PVCS) == look_up(fromstring(PVCS))
