# The flow table over the command line: filters by every part of a real translated flow, events, deleting and
# flushing.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1 2001:db8:1::2/64 via 2001:db8:1::1
host_add wan 203.0.113.9/24 via 203.0.113.1 2001:db8:2::2/64 via 2001:db8:2::1
ip -n wan route del default
serve_udp_echo wan 7
WORKERS=2
gateway_start - <<'P'
version: 1
tables:
  mangle:
    FORWARD: { rules: [ { protocol: udp, jump: CONNMARK, set-mark: 0x5 } ] }
  nat:
    POSTROUTING: { rules: [ { family: ipv4, out-interface: wan, jump: MASQUERADE } ] }
P
n() { rw flows "$@" | wc -l; } # how many lines

# ---- somebody follows
in_ns gateway stdbuf -oL "$BUILD/app/ringwall" flows --follow --timestamp >$work/follow &
in_ns gateway "$BUILD/app/ringwall" flows --follow -j -e NEW,DESTROY -p udp --json >$work/nat &
wait_for 5 "both are there" bash -c "[ \$(ip netns exec gateway ss -xH | grep -c 'ESTAB.*$RINGWALL_CONTROL') -ge 2 ]"
sleep 0.3 # and were heard

# ---- flows of every kind: UDP with answers, echo requests of both families, half-open TCP
for port in 4001 4002 4003 4004; do
	is "udp from $port" "$(echo hi | in_ns lan socat -t 2 - UDP4:203.0.113.9:7,sourceport=$port)" hi
done
ok "ping" in_ns lan ping -c 1 -W 2 203.0.113.9
ok "ping, IPv6" in_ns lan ping -c 1 -W 2 2001:db8:2::2
is "udp, both directions" "$(n -p udp --sport 4001 --dport 7 -s 192.168.1.2 -d 203.0.113.9 -r 203.0.113.9 -q 203.0.113.1)" 1
is "the reply's ports" "$(n --reply-port-src 7 -p udp)" 4
is "translated sources" "$(n -n -p udp)" 4
is "translated to this address" "$(n -p udp --src-nat 203.0.113.1)" 4
is "translated to another one" "$(n --src-nat 203.0.113.2)" 0
is "either way" "$(n -p udp --any-nat)" 4
is "translated destinations" "$(n -g)" 0
is "mark" "$(n -m 0x4/0x4)" 4
is "zone" "$(n -p udp -w 0)" 4
is "status" "$(n -p udp -u SEEN_REPLY,SRC_NAT)" 4
is "icmp" "$(n -p icmp --icmp-type 8 --icmp-code 0)" 1
is "icmpv6 by family" "$(n -6 -p icmpv6 --icmp-type 128)" 1

wait_for 5 "the last event is there" grep -q 'UPDATE.*icmpv6' $work/follow
has "NEW, as conntrack -E has it" "$(cat $work/follow)" \
	'^\[[0-9]+\.[0-9]{6}\]	    \[NEW\] udp      17 30 src=192\.168\.1\.2 dst=203\.0\.113\.9 sport=4001 dport=7 \[UNREPLIED\] src=203\.0\.113\.9 dst=203\.0\.113\.1 sport=7 dport=[0-9]+ mark=5 '
has "UPDATE with the answer" "$(cat $work/follow)" ' \[UPDATE\] udp +17 30 src=192\.168\.1\.2 .*sport=4001 dport=7 src=203'
is "a log of translations: births" "$(grep -c '"event":"new".*"snat":true' $work/nat)" 4

# ---- ending them
rw flows delete >$work/said 2>&1
is "delete without a filter: 2" "$?" 2
has "and why" "$(cat $work/said)" "needs to be told which flows"
has "delete says what went" "$(rw flows delete -p udp --sport 4001)" 'udp +17 .*sport=4001'
is "delete: only that" "$(n -p udp)" 3
has "delete counts" "$(rw flows delete -p udp --dport 7)" '^3 flows ended$'
is "none of them is left" "$(n -p udp)" 0
is "udp goes on as a new flow" "$(echo hi | in_ns lan socat -t 2 - UDP4:203.0.113.9:7,sourceport=4002)" hi
has "flush of IPv6" "$(rw flows flush -6)" '^[1-9][0-9]* flows ended$'
is "no IPv6 flow is left" "$(n -6 -p icmpv6 --icmp-type 128)" 0
is "IPv4 flows are" "$(n -4 -p udp)" 1
has "flush --json" "$(rw flows flush --json)" '"complete": true'
is "no flow is left" "$(n -p udp)" 0
is "what flush does not take: 2" "$(rw flows flush -p udp 2>/dev/null; echo $?)" 2
wait_for 5 "the last end is there" bash -c "[ \$(grep -c destroy $work/nat) = 5 ]"
is "a log of translations: births and ends" "$(grep -c '"event":"new"' $work/nat) $(grep -c '"reason":"forced"' $work/nat)" "5 5"
has "DESTROY has the counters" "$(cat $work/follow)" '\[DESTROY\] udp +17 src=192\.168\.1\.2 .*packets=1 bytes=31 '
gateway_stop
wait_for 5 "followers end with the daemon" bash -c "! kill -0 $(jobs -p | tail -1) 2>/dev/null"
finish
