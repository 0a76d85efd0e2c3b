#!/bin/sh
# First process of a system that vmgate knows nothing of. Says on its console, again and again, what it runs on and how
# often it was booted: the count is in the last megabyte of its disk, behind the partition.
export PATH=/usr/sbin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /run /tmp
modprobe -a ahci sd_mod virtio_pci virtio_blk virtio_net e1000e evdev button 2>/dev/null
disk=''
tries=0
while [ -z "$disk" ] && [ $tries -lt 100 ]; do
  for name in sda vda; do [ ! -b "/dev/$name" ] || disk=$name; done
  tries=$((tries + 1))
  sleep 0.1
done
card=$(basename "$(readlink /sys/class/net/eth0/device/driver)")
firmware=bios
[ ! -d /sys/firmware/efi ] || firmware=uefi
sector=$(($(cat "/sys/block/$disk/size") - 2048))
boots=$(dd if="/dev/$disk" bs=512 skip=$sector count=1 2>/dev/null | tr -d '\0')
boots=$((${boots:-0} + 1))
printf %s "$boots" | dd of="/dev/$disk" bs=512 seek=$sector conv=sync,fsync 2>/dev/null
while :; do
  echo "foreign: $disk $card $firmware boots=$boots" >/dev/console
  sleep 1
done &
ip link set lo up
ip link set eth0 up
exec init
