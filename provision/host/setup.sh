#!/bin/sh
# Makes this machine and this clone ready: Node is looked at first, then the tools vmgate needs are installed if
# they are missing, then npm's packages and the build are brought up to date. Asks nothing; says what it will run.
#
#   setup.sh [--check] [--developer]
#
#   --check      only report; exit 3 if something is missing
#   --developer  also what the tests need
#
# Exit: 0 ready, 1 npm or the build failed, 2 usage, 3 something is missing that this script could not install.
# Which package brings which tool is written here and in src/host/platform.ts; a test compares the two.
set -eu

NODE_AT_LEAST_MAJOR=20
NODE_AT_LEAST_MINOR=19
OS_RELEASE=/etc/os-release

say() { printf '%s\n' "$*" >&2; }

stop() {
	status=$1
	shift
	for line in "$@"; do say "$line"; done
	exit "$status"
}

check=no
developer=no
while [ $# -gt 0 ]; do
	case $1 in
	--check) check=yes ;;
	--developer) developer=yes ;;
	--os-release) # for the tests of this script
		OS_RELEASE=${2:?}
		shift
		;;
	*) stop 2 "setup.sh: unknown option $1" "usage: setup.sh [--check] [--developer]" ;;
	esac
	shift
done

# Administrators' tools are not in every user's PATH.
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin:/opt/homebrew/bin
export PATH
unset CDPATH
cd -- "$(dirname -- "$0")/../.."

# --- which machine -----------------------------------------------------------------------------------------------

family_of_linux() {
	# os-release(5) is made to be sourced; a subshell keeps its variables to itself.
	# shellcheck source=/dev/null
	(
		ID='' ID_LIKE=''
		[ -r "$OS_RELEASE" ] && . "$OS_RELEASE"
		for id in $ID $ID_LIKE; do
			case $id in
			debian | ubuntu) echo debian && exit ;;
			fedora | rhel | centos) echo fedora && exit ;;
			arch) echo arch && exit ;;
			esac
		done
		echo other
	)
}

case $(uname -s) in
Darwin) family=macos ;;
Linux) family=$(family_of_linux) ;;
*) stop 3 "vmgate runs on Linux and macOS, not on $(uname -s)." ;;
esac

case $(uname -m) in
x86_64 | amd64) arch=amd64 qemu=qemu-system-x86_64 ;;
aarch64 | arm64) arch=arm64 qemu=qemu-system-aarch64 ;;
*) stop 3 "vmgate runs on amd64 and arm64, not on $(uname -m)." ;;
esac

# --- Node, before anything else relies on it -----------------------------------------------------------------------

node_remedy() {
	case $family in
	debian) echo 'Debian 13 and Ubuntu 25.10 bring a recent one (apt-get install nodejs npm). Debian 12 (18), Ubuntu 22.04 (12) and 24.04 (18) do not: there install Node 22 from https://nodejs.org, or with nvm, fnm or volta.' ;;
	fedora) echo 'Install it: dnf install nodejs nodejs-npm (RHEL 9 brings 16: dnf module install nodejs:22 there).' ;;
	arch) echo 'Install it: pacman -S nodejs npm' ;;
	macos) echo 'Install it: brew install node' ;;
	*) echo 'Install Node 22 from https://nodejs.org, or with nvm, fnm or volta.' ;;
	esac
}

npm_remedy() {
	case $family in
	debian) echo 'Install it: apt-get install --no-install-recommends npm (or the Node of https://nodejs.org, which brings it).' ;;
	fedora) echo 'Install it: dnf install nodejs-npm' ;;
	arch) echo 'Install it: pacman -S npm' ;;
	*) echo 'Install the Node of https://nodejs.org, which brings it.' ;;
	esac
}

