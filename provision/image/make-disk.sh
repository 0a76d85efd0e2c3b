#!/bin/sh
# make-disk TAR FOLDER GIGABYTES: the files in TAR as one ext4 file system, without partitions, in FOLDER/disk.qcow2.
# An ordinary user runs it under fakeroot, so that files belong to whom the archive says.
set -eu
umask 022
tar=$1
folder=$2
gigabytes=$3
root=$folder/root
raw=$folder/disk.raw

mkdir "$root"
tar -x -p --numeric-owner -f "$tar" -C "$root"
# Younger than /usr: systemd has nothing to bring up to date at the first boot.
touch "$root/etc/.updated" "$root/var/.updated"
truncate -s "${gigabytes}G" "$raw"
# The new file is zeros already: inode tables are not written, neither here nor by the guest's kernel afterwards.
mke2fs -q -F -t ext4 -m 1 -L root -J size=64 \
  -E lazy_itable_init=0,lazy_journal_init=0,assume_storage_prezeroed=1 -d "$root" "$raw"
qemu-img convert -f raw -O qcow2 "$raw" "$folder/disk.qcow2"
rm -rf "$root" "$raw"
