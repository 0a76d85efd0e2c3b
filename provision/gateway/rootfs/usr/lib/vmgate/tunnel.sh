#!/bin/sh
# The verbs `tunnel` and `inside`. stdin, written by src/gateway/tunnel-settings.ts: public lines; for `tunnel` then the
# secret section, which the kind of VPN reads (kind-NAME.sh) and nobody else.
#
#   address CIDR | mtu BYTES | route CIDR | resolver ADDRESS | search DOMAIN
#   address6 CIDR | route6 CIDR | resolver6 ADDRESS
#   --- KIND
#   (what the kind needs)
#
# A tunnel whose inside the profile says is set whole by `tunnel`. Where the server says it, `tunnel` has no public lines,
# and `inside` brings them once the host has judged them.
#
# Of a chain each hop is set by a verb of its own, the outermost first, and has two lines more at the beginning:
#
#   hop IFNAME TABLE MARK USER   its name; what the next hop's socket sends has that mark, or where its client sets none that
#                                user, and goes by this tunnel, by that table
#   by IFNAME USER               the hop that its own packets go by, and its user; without it they go by the uplink
#
# The last hop is tun0 and has no line `hop`. A tunnel by the uplink ends all there are; one by a hop what is above it.

# shellcheck source=/dev/null
. /usr/lib/vmgate/ipv6.sh

# Refuses anything that is not made of the characters $2 allows (a bracket expression's inside).
demand() {
  case $1 in
    '' | *[!$2]*) refuse 'read settings' "not a value for a tunnel setting: $1" ;;
  esac
}

demand_hop() {
  case $1 in hop[0-9]) ;; *) refuse 'read settings' "not a hop: $1" ;; esac
}

# Resolvers and DHCP options for the links; dnsmasq reads both again on SIGHUP, and forgets what it had cached.
publish_names() {
  printf '%s' "$1" >/run/vmgate/resolvers
  printf '%s' "$2" >/run/vmgate/dhcp-options
  read -r resolver_pid </run/vmgate/dnsmasq.pid
  kill -HUP "$resolver_pid"
}

# While somebody signs in to a portal, what has no mark leaves by the uplink too; the firewall says what that may be.
portal_route=/run/vmgate/portal-route

remove_tunnel() {
  publish_names '' ''
  if [ -e "$portal_route" ]; then
    rm "$portal_route"
    # The uplink's lease may have gone, and the route with it.
    ip route flush table main default dev up0 || :
  fi
  end_tunnels ''
}

# Which tunnels there are, or are being made: a line `IFNAME KIND` for each, the outermost first.
tunnels=/run/vmgate/tunnels

load_kind() {
  # shellcheck source=/dev/null
  . "/usr/lib/vmgate/kind-$1.sh"
}

# end_tunnels IFNAME: those that run through it, or all for ''. The innermost first: no socket outlives its way.
end_tunnels() {
  [ -e "$tunnels" ] || return 0
  kept='' above='' beneath=$1
  while read -r ifname kind; do
    if [ -n "$beneath" ]; then
      kept="$kept$ifname $kind
"
      [ "$ifname" != "$beneath" ] || beneath=
    else
      above="$ifname $kind
$above"
    fi
  done <"$tunnels"
  while read -r ifname kind; do
    [ -n "$ifname" ] || continue
    load_kind "$kind"
    kind_end
  done <<EOF
$above
EOF
  printf '%s' "$kept" >"$tunnels"
}

# lay_way TABLE MARK USER: what has the mark, or is of the user, goes by that table, and there nowhere, until a hop's own route
# is in it: with the hop gone its packets must not find another way. It stays for as long as the gateway lives. The firewall
# says the same.
lay_way() {
  [ ! -e "/run/vmgate/way-$1" ] || return 0
  printf '%s\n' "route add unreachable default table $1 metric 4278198272" "rule add pref $1 fwmark $2 lookup $1" \
    "rule add pref $1 uidrange $3-$3 lookup $1" >/run/vmgate/way-batch
  step 'lay the way of the next hop' ip -batch /run/vmgate/way-batch
  : >"/run/vmgate/way-$1"
}

# forget_questions IFNAME: what the questions in that tunnel still have to say must not leave by the next one, whose resolver
# may have the same address: neither a route nor connection tracking knows them. The hops' own sockets it goes on to know:
# they are at other addresses, and one that speaks TCP could not go on otherwise.
forget_questions() {
  ip route flush table main dev "$1" || return
  own_there=$(addresses_of "$1")
  [ -n "$own_there" ] || return 1
  for address in $own_there; do
    # Fails where there is none.
    conntrack -D -s "$address" || :
    [ -z "$(conntrack -L -s "$address" 2>/dev/null)" ] || return 1
  done
}

# The gateway's own on that interface.
addresses_of() {
  ip -o -4 addr show dev "$1" | sed -n 's|.* inet \([0-9.]*\).*|\1|p'
}

# start_driver NAME FOLDER ARGUMENT..: of kinds whose client runs by itself: vmgate-NAME, which talks to it and tells of it in
# FOLDER. Of its own, so that it outlives the verb.
start_driver() {
  driver=$1
  shift
  printf 'STARTING %s000\n' "$(date +%s)" >"$1/state"
  setsid "vmgate-$driver" "$@" </dev/null >/dev/null 2>&1 &
  until [ -s "$1/driver.pid" ]; do usleep 10000; done
}

# Not asked nicely: it would say good-bye to the server, from behind a policy that is gone by then.
kill_driver() { # FOLDER
  [ -s "$1/driver.pid" ] || return 0
  read -r pid <"$1/driver.pid"
  kill -KILL "-$pid" 2>/dev/null || :
}

