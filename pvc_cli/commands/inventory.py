from __future__ import annotations

from collections.abc import Iterator

import click

from pvc_cli.cluster.vms.addresses import address_of, read_addresses
from pvc_cli.cluster.vms.filters import Filters
from pvc_cli.cluster.vms.inventory import Document, ansible_inventory, host_names, host_variables, prometheus_target
from pvc_cli.cluster.vms.query import SEE_VMS, find, is_one, list_vms, narrow
from pvc_cli.cluster.vms.read import read_summaries
from pvc_cli.cluster.vms.selection import check_states, explain_no_match
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import (
    Context,
    connect_to_list,
    options_into,
    pass_context,
    pattern_argument,
)
from pvc_cli.commands._common.selecting import FILTER_OPTIONS, check_negate, note_misspelt_tag, warn_of_broken_xml
from pvc_cli.commands._common.values import Number
from pvc_cli.errors import InvalidInputError, NotFoundError, quoted
from pvc_cli.zk import ZKHandler


@click.command("inventory")
@options_into(Filters, "filters", pattern_argument, *FILTER_OPTIONS)
@click.option("--list", "everything", is_flag=True, help="Print groups, hosts and their variables, for Ansible.")
@click.option("--host", metavar="VM", shell_complete=complete.vms, help="Print the variables of one host.")
@click.option("--prometheus", "port", type=Number(1, 65535), metavar="PORT", help="Print targets for Prometheus.")
@pass_context
def command(context: Context, filters: Filters, everything: bool, host: str | None, port: int | None) -> None:
    """List VMs for Ansible, as a dynamic inventory, or for Prometheus.

    Groups are tag_TAG, node_NODE and state_STATE, with _ for what Ansible does not take. The filters are those of
    'pvc vm list'. --prometheus prints a file_sd file, with each VM's name and PORT as the target, and labels for
    relabelling: __meta_pvc_name, uuid, node, state, profile, address, and tags, such as ,a,b,.

    \b
    Examples:
      pvc inventory --list -s start
      pvc inventory --host web-01
      pvc inventory --prometheus 9100 -g production > targets.json
    """
    if sum((everything, host is not None, port is not None)) != 1:
        raise click.UsageError("expected one of --list, --host VM and --prometheus PORT")
    context.output.style = "json"
    check_negate(filters)
    with connect_to_list(context) as handler:
        document = _of_host(handler, host) if host is not None else _of_many(context, handler, filters, port)
        context.output.show(lambda: document, names=list, table=str)


def _of_host(handler: ZKHandler, host: str) -> Document:
    if not is_one(host):
        raise InvalidInputError(f"{quoted(host)} is not one VM: use --list with filters for several")
    for vm in read_summaries(handler, [found.uuid for found in find(handler, [host])]):
        return host_variables(vm, read_addresses(handler))
    raise NotFoundError(f"VM {quoted(host)} is gone: {SEE_VMS}")


def _of_many(
    context: Context, handler: ZKHandler, filters: Filters, port: int | None
) -> Document | Iterator[Document]:
    everybody = list_vms(handler)
    hosts = host_names(everybody)
    chosen = [vm.uuid for vm in narrow(handler, everybody, filters, warn_of_broken_xml(context.output))]
    check_states(handler, filters)
    if not chosen:
        context.output.warning(f"the inventory is empty: {explain_no_match(handler, filters)}")
    else:
        note_misspelt_tag(context.output, handler, filters)
    addresses, vms = read_addresses(handler), read_summaries(handler, chosen)
    if port is None:
        return ansible_inventory(vms, hosts, addresses)
    return (prometheus_target(vm, hosts[vm.uuid], port, address_of(vm, addresses)) for vm in vms)
