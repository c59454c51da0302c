"""Show VMs, start, stop and move them, and manage their tags."""

from pvc_cli.commands._common.group import LazyGroup

command = LazyGroup(
    __name__,
    __doc__,
    {
        "disable": "Disable VMs: they are not started until someone starts them.",
        "dump": "Print the libvirt XML of VMs.",
        "info": "Show the details of VMs.",
        "list": "List VMs.",
        "log": "Show the console log of a VM.",
        "meta": "Show and set where VMs may run, and how they are migrated.",
        "migrate": "Move VMs to another node for a while.",
        "move": "Move VMs to another node for good.",
        "restart": "Restart VMs: shut down, then start again.",
        "shutdown": "Shut VMs down: the guest is asked to power off.",
        "start": "Start VMs.",
        "stop": "Stop VMs at once, like pulling the plug.",
        "tag": "Manage VM tags.",
        "unmigrate": "Move migrated VMs back to where they were.",
    },
    sections={
        "Find and watch": ("list", "info", "dump", "log"),
        "Start and stop": ("start", "shutdown", "restart", "stop", "disable"),
        "Move": ("migrate", "unmigrate", "move"),
        "Describe": ("tag", "meta"),
    },
)
