#!/bin/sh
# The guest's first process: mount, load the cards' drivers, find the way out, run the command, say what came of it.
# With /control/prepare, systemd does the rest after that: cards, the way out and the command are its services' business.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ln -sf /proc/self/fd /dev/fd
modprobe -a virtio_pci 9pnet_virtio 9p

folder() { # TAG PLACE
    mkdir -p "$2"
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=mmap "$1" "$2"
}
folder control /control || reboot -f

if [ -e /control/prepare ]; then
    # The kernel's first file system cannot be left for another in a service's namespace.
    mkdir /root.new
    mount -t tmpfs -o size=80% root /root.new
    cp -a /bin /etc /lib /lib64 /sbin /usr /var /root.new 2>/dev/null
    mkdir -p /root.new/proc /root.new/sys /root.new/dev /root.new/run /root.new/tmp /root.new/root /root.new/control
    for place in /proc /sys /dev /control; do mount --move $place /root.new$place; done
    while read -r tag place; do folder "$tag" "/root.new$place"; done </root.new/control/shares
    chroot /root.new sh /control/prepare >/root.new/control/output 2>&1
    exec switch_root /root.new /usr/lib/systemd/systemd
fi

mount -t tmpfs run /run
mount -t debugfs debug /sys/kernel/debug
while read -r tag place; do folder "$tag" "$place"; done </control/shares

ip link set lo up
hostname pvchv1
/lib/systemd/systemd-udevd --daemon
modprobe -a virtio_net igb igbvf netdevsim
echo "1 1" >/sys/bus/netdevsim/new_device
udevadm trigger --action=add
udevadm settle
for device in /sys/class/net/*; do
    case $(readlink "$device/device/driver") in
        */virtio_net)
            name=${device##*/}
            ip link set "$name" up
            ip address add 10.0.2.15/24 dev "$name"
            ip route add default via 10.0.2.2
            ;;
    esac
done
sh /control/command </dev/null >/control/output 2>&1
echo $? >/control/status
sync
poweroff -f