need_node="vmgate needs Node $NODE_AT_LEAST_MAJOR.$NODE_AT_LEAST_MINOR or newer"
command -v node >/dev/null || stop 3 "$need_node; there is none in PATH." "$(node_remedy)"
node_version=$(node --version 2>/dev/null) || node_version=''
node_version=${node_version#v}
major=${node_version%%.*}
rest=${node_version#*.}
minor=${rest%%.*}
case $major$minor in
*[!0-9]* | '') stop 3 "$need_node; this one does not tell its version." "$(node_remedy)" ;;
esac
if [ "$major" -lt $NODE_AT_LEAST_MAJOR ] ||
	{ [ "$major" -eq $NODE_AT_LEAST_MAJOR ] && [ "$minor" -lt $NODE_AT_LEAST_MINOR ]; }; then
	stop 3 "$need_node; this is $node_version." "$(node_remedy)"
fi
# Debian's nodejs comes without npm.
command -v npm >/dev/null || stop 3 "Node $node_version is here, npm is not." "$(npm_remedy)"

# --- what is missing -----------------------------------------------------------------------------------------------

# tool  debian  fedora  arch  macos; "-" where a system has no package of it
wanted() {
	cat <<-TABLE
		qemu-img      qemu-utils       qemu-img         qemu-img   qemu
		ssh           openssh-client   openssh-clients  openssh    openssh
		ssh-keygen    openssh-client   openssh-clients  openssh    openssh
		mmdebstrap    mmdebstrap       mmdebstrap       -          -
		zstd          zstd             zstd             zstd       -
	TABLE
	case $arch in
	amd64) echo "$qemu qemu-system-x86 qemu-system-x86-core qemu-base qemu" ;;
	arm64) echo "$qemu qemu-system-arm qemu-system-aarch64-core qemu-system-aarch64 qemu" ;;
	esac
	# mmdebstrap without root lives in a user namespace, which needs this.
	[ "$(id -u)" = 0 ] || echo 'newuidmap uidmap shadow-utils shadow -'
	[ $developer = yes ] || return 0
	# Debian starts docker-registry as a service on port 5000, with a login; the tests start their own and need none.
	cat <<-TABLE
		git           git              git              git              git
		shellcheck    shellcheck       ShellCheck       shellcheck       shellcheck
		wg            wireguard-tools  wireguard-tools  wireguard-tools  wireguard-tools
		openvpn       openvpn          openvpn          openvpn          openvpn
		openconnect   openconnect      openconnect      openconnect      openconnect
		nft           nftables         nftables         nftables         -
		ip            iproute2         iproute          iproute2         -
		tcpdump       tcpdump          tcpdump          tcpdump          -
		socat         socat            socat            socat            socat
		conntrack     conntrack        conntrack-tools  conntrack-tools  -
		dnsmasq       dnsmasq-base     dnsmasq          dnsmasq          -
		wireguard-go  wireguard-go     -                -                wireguard-go
		ps            procps           procps-ng        procps-ng        -
		cpio          cpio             cpio             cpio             -
		dropbearkey   dropbear-bin     dropbear         dropbear         dropbear
		docker-registry docker-registry - - -
		skopeo        skopeo           skopeo           skopeo           skopeo
		curl          curl             curl             curl             curl
		openssl       openssl          openssl          openssl          openssl
		mke2fs        e2fsprogs        e2fsprogs        e2fsprogs        -
		mcopy         mtools           mtools           mtools           mtools
		grub-mkimage  grub-common      -                -                -
		Xvfb          xvfb             xorg-x11-server-Xvfb xorg-server-xvfb -
		xwininfo      x11-utils        xwininfo         xorg-xwininfo    -
		xtigervncviewer tigervnc-viewer - - -
	TABLE
	# The browser that pages are tried in. Ubuntu has it as a snap only, which cannot be run here; tests say what they skip.
	if is_debian_itself; then echo 'chromium chromium - - -'; fi
}

is_debian_itself() {
	[ "$family" = debian ] && grep -qx 'ID="\{0,1\}debian"\{0,1\}' "$OS_RELEASE"
}

missing_tools=''
packages=''

want() { # TOOL PACKAGE
	missing_tools="$missing_tools $1"
	case " $packages " in
	*" $2 "*) ;;
	*) packages="$packages $2" ;;
	esac
}

