# `ringwall doctor`: healthy is 0; what ails the gateway or its host is named, and 1; so is a daemon that is not there.
. "$(dirname "$0")/lib.sh"
WORKERS=2
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1

out=$(rw doctor 2>&1)
is "no daemon: 1" $? 1
has "no daemon is said" "$out" '^fail +daemon +does not answer'
has "and why" "$out" 'control.sock'
has "what can be said of the machine" "$out" '^(ok|note) +hugepages'
out=$(rw doctor --json 2>/dev/null | /usr/bin/python3 "$here/json_get.py" key health)
is "--json without a daemon" "$out" fail

# A device that steers by itself, and no host behind it.
PORTS+=(null)
DEVICE[null]="net_null0,no-rx=1"
ADDRESSES[null]='"10.3.0.1/24"'
gateway_start ../data/good/masquerade.yaml
out=$(rw doctor)
is "healthy: 0" $? 0
printf '%s\n' "$out" | sed 's/^/    /'
has "the policy" "$out" '^ok +policy +.*policy.yaml is loaded, generation 1'
has "hugepages" "$out" '^note +hugepages +not in use'
has "both workers run" "$out" '^ok +worker-heartbeat, worker 1 +runs'
has "their CPUs" "$out" '^note +worker-core, worker 0 +CPU '
has "software steering" "$out" '^note +port-steering, port lan +software steering'
has "hardware steering" "$out" '^ok +port-steering, port null +the hardware steers'
has "no hand-over yet" "$out" '^ok +port-handover, port null +0 of 0 packets received'
has "checksums" "$out" '^ok +port-checksums, port lan '
has "MTU" "$out" '^ok +port-mtu, port lan +MTU 1500'
has "twin" "$out" '^ok +port-twin, port lan +twin lan is up'
has "the kernel" "$out" '^ok +host-stack, port lan '
has "no losses" "$out" '^ok +overflow '

json() { rw doctor --json | /usr/bin/python3 "$here/json_get.py" key "$1"; }
is "--json: ports" "$(json ports.2.steering)" hardware
is "--json: health" "$(json health)" note

gw sysctl -qw net.ipv4.ip_forward=1
out=$(rw doctor)
is "the kernel forwards: 1" $? 1
has "it is said where" "$out" '^fail +host-stack, port lan .*net.ipv4.conf.lan.forwarding is 1'
gw sysctl -qw net.ipv4.ip_forward=0
ok "healthy again" rw doctor
ip -n gateway addr add 192.168.1.77/24 dev v-lan
out=$(rw doctor)
is "an address on the port's interface: 1" $? 1
has "it is named" "$out" '^fail +host-stack, port lan .*192.168.1.77/24'
ip -n gateway addr del 192.168.1.77/24 dev v-lan
ip -n wan link set eth0 down
wait_for 10 "the link goes" bash -c "! ip netns exec gateway $BUILD/app/ringwall doctor"
has "no link" "$(rw doctor)" '^warn +port-link, port wan .*no link'
ip -n wan link set eth0 up
wait_for 10 "the link comes" rw doctor
ip -n gateway link set lan down
wait_for 10 "the twin is down" bash -c "! ip netns exec gateway $BUILD/app/ringwall doctor"
has "the twin is down" "$(rw doctor)" '^warn +port-twin, port lan +its twin lan is down'
ip -n gateway link del lan
has "the twin is gone" "$(rw doctor)" '^fail +port-twin, port lan +its twin lan is gone'
no "no argument" rw doctor now
gateway_stop

# Hand-overs, on a busy machine perhaps with losses, are counted for the port where the packet came in.
gateway_start ../data/good/masquerade.yaml
for i in 1 2 3 4 5 6 7 8; do
	in_ns lan ping -q -c 1 -W 2 203.0.113.9 >/dev/null
	udp_ask lan 203.0.113.9 7 x >/dev/null
done
has "hand-overs" "$(rw doctor)" '^ok +port-handover, port (lan|wan) +[1-9][0-9]* of [1-9][0-9]* packets received'
gateway_stop
finish
