#!/bin/busybox sh
# The guest's first program: drivers, then the host's files as the root, then guest.py.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
while read -r name; do insmod "/modules/$name"; done </modules/order
nine=trans=virtio,version=9p2000.L,msize=262144
# Read only: what the guest changes, it changes in memory.
mount -t 9p -o "$nine,ro,cache=loose" host /host || poweroff -f
mount -t devtmpfs none /host/dev
mkdir -p /host/dev/pts
mount -t devpts none /host/dev/pts
mount -t proc none /host/proc
mount -t sysfs none /host/sys
mount -t tmpfs none /host/run
mkdir -p /host/run/vm /host/run/bin
mount -t 9p -o "$nine" vm /host/run/vm || poweroff -f
cp /bin/busybox /host/run/bin/
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 up
exec switch_root /host /bin/sh /run/vm/start