look_for_tools() {
	while read -r tool debian fedora arch_linux macos; do
		case $family in
		debian) package=$debian ;;
		fedora) package=$fedora ;;
		arch) package=$arch_linux ;;
		macos) package=$macos ;;
		*) package=$tool ;;
		esac
		[ "$package" = - ] || command -v "$tool" >/dev/null || want "$tool" "$package"
	done <<-TABLE
		$(wanted)
	TABLE
	# Debian's own signing keys, which other systems do not have.
	keys=/usr/share/keyrings/debian-archive-keyring.gpg
	case $family in
	debian) [ -e $keys ] || want "$keys" debian-archive-keyring ;;
	fedora) [ -e $keys ] || want "$keys" debian-keyring ;;
	esac
	# A part of QEMU's and no program: windows of its own are tried on a desktop without a screen.
	if [ $developer = yes ] && [ "$family" = debian ]; then
		ls /usr/lib/*/qemu/ui-gtk.so >/dev/null 2>&1 || want "QEMU's windows" qemu-system-gui
	fi
	# Disks that boot by BIOS and by UEFI, as other systems make them.
	[ "$developer $family $arch" = 'yes debian amd64' ] || return 0
	[ -e /usr/lib/grub/i386-pc ] || want 'GRUB for BIOS' grub-pc-bin
	[ -e /usr/lib/grub/x86_64-efi ] || want 'GRUB for UEFI' grub-efi-amd64-bin
	[ -e /usr/share/OVMF ] || want 'UEFI firmware' ovmf
}

look_for_tools
packages=${packages# }

qemu_too_old() {
	command -v "$qemu" >/dev/null || return 1
	version=$("$qemu" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9]*\.[0-9]*\).*/\1/p')
	[ -n "$version" ] || return 1
	qemu_major=${version%%.*}
	[ "$qemu_major" -lt 7 ] || { [ "$qemu_major" -eq 7 ] && [ "${version#*.}" -lt 2 ]; }
}

install_line() {
	case $family in
	debian) echo "apt-get install --no-install-recommends -y -o DPkg::Lock::Timeout=300 $packages" ;;
	fedora) echo "dnf install -y --setopt=install_weak_deps=False $packages" ;;
	arch) echo "pacman -S --needed --noconfirm $packages" ;;
	macos) echo "brew install $packages" ;;
	esac
}

is_newer() { # FILE THAN: also when THAN is missing
	[ ! -e "$2" ] || [ -n "$(find "$1" -newer "$2" 2>/dev/null | head -n 1)" ]
}

npm_is_behind() { is_newer package-lock.json node_modules/.package-lock.json; }
# Written last of all: a build that failed is behind.
built=dist/THIRD-PARTY-LICENSES
build_is_behind() { is_newer src $built || is_newer packaging $built || is_newer package.json $built; }

if [ $check = yes ]; then
	say "node $node_version, $family, $arch"
	status=0
	if [ -n "$packages" ]; then
		say "missing:$missing_tools"
		say "would run: $(install_line)"
		status=3
	fi
	if qemu_too_old; then
		say "QEMU $version is too old: 7.2 or newer is needed"
		status=3
	fi
	npm_is_behind && say 'would run: npm ci --ignore-scripts'
	build_is_behind && say 'would run: npm run build'
	[ $status -ne 0 ] || say 'no tool is missing'
	exit $status
fi

# --- install it ----------------------------------------------------------------------------------------------------

# Sums what apt would download; says nothing when apt cannot tell.
download_size() {
	# shellcheck disable=SC2086 # a list of package names
	LC_ALL=C apt-get install --no-install-recommends -y --print-uris $packages 2>/dev/null |
		awk 'substr($0, 1, 1) == "\047" { bytes += $3 } END { if (bytes > 0) printf " (%.0f MB to download, about a minute)", bytes / 1e6 }'
}

for_administrator() {
	line=$(install_line)
	[ "$refresh" = no ] || line="apt-get update && $line"
	stop 3 "$1" 'An administrator of this machine can run:' "    $line" 'Then start this again.'
}

# How much there is to come, once, before the first byte of it.
say_how_much() {
	[ -d node_modules ] || say 'This is the first time: set-up and demo download about 300 MB in all, which takes some minutes. Later runs download nothing.'
}

could_not_install() {
	stop 3 'The packages could not be installed: the lines above say why. This needs a network, once; vmgate itself does not.' \
		'To see it fail by itself:' "    ${as_root:+$as_root }$(install_line)"
}

