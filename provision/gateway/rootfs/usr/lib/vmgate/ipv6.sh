#!/bin/sh
# IPv6 of the links, where the gate's tunnel has IPv6: the gateway is their router. Without a line `link6` in the plan no
# card speaks IPv6, and nobody hears of IPv6 addresses.

# Seconds between two advertisements, and how long the way that they name is used: a work VM that is left to a gateway
# without IPv6 has no IPv6 soon after, and fails at once instead of waiting.
RA_INTERVAL=30
RA_LIFETIME=90

# switch_on_ipv6 IFNAME: for a card that is a link. What others there say of routers is for nobody here (the firewall drops
# it besides), and nobody else has the gateway's addresses: without the wait for duplicates (RFC 4862, 5.4) it is a router at
# once.
switch_on_ipv6() {
  for setting in accept_ra accept_redirects accept_source_route autoconf accept_dad; do
    echo 0 >"/proc/sys/net/ipv6/conf/$1/$setting"
  done
  echo 0 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"
}

# advertise IFNAME NETWORK/64: dnsmasq's settings for a link. A machine makes its address itself (RFC 4862); its resolver
# stays the gateway's IPv4 one, which answers for both. As large as the tunnel's are the packets, whatever that becomes.
advertise() {
  echo "enable-ra
quiet-ra
dhcp-option=option6:dns-server
dhcp-range=${2%/*},ra-only,${2#*/},2h
ra-param=$1,mtu:tun0,$RA_INTERVAL,$RA_LIFETIME"
}

# dnsmasq's settings where no link has IPv6: an address that nobody can use is no answer.
# shellcheck disable=SC2034 # used by init
HIDE_IPV6=filter-AAAA
