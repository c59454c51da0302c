"""What to type instead of an option that a command does not have."""

import re
from collections.abc import Sequence

import click

from pvc_cli.errors import hint, question
from pvc_cli.habits import meant, names_for, option_instead

_NEVER_SUGGESTED = {
    *("--confirm", "--fix", "--force", "--force-name", "--no-backup", "--overwrite", "--prune", "--write", "--yes"),
    "--into-foreign",
}
"""Options that nobody should be led to."""


def advise_option(context: click.Context, name: str, words: Sequence[str]) -> str:
    """Return what to use instead of the option *name*, which the command of *context* does not have.

    :param words: the command line.
    """
    parameters = context.command.get_params(context)
    if argument := _argument(parameters, name):
        return f"{argument} is an argument: give it without {name}"
    if context.info_name and (advice := option_instead(context.info_name, name)):
        return advice
    options = {one: option for option in parameters if isinstance(option, click.Option) for one in option.opts}
    # The options of pvc itself may stand behind a command, too.
    everywhere = {one for option in context.find_root().command.params for one in option.opts}
    found = meant("option", name, {*options, *everywhere})
    if [options[one].name for one in found if one in options] == ["nodes"] and _names_vms(context, name, words):
        # A filter beside VMs that are named is refused.
        return ""
    if found or names_for("option", name):
        return question(found)
    return hint(name, sorted(set(options) - _NEVER_SUGGESTED), "")


def _argument(parameters: Sequence[click.Parameter], option: str) -> str:
    """Return the argument that is called like *option*, as help shows it; empty if there is none."""
    shown = [one.metavar or one.name or "" for one in parameters if isinstance(one, click.Argument)]
    called = option.lstrip("-").upper()
    return called if called in (word for text in shown for word in re.findall("[A-Z]+", text.upper())) else ""


def _names_vms(context: click.Context, option: str, words: Sequence[str]) -> bool:
    """Tell whether VMs are named beside *option*, which takes a value, and exclude filters."""
    own = [*words[words.index(context.info_name) + 1 :]] if context.info_name in words else []
    at = next((place for place, word in enumerate(own) if word.partition("=")[0] == option), len(own))
    rest = own[:at] + own[at + (1 if "=" in "".join(own[at : at + 1]) else 2) :]
    try:
        values, _, _ = context.command.make_parser(context).parse_args(rest)
    except click.UsageError:
        return False
    # Click's versions do not agree on what stands for no words.
    return isinstance(named := values.get("words"), (list, tuple)) and bool(named)