install_packages() {
	[ "$family" != other ] || stop 3 "This system's packages are not known here. Install:$missing_tools"
	refresh=no
	[ "$family" != debian ] || apt_knows_all || refresh=yes

	as_root=''
	if [ "$family" != macos ] && [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || for_administrator "Missing:$missing_tools; you are not root and there is no sudo."
		as_root=sudo
		# Without a terminal sudo could only wait for a password that nobody types.
		[ -t 0 ] || sudo -n true 2>/dev/null || for_administrator "Missing:$missing_tools; sudo would ask for a password."
	fi
	[ "$family" != macos ] || command -v brew >/dev/null || stop 3 "Missing:$missing_tools" 'Install Homebrew first: https://brew.sh'

	say_how_much
	say "Missing:$missing_tools"
	if [ "$refresh" = yes ]; then
		say "Will run: ${as_root:+$as_root }apt-get update (package lists, about 20 MB)"
		refresh_lists || say 'apt-get update failed; going on with the lists there are.'
	fi
	size=''
	[ "$family" != debian ] || size=$(download_size)
	say "Will run: ${as_root:+$as_root }$(install_line)$size"
	install_now || {
		# Lists that are older than the mirror name packages that are gone from it.
		[ "$family" = debian ] && [ "$refresh" = no ] && say 'Trying again with fresh lists: apt-get update' &&
			refresh_lists && install_now
	} || could_not_install
}

apt_knows_all() {
	for package in $packages; do
		apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || return 1
	done
}

# Without Error-Mode apt-get says 0 to a mirror that it never reached (apt before 2.1 does not know it, and does so).
refresh_lists() {
	run_apt apt-get update -q -o APT::Update::Error-Mode=any
}

install_now() {
	if [ "$family" = debian ]; then
		# shellcheck disable=SC2046 # the line is made of words without spaces
		run_apt $(install_line)
	else
		# shellcheck disable=SC2046
		$as_root $(install_line) >&2 </dev/null
	fi
}

# apt and dpkg print some 300 lines that tell nothing: they are counted, and shown only where it fails.
run_apt() {
	[ -t 2 ] && terminal=1 || terminal=0
	# env: sudo drops variables that are set before it. LC_ALL: the lines are read, and perl warns of locales that are not there.
	{
		if $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@" 2>&1 </dev/null; then echo 'ended 0'; else echo 'ended 1'; fi
	} | awk -v terminal="$terminal" '
		/^ended [01]$/ { status = $2; next }
		{ last[NR % 15] = $0 }
		/^Get:/ { fetched++ }
		/^Unpacking / { unpacked++ }
		/^Setting up / { ready++ }
		terminal && /^(Get:|Unpacking |Setting up )/ {
			printf "\r  %d fetched, %d unpacked, %d set up ", fetched, unpacked, ready
			fflush()
			told = 1
		}
		END {
			if (told) print ""
			if (status == 0) exit 0
			for (line = NR - 15; line < NR; line++) if (line > 0) print "  " last[line % 15]
			exit 1
		}' >&2
}

[ -z "$packages" ] || install_packages
if qemu_too_old; then
	stop 3 "QEMU $version is too old: vmgate needs 7.2 or newer (Debian 12, Ubuntu 24.04, Fedora 38 and later bring it)."
fi
if [ "$family" = arch ] && ! command -v mmdebstrap >/dev/null; then
	say 'mmdebstrap is not among the packages of Arch Linux: images are built in Docker, or imported.'
fi

# --- this clone ----------------------------------------------------------------------------------------------------

# npm 9 says "added 449 packages", and 0, to a disk that was full halfway.
NPM_NEEDS_MB=500
enough_space() {
	free=$(df -Pk . 2>/dev/null | awk 'NR == 2 { printf "%d", $4 / 1024 }') || return 0
	[ -z "$free" ] || [ "$free" -ge $NPM_NEEDS_MB ]
}

if npm_is_behind; then
	enough_space || stop 3 "npm's packages need $NPM_NEEDS_MB MB in $PWD; $free MB are free." 'Free some space there, then start this again.'
	[ -n "$packages" ] || say_how_much
	say 'Will run: npm ci --ignore-scripts (some 450 packages: up to 180 MB to download, 310 MB on disk, half a minute)'
	npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2 ||
		stop 1 'npm ci failed: its lines above say why. It needs a network, once; vmgate itself does not.'
	touch node_modules/.package-lock.json
fi

if build_is_behind; then
	say 'Will run: npm run build'
	npm run --silent build >&2 || stop 1 'The build failed: its lines above say why.'
fi
