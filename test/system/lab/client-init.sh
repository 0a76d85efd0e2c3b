#!/bin/sh
# The lab's image as a machine on the untrusted network instead: takes the place of /init. Runs one shell line after the
# other for the test, `ID run BASE64` in, `ID {"ok":true,"status":N,"data":BASE64}` out.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
command -v modprobe >/proc/sys/kernel/modprobe
modprobe -a virtio_net wireguard
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
ip link set lo up
ip link set eth0 name up0 up
name=$(grep -lx vmgate.lab /sys/class/virtio-ports/*/name)
name=${name%/name}
exec 3<>"/dev/${name##*/}"
while :; do
  read -r id _ line <&3 || { usleep 50000; continue; }
  output=$(sh -c "$(echo "$line" | base64 -d)" 2>&1)
  status=$?
  echo "$id {\"ok\":true,\"status\":$status,\"data\":\"$(printf %s "$output" | base64 -w 0)\"}" >&3
done
