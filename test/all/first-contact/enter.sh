#!/bin/sh
# Runs a command with a folder as its root, in namespaces of its own, so that nothing of it outlives the command.
#
#   enter.sh ROOT USER [--no-network] COMMAND...
#
# Not chroot(2): the kernel gives no user namespace to who is inside one, and mmdebstrap without root lives in one.
set -eu
root=$1 user=$2
shift 2
own_network=''
if [ "$1" = --no-network ]; then
	own_network=--net
	shift
fi
# shellcheck disable=SC2016,SC2086 # the inner shell expands; the option is one word or none
exec unshare --mount --pid --ipc --uts $own_network --fork --kill-child sh -c '
	set -eu
	root=$1 user=$2
	shift 2
	mount --make-rprivate /
	mount --bind "$root" "$root"
	cd "$root"
	mount -t proc proc proc
	mount --rbind /sys sys
	mount -t tmpfs -o mode=755 tmpfs dev
	for device in null zero full random urandom tty kvm fuse; do
		[ -e "/dev/$device" ] || continue
		touch "dev/$device"
		mount --bind "/dev/$device" "dev/$device"
	done
	mkdir dev/pts dev/shm
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
	mount -t tmpfs -o mode=1777 tmpfs dev/shm
	mount -t tmpfs -o mode=1777,size=60m tmpfs small
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	mkdir -p .before
	pivot_root . .before
	cd /
	umount -l /.before
	home=/home/$user
	[ "$user" != root ] || home=/root
	cd "$home"
	path=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
	exec setpriv --reuid="$user" --regid="$user" --init-groups --reset-env env HOME="$home" PATH="$path" "$@"
' sh "$root" "$user" "$@"
