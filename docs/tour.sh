#!/bin/sh
# The tour of `make demo`: every command is shown, then run, on the sandbox and on nothing else.
set -eu

show() {
    printf '\n$ %s\n' "$1"
    sh -c "$1"
}

pvc sandbox status >/dev/null 2>&1 || show 'pvc sandbox start'
# Whatever cluster this machine knows, the tour is not for it.
PVC_COORDINATORS=$(pvc sandbox status -o name)
export PVC_COORDINATORS
unset PVC_CONNECTION

show 'pvc vm list'
show 'pvc vm tag add web-01 blue'
show 'pvc vm tag list web-01'
show 'pvc vm list --tag blue'
show "pvc vm tag add 'web-*' reviewed --protected --dry-run"
show "pvc vm tag list web-01 -o json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)[\"tags\"]), \"tags\")'"
show 'pvc vm tag remove web-01 blue'
show 'pvc node list'
show 'pvc sriov pf info pvchv1 ens1f0'
show 'pvc sriov vf set pvchv1 ens1f0v1 --vlan-id 101 --qos-prio 2 --dry-run'
show 'pvc sriov vf audit'
show 'pvc schema show'

cat <<'END'

The sandbox goes on running. Go on yourself:
  export PATH="$PWD/.venv/bin:$PATH"
  pvc --help
  pvc vm info db-01
End it with:
  pvc sandbox stop
END
