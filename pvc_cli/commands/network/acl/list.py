import click

from pvc_cli.cluster.networks import DIRECTIONS, Direction, find_vnis, list_rules
from pvc_cli.cluster.resource_documents import rule_document
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect_to_list, pass_context, pattern_argument
from pvc_cli.commands._common.listing import for_each, list_options, rows_of, show_records
from pvc_cli.errors import InvalidInputError

_HEADERS = ("DIRECTION", "ORDER", "DESCRIPTION", "RULE")


@click.command("list")
@click.argument("network", shell_complete=complete.networks)
@pattern_argument
@click.option("--direction", type=click.Choice(DIRECTIONS), help="Only rules for traffic in this direction.")
@click.option("--in/--out", "incoming", default=None, help="The same, as PVC's own client spells it.")
@list_options(*_HEADERS, things="rules")
@pass_context
def command(
    context: Context, network: str, pattern: str | None, direction: Direction | None, incoming: bool | None
) -> None:
    """List the firewall rules of NETWORK in the order they apply.

    NETWORK is a VNI or a description. PATTERN is a regular expression found anywhere in a rule's description.

    \b
    Examples:
      pvc network acl list Frontend
      pvc network acl list 1001 --direction in -o json
    """
    if incoming is not None:
        if direction:
            raise InvalidInputError("--direction excludes --in and --out: use one of them")
        direction = "in" if incoming else "out"
    with connect_to_list(context) as handler:
        (vni,) = find_vnis(handler, [network])
        show_records(
            context.output,
            list_rules(handler, vni, pattern, direction=direction),
            documents=for_each(rule_document),
            names=for_each(lambda rule: rule.description),
            headers=_HEADERS,
            wrap=_HEADERS.index("RULE"),
            rows=rows_of(lambda rule: [rule.direction, rule.order, rule.description, rule.rule]),
            nothing="No rule matches." if pattern else "No rules.",
        )
