"""YAML that readers of both versions take for the same values; ruamel.yaml reads it by the rules of 1.2."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pvc_cli import yaml_text

Dump = Callable[..., str]


def without_libyaml() -> Dump:
    """Return what writes YAML where PyYAML was built without libyaml: Python's own emitter does it then."""
    spec = importlib.util.spec_from_file_location("python_yaml_text", yaml_text.__file__)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(yaml, "CSafeDumper")
        spec.loader.exec_module(module)
    assert issubclass(module._Dumper, yaml.SafeDumper)
    return module.dump  # type: ignore[no-any-return]


by_both_emitters = pytest.mark.parametrize(
    "dump", [pytest.param(yaml_text.dump, id="libyaml"), pytest.param(without_libyaml(), id="python")]
)

# What the specifications have a reader take a plain scalar for, besides text.
CORE_1_2 = re.compile(
    r"~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|"
)
TYPES_1_1 = re.compile(
    r"~|null|Null|NULL|y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|=|<<"
    r"|[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
    r"|[-+]?(?:[0-9][0-9_]*)?\.[0-9.]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9:.]+[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?)?)?|"
)
TEXTS = (
    "08", "8", "010", "0o17", "0x1F", "0b1", "1e3", "1E3", "1.5", "1_000", ".5", "+1", "-1", "190:20:30",
    "12:30:45.5", "52:54:00:12:34:56", ".inf", "-.INF", ".nan", "y", "N", "yes", "NO", "on", "Off", "true",
    "FALSE", "null", "~", "", "=", "<<", "2026-11-26", "2026-11-26 02:00:00", "inf", "nan", "-", "?", ":",
    "a: b", "a #b", "#", "- a", "@a", "`a`", "%a", "!a", "&a", "*a", "|", ">", "{a}", "[a]", "'a'", '"a"',
    "---", "...", " a", "a ", "a\nb", "a\n", "\n", "\na", "a\n\nb\n\n", " a\n b", "a \nb", "a\tb\nc", "a\r\nb",
    "日本", "ß", "\u202e", "\x85", "\u2028", "\ufeff", "\x1b[0m", "\U000e0001",
    "web-01", "vms/web-01_root", "/dev/sdb", "pc-i440fx-2.7", "hvm x86_64",
)  # fmt: skip


def read_by_both(text: str) -> tuple[object, object]:
    return yaml.safe_load(text), YAML(typ="safe", pure=True).load(text)


def test_libyaml_is_used_where_it_is_there() -> None:
    assert issubclass(yaml_text._Dumper, yaml.CSafeDumper)


@by_both_emitters
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("unicode", [True, False])
def test_a_text_stays_a_text_as_value_and_as_key(dump: Dump, text: str, unicode: bool) -> None:
    for document in ({"key": text}, {"key": [text, [text], {text: text}]}, {text: "value"}, {text: [{text: text}]}):
        written = dump(document, unicode=unicode)
        assert read_by_both(written) == (document, document)
        assert unicode or written.isascii()


@by_both_emitters
@given(text=st.text(st.sampled_from("0123456789+-._:eEoxXbBaAnNfFyYtTrRuUlLsS ~=<")))
def test_what_either_specification_takes_for_another_type_is_quoted(dump: Dump, text: str) -> None:
    typed = CORE_1_2.fullmatch(text) or TYPES_1_1.fullmatch(text)
    assert not typed or dump([text]) != f"- {text}\n"
    assert not typed or not dump({text: 1}).startswith(f"{text}: ")


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\t -:#'\"0")) | st.sampled_from(
    TEXTS
)
SCALARS = ANY_TEXT | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
DOCUMENTS = st.dictionaries(
    ANY_TEXT,
    st.recursive(
        SCALARS,
        lambda deeper: st.lists(deeper, max_size=4) | st.dictionaries(ANY_TEXT, deeper, max_size=4),
        max_leaves=12,
    ),
    max_size=4,
)


def types_of(value: object) -> object:
    """Return *value* with the type of each of its parts: True is equal to 1, but is not the same."""
    if isinstance(value, dict):
        return {key: types_of(part) for key, part in value.items()}
    return [types_of(part) for part in value] if isinstance(value, list) else (type(value), value)


@by_both_emitters
@given(document=DOCUMENTS, unicode=st.booleans())
def test_any_document_is_read_by_both_with_its_types_and_acts_on_no_terminal(
    dump: Dump, document: dict[str, object], unicode: bool
) -> None:
    written = dump(document, unicode=unicode)
    assert [types_of(read) for read in read_by_both(written)] == [types_of(document)] * 2
    assert all(char.isprintable() or char == "\n" for char in written)
    assert unicode or written.isascii()


@by_both_emitters
def test_typed_values_keep_their_types(dump: Dump) -> None:
    document: dict[str, object] = {"a": 8, "b": 1.5, "c": True, "d": None, "e": [], "f": {}}
    assert read_by_both(dump(document)) == (document, document)


@by_both_emitters
def test_several_lines_are_a_block(dump: Dump) -> None:
    assert dump({"xml": "<domain>\n  <name>web-01</name>\n</domain>\n"}) == (
        "xml: |\n  <domain>\n    <name>web-01</name>\n  </domain>\n"
    )