# The card that DHCP's script left alone, once the host knows the lease. The marker goes first: a lease that changes
# meanwhile leaves another. Without a lease the tunnel stays silent, which the host can tell from a broken gateway.
set_uplink() {
  [ -e /run/vmgate/uplink-unset ] && [ -s /run/vmgate/uplink ] || return 0
  rm /run/vmgate/uplink-unset
  read -r address prefix_length next_hop </run/vmgate/uplink
  printf '%s\n' 'addr flush dev up0' "addr add $address/$prefix_length dev up0 noprefixroute" \
    "route add default via $next_hop dev up0 onlink table 51" >/run/vmgate/uplink-batch
  ip -batch /run/vmgate/uplink-batch
}

# Instead of a tunnel.
portal() {
  step 'remove the tunnel' remove_tunnel
  step 'set the uplink' set_uplink
  [ -s /run/vmgate/uplink ] || refuse 'read uplink' 'the network gave no address'
  read -r _ _ next_hop </run/vmgate/uplink
  : >"$portal_route"
  step 'ip route add' ip route add default via "$next_hop" dev up0 onlink
  done_well
}

# Reads the public lines; $key is `---` behind the last one where a secret section follows, $value its kind.
read_inside() {
  addresses='' addresses6='' routes='' resolvers='' search='' mtu='' key='' value=''
  own=tun0 table='' mark='' next_user='' by='' user=65533
  while read -r key value; do
    case $key in
      hop)
        read -r own table mark next_user <<EOF
$value
EOF
        demand_hop "$own" && demand "$table" 0-9 && demand "$mark" 0-9 && demand "$next_user" 0-9
        ;;
      by)
        read -r by user <<EOF
$value
EOF
        demand_hop "$by" && demand "$user" 0-9
        ;;
      address) demand "$value" 0-9./ && addresses="$addresses
addr add $value dev $own" ;;
      route) demand "$value" 0-9./ && routes="$routes
route add $value dev $own" ;;
      resolver) demand "$value" 0-9. && resolvers="${resolvers}server=$value
" ;;
      # `nodad`: a tunnel has no neighbours who could have the address too.
      address6) demand "$value" 0-9a-f:./ && addresses6="$addresses6
addr add $value dev $own nodad" ;;
      route6) demand "$value" 0-9a-f:./ && routes="$routes
route add $value dev $own" ;;
      resolver6) demand "$value" 0-9a-f:. && resolvers="${resolvers}server=$value
" ;;
      search) demand "$value" 0-9A-Za-z.- && search="$search,$value" ;;
      mtu) demand "$value" 0-9 && mtu=$value ;;
      ---) break ;;
      *) refuse 'read settings' "unknown tunnel setting: $key" ;;
    esac
  done
}

# Cards are born without IPv6, and believe no router (init).
speak_ipv6() {
  echo 0 >"/proc/sys/net/ipv6/conf/$own/disable_ipv6"
}

set_inside() {
  [ -n "$mtu" ] || refuse 'read settings' 'no mtu'
  if [ -n "$table" ]; then
    # As on the uplink: no other table has a route to the next hop's server. The input chain pins it.
    echo 0 >"/proc/sys/net/ipv4/conf/$own/rp_filter"
    routes="$routes
route add default dev $own table $table"
  fi
  [ -z "$addresses6" ] || step 'switch on IPv6' speak_ipv6
  printf '%s\n' "link set dev $own mtu $mtu up$addresses$addresses6$routes" >/run/vmgate/tunnel-batch
  step 'ip -batch' ip -batch /run/vmgate/tunnel-batch
  # A hop's resolvers are asked for the next hop's server, and by nobody's work VM.
  [ "$own" = tun0 ] || return 0
  if [ -n "$addresses6" ]; then links=on; else links=off; fi
  step 'IPv6 of the links' set_links_ipv6 "$links"
  options="option:mtu,$mtu
"
  [ -z "$search" ] || options="${options}option:domain-search$search
"
  step 'reload dnsmasq' publish_names "$resolvers" "$options"
}

tunnel() {
  read_inside
  [ "$key" = --- ] || refuse 'read settings' 'the settings end before the secret section'
  demand "$value" a-z
  [ -e "/usr/lib/vmgate/kind-$value.sh" ] || refuse 'read settings' "unknown kind of tunnel: $value"
  new_kind=$value

  if [ -z "$by" ]; then
    step 'remove the old tunnel' remove_tunnel
    step 'set the uplink' set_uplink
  else
    if [ "$by" = "$own" ] || [ ! -e "/sys/class/net/$by" ]; then refuse 'read settings' "there is no hop $by"; fi
    step 'remove the old tunnel' end_tunnels "$by"
    # Its resolvers were asked.
    step 'forget the questions' forget_questions "$by"
  fi
  # Read by refuse: half a tunnel is none.
  # shellcheck disable=SC2034
  clean_up=remove_tunnel
  [ -z "$table" ] || lay_way "$table" "$mark" "$next_user"
  echo "$own $new_kind" >>"$tunnels"
  # Read by the kind.
  # shellcheck disable=SC2034
  ifname=$own
  load_kind "$new_kind"
  kind_begin
  [ -z "$addresses$routes$resolvers$search$mtu" ] || set_inside
  done_well
}

# An interface that has an inside already is of another connect.
inside() {
  read_inside
  [ -z "$key" ] || refuse 'read settings' "more than public lines: $key"
  [ -n "$addresses" ] || refuse 'read settings' 'no address'
  [ -e "/sys/class/net/$own" ] || refuse 'read settings' 'there is no tunnel'
  # shellcheck disable=SC2034
  clean_up=remove_tunnel
  set_inside
  done_well
}
