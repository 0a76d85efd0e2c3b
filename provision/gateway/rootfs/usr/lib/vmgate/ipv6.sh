#!/bin/sh
# IPv6 of the links, for as long as the tunnel has it: then the gateway is their router. Before, and with a tunnel that has
# none, no card speaks IPv6, and nobody hears of IPv6 addresses. A plan without lines `link6` is one whose tunnel has none.
#
#   /run/vmgate/links6        a line `IFNAME GATEWAY-ADDRESS NETWORK/64` each, if any
#   /run/vmgate/links6-are    on, off, or what was begun and not done

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

# set_links_ipv6 on|off. Half of it is told as a failure, and all of it done again the next time.
set_links_ipv6() {
  [ -s /run/vmgate/links6 ] || return 0
  read -r links_are </run/vmgate/links6-are
  [ "$links_are" != "$1" ] || return 0
  echo changing >/run/vmgate/links6-are
  : >/run/vmgate/links6-batch
  while read -r link gateway network; do
    if [ "$1" = on ]; then
      switch_on_ipv6 "$link"
      echo "addr replace $gateway/${network#*/} dev $link nodad" >>/run/vmgate/links6-batch
    else
      # Its addresses go with that.
      echo 1 >"/proc/sys/net/ipv6/conf/$link/disable_ipv6"
    fi
  done </run/vmgate/links6
  if [ "$1" = on ]; then
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    ip -batch /run/vmgate/links6-batch && restart_dnsmasq /run/vmgate/dnsmasq6.conf || return 1
  else
    echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
    restart_dnsmasq /run/vmgate/dnsmasq.conf || return 1
  fi
  echo "$1" >/run/vmgate/links6-are
}

# restart_dnsmasq CONFIGURATION: it reads no other while it runs. What it knows by itself is in files: it has no leases.
restart_dnsmasq() {
  read -r pid </run/vmgate/dnsmasq.pid
  kill -KILL "$pid" || :
  # Dead is enough: whose child it is may not have looked yet.
  while read -r _ _ process_is _ <"/proc/$pid/stat" && [ "$process_is" != Z ]; do usleep 10000; done 2>/dev/null
  dnsmasq --conf-file="$1" --log-facility=/dev/kmsg || return 1
  # A verb runs before everything else (init, `bounded`); what it leaves behind does not.
  read -r pid </run/vmgate/dnsmasq.pid
  renice -n 15 "$pid" >/dev/null
}
