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
mount -t 9p -o "$nine,ro,cache=loose" host /root || poweroff -f
mount -t devtmpfs none /root/dev
mkdir -p /root/dev/pts
mount -t devpts none /root/dev/pts
mount -t proc none /root/proc
mount -t sysfs none /root/sys
mount -t tmpfs none /root/run
mkdir -p /root/run/work /root/run/bin
mount -t 9p -o "$nine" work /root/run/work || poweroff -f
cp /bin/busybox /root/run/bin/
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 up
exec switch_root /root /bin/sh /run/work/start
