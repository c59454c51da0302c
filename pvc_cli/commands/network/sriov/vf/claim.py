import click

from pvc_cli.cluster.sriov.claim_any import Wish, claim_any
from pvc_cli.cluster.sriov.claims import Claim, How, check_mac, claim
from pvc_cli.cluster.sriov.model import VfRef
from pvc_cli.cluster.sriov.users import CLAIM_TYPES, ClaimType
from pvc_cli.cluster.vms.query import find
from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, connect, dry_run_option, output_option, pass_context, yes_option
from pvc_cli.commands._common.progress import Deed, ask_many
from pvc_cli.commands.network.sriov.vf._shared import Changed, change_each, one_name, show_claims, vf_words
from pvc_cli.zk import Transaction


@click.command("claim")
@click.argument("words", metavar="NODE VF VM", nargs=-1, shell_complete=complete.claim_words)
@click.option("--any", "any_vf", is_flag=True, help="Claim any VF of NODE that is free and in sync, instead of VF.")
@click.option("--pf", metavar="PF", help="With --any, only a VF of this PF.")
@click.option("--trust", is_flag=True, help="With --any, only a VF with trust on.")
@click.option("--mac", help="MAC address of the VM's interface [default: from its XML].")
@click.option(
    "--type",
    "kind",
    type=click.Choice(CLAIM_TYPES),
    help="How the VM uses the VF [default: from its XML, else direct].",
)
@click.option("--force", is_flag=True, help="Claim it even if another VM uses it without a claim, or may do so.")
@yes_option
@dry_run_option
@output_option
@pass_context
def command(
    context: Context,
    words: tuple[str, ...],
    any_vf: bool,
    pf: str | None,
    trust: bool,
    mac: str | None,
    kind: ClaimType | None,
    force: bool,
    yes: bool,
    dry_run: bool,
) -> int:
    """Assign a VF to a VM (atomic).

    Of several claims at once, exactly one succeeds; with --any, each gets another VF. Refused if another VM on NODE
    runs with it, or may: PVC claims no VF when it defines a VM. A VM that uses the VF as hostdev cannot be migrated
    live: its migration method becomes shutdown. NODE/VF is one word for both.

    With --any, a VM that has claimed a fitting VF keeps it; one in its XML comes first.

    \b
    Examples:
      pvc sriov vf claim pvchv1 ens1f0v1 web-01 --type hostdev
      pvc sriov vf claim pvchv1 --any --pf ens1f1 web-01
    """
    if any_vf and (force or len(words) != 2):
        raise click.UsageError("expected NODE --any VM" + (", without --force" if force else ""))
    if not any_vf and (pf or trust):
        raise click.UsageError("--pf and --trust choose a VF: use --any, too")
    for name in words[1:-1]:
        one_name(name)
    if mac is not None:
        mac = check_mac(mac)
    chosen = None if any_vf else vf_words(context, words[:-1])
    how = How(mac or "", kind)
    with connect(context) as handler:
        (holder,) = find(handler, [one_name(words[-1])])
        made: list[Claim] = []

        def claim_one(vf: VfRef) -> Transaction:
            made.append(claim(handler, vf, holder, mac=mac, kind=kind, force=force, dry_run=dry_run))
            return made[-1].transaction

        if chosen is None:
            made = [claim_any(handler, Wish(words[0], pf, trust), holder, how, dry_run=dry_run)]
            done: list[Changed] = [(made[0].usage.vf, made[0].transaction)]
        else:
            vfs = chosen.find(handler)
            ask_many(Deed("claim", f"for {holder.name}"), "VFs", [vf.name for vf in vfs], yes=yes, dry_run=dry_run)
            done = change_each(vfs, claim_one)
        for caveat in dict.fromkeys(caveat for one in made for caveat in one.caveats):
            context.output.warning(caveat)
        return show_claims(context.output, handler, done, f"claimed for {holder.name}", dry_run=dry_run)
