"""How VMs are shown."""

STATE_COLOURS = {"start": "green", "fail": "red", "stop": "yellow", "disable": "dim"}
