#!/bin/sh
# Make the guest a new node of a PVC cluster whose ZooKeeper is the host's at port $1, before systemd starts: the agent
# as its package installs it, with Python's path $2, a configuration, 250 VFs, and stand-ins for what PVC brings.
set -e
repo=/repo
units=/etc/systemd/system
echo pvchv4 >/etc/hostname
echo '127.0.0.1 localhost pvchv4' >/etc/hosts

cp -a $repo/pvc_cli /usr/lib/python3/dist-packages/
python3 -m compileall -q /usr/lib/python3/dist-packages/pvc_cli
cat >/usr/bin/pvc-sriov-agent <<'END'
#!/usr/bin/python3
import sys
from pvc_cli.__main__ import run_agent
sys.exit(run_agent())
END
printf '#!/bin/sh\necho "the client of PVC"\nexit 1\n' >/usr/bin/pvc
chmod 755 /usr/bin/pvc /usr/bin/pvc-sriov-agent
cp $repo/systemd/pvc-sriov-agent.service $units/
mkdir -p /etc/default /var/lib/prometheus/node-exporter
cat >/etc/default/pvc-sriov-agent <<END
OPTIONS="--metrics-file /var/lib/prometheus/node-exporter/pvc-sriov.prom"
PYTHONPATH=${2#/repo}
END

# What a node's daemon depends on and starts, as PVC's packages have it.
cat >$units/zookeeper.service <<END
[Unit]
Description=Stand-in for ZooKeeper: the way to the real one
[Service]
WorkingDirectory=$repo
ExecStart=/usr/bin/python3 -m tests.kernel.standin zookeeper $1
END
cat >$units/pvcnoded.service <<END
[Unit]
Description=Stand-in for PVC's node daemon
After=network.target
Wants=network-online.target
[Service]
WorkingDirectory=$repo
ExecStart=/usr/bin/python3 -m tests.kernel.standin pvcnoded
END
for unit in pvcnoded pvc-sriov-agent; do ln -s ../$unit.service $units/multi-user.target.wants/; done

mkdir -p /etc/pvc
cat >/etc/pvc/pvc.conf <<'END'
cluster:
  name: demo
  coordinator_nodes: [pvchv4]
guest_networking:
  sriov_enable: yes
  sriov_device:
    - {phy: enp1s0, vfcount: 4}
    - {phy: eni1np1, vfcount: 250}
END
chmod 600 /etc/pvc/pvc.conf

modprobe netdevsim
mount -t debugfs debug /sys/kernel/debug
echo '1 1' >/sys/bus/netdevsim/new_device
echo 250 >/sys/kernel/debug/netdevsim/netdevsim1/max_vfs
echo 250 >/sys/devices/netdevsim1/sriov_numvfs
# Somebody has set this before the agent came.
ip link set "$(ls /sys/devices/netdevsim1/net)" vf 249 vlan 777 qos 3
