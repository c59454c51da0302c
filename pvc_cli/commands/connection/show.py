import click

from pvc_cli.commands._common import complete
from pvc_cli.commands._common.command import Context, output_option, pass_context
from pvc_cli.commands.connection._saved import PROTECTION_WORDS, meant
from pvc_cli.zk.access import Access


@click.command("show")
@click.argument("name", required=False, shell_complete=complete.connections)
@output_option
@pass_context
def command(context: Context, name: str | None) -> None:
    """Show a connection, or which cluster pvc would use now, and why.

    \b
    Example:
      pvc connection show
    """
    target = meant(context, name)
    output = context.output
    output.show(
        lambda: {
            "name": target.name or None,
            "coordinators": target.hosts,
            "origin": target.origin,
            "user": target.access.user or None,
            "tls": target.access.tls is not None,
            "protection": target.protection,
        },
        names=lambda: [name or target.hosts],
        table=lambda: output.fields(
            [
                *([("Name", target.name)] if target.name else []),
                ("Coordinators", target.hosts),
                ("From", target.origin),
                *([("Protection", PROTECTION_WORDS[target.protection])] if target.protection else []),
                *_access_fields(target.access),
            ]
        ),
    )


def _access_fields(access: Access) -> list[tuple[str, str]]:
    """Return how a session authenticates, without the password."""
    fields = []
    if access.user:
        fields.append(("User", f"{access.user} ({access.scheme})"))
    if tls := access.tls:
        files = [f"{word} {path}" for word, path in (("CA", tls.ca), ("certificate", tls.certificate)) if path]
        fields.append(("TLS", ", ".join(("yes", *files, *([] if tls.check_hostname else ["any host name"])))))
    if access.acl != "open":
        fields.append(("ACL", access.acl))
    return fields
