# Other devices than af_packet: the daemon starts with net_tap (and forwards over it), net_memif, net_pcap and
# net_null ports, and says so in `ringwall ports`.
. "$(dirname "$0")/lib.sh"
ip netns add gateway
ip -n gateway link set lo up
port() { # NAME DEVICE ADDRESS
	PORTS+=("$1")
	DEVICE[$1]=$2
	ADDRESSES[$1]="\"$3\""
}
/usr/bin/python3 - "$work/in.pcap" <<'PY'
import struct, sys
open(sys.argv[1], 'wb').write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
PY
port tap0 "net_tap10,iface=kernel0" 192.168.1.1/24
port tap1 "net_tap11,iface=kernel1" 203.0.113.1/24
port memif "net_memif0,role=server,socket=$work/memif.sock,socket-abstract=no" 10.1.0.1/24
port pcap "net_pcap0,rx_pcap=$work/in.pcap,tx_pcap=$work/out.pcap" 10.2.0.1/24
port null "net_null0,no-rx=1" 10.3.0.1/24
gateway_start ../data/good/open.yaml
ports=$(rw ports)
for p in tap0 tap1 memif pcap null; do
	has "port $p is listed" "$ports" "(^|[^a-z0-9])$p([^a-z0-9]|\$)"
done
ok "ports --json is JSON" bash -c "ip netns exec gateway $BUILD/app/ringwall ports --json | /usr/bin/python3 -m json.tool"
# The kernel's ends of the taps become two hosts.
for i in 0 1; do
	ip netns add host$i
	ip -n gateway link set kernel$i netns host$i
	ip -n host$i link set kernel$i address 02:00:00:00:00:5$i
	ip -n host$i link set kernel$i up
	in_ns host$i ethtool -K kernel$i tx off >/dev/null 2>&1
done
ip -n host0 addr add 192.168.1.2/24 dev kernel0
ip -n host0 route add default via 192.168.1.1
ip -n host1 addr add 203.0.113.9/24 dev kernel1
ip -n host1 route add default via 203.0.113.1
ok "ping over taps" in_ns host0 ping -c 3 -i 0.2 -W 2 203.0.113.9
serve_http host1 80 tap
is "a page over taps" "$(get host0 http://203.0.113.9/)" tap
gateway_stop
is "SIGTERM ends it with 0" "$gateway_code" 0
finish
