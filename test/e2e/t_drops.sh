# Every packet that ends has a reason with a name: malformed frames sent by a raw socket, each counted once.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1 2001:db8:1::2/64 via 2001:db8:1::1
host_add wan 203.0.113.9/24 via 203.0.113.1 2001:db8:2::2/64 via 2001:db8:2::1
CONF_MORE='routes = ( { to = "10.66.0.0/16"; blackhole = true; } );'
gateway_start - <<'P'
version: 1
tables:
  filter:
    FORWARD:
      policy: ACCEPT
      rules:
        - { protocol: udp, dport: 666, jump: DROP }
    INPUT:
      policy: DROP
      rules:
        - { protocol: icmpv6, jump: ACCEPT }
P
mac=$(rw ports --json | /usr/bin/python3 -c 'import json, sys
def find(o):
    for v in (o.values() if isinstance(o, dict) else o):
        if isinstance(v, (dict, list)):
            yield from find(v)
    if isinstance(o, dict) and o.get("name") == "lan":
        yield o.get("mac", o.get("lladdr"))
print(next(find(json.load(sys.stdin))))')
# one REASON KIND: the frame of that kind (test/e2e/odd_frame.py) is dropped for that reason, once.
one() {
	local before after
	before=$(drops "$1")
	in_ns lan /usr/bin/python3 "$here/odd_frame.py" eth0 "$mac" "$2" || check_failed "$2 was sent"
	for ((i = 0; i < 20; i++)); do
		after=$(drops "$1")
		[ "$after" != "$before" ] && break
		sleep 0.1
	done
	is "$2: $1" $((after - before)) 1
	[ $((after - before)) = 1 ] || rw stats | sed 's/^/            /'
}
# The hosts report their multicast groups for a moment after their links came up, to addresses that are not ours.
quiet=0
for ((i = 0; i < 60 && quiet < 15; i++)); do
	now=$(drops NOT_FOR_US)
	[ "$now" = "${last-}" ] && quiet=$((quiet + 1)) || quiet=0
	last=$now
	sleep 0.1
done
one NOT_IP ethertype
one NOT_FOR_US other-mac
one SHORT_L3 short
one BAD_VERSION version
one BAD_HDRLEN ihl
one BAD_LENGTH length
one BAD_CSUM checksum
one BAD_SOURCE source-multicast
one BAD_SOURCE source-loopback
one TTL_EXPIRED ttl
one BLACKHOLE blackhole
one NO_ROUTE no-route
one RULE rule
one CHAIN_POLICY to-host
one SHORT_L3 short6
one BAD_LENGTH length6
before=$(drops FRAG_OVERLAP)
in_ns lan /usr/bin/python3 "$here/odd_frame.py" eth0 "$mac" overlap
sleep 1
ok "fragments that overlap: FRAG_OVERLAP" [ "$(drops FRAG_OVERLAP)" -gt "$before" ]
ok "the gateway lives on" in_ns lan ping -c 1 -W 2 203.0.113.9
ok "stats names every reason with its text" bash -c "ip netns exec gateway $BUILD/app/ringwall stats | grep -q BAD_CSUM"
finish
