# Two workers on one device queue: every flow has one owner, whoever receives its packets; masqueraded replies, ICMP
# errors and fragments find it.
. "$(dirname "$0")/lib.sh"
WORKERS=2
host_add lan 192.168.1.2/24 via 192.168.1.1 2001:db8:1::2/64 via 2001:db8:1::1
MTU=1400 host_add wan 203.0.113.9/24 via 203.0.113.1 2001:db8:2::2/64 via 2001:db8:2::1
ip -n wan route del default
for i in 3 4 5 6 7; do ip -n lan addr add 192.168.1.$i/24 dev eth0; done
serve_http wan 80 "page"
serve_http gateway 80 "gateway"
serve_udp_echo wan 7777
in_ns wan iperf3 -s -D -I $work/iperf3.pid >/dev/null 2>&1
gateway_start ../data/good/masquerade.yaml

for i in 2 3 4 5 6 7; do
	ok "ping from .$i" in_ns lan ping -c 2 -i 0.2 -W 2 -I 192.168.1.$i 203.0.113.9
	is "a page from .$i" "$(get lan http://203.0.113.9/ --interface 192.168.1.$i)" page
	is "the gateway's page from .$i" "$(get lan http://192.168.1.1/ --interface 192.168.1.$i)" gateway
done
for i in 1 2 3 4 5 6; do
	is "UDP echo $i" "$(udp_ask lan 203.0.113.9 7777 "word $i")" "word $i"
done
is "IPv6" "$(get lan 'http://[2001:db8:2::2]/')" page
ok "fragments" in_ns lan ping -M dont -c 3 -i 0.2 -W 2 -s 4000 203.0.113.9
# Under the flood below a worker that has no core for a moment may lose what the other hands it; before it, none.
expect_drop HANDOFF_FULL 0
ok "iperf3" in_ns lan timeout 30 iperf3 -c 203.0.113.9 -P 4 -t 2
ok "iperf3 -R" in_ns lan timeout 30 iperf3 -c 203.0.113.9 -P 4 -t 2 -R
ok "from the gateway" gw ping -c 2 -i 0.2 -W 2 203.0.113.9
out=$(udp_ask lan 203.0.113.9 9 x)
has "an ICMP error about a translated flow" "$out" 'refused'
out=$(in_ns lan ping -c 1 -W 2 -t 1 203.0.113.9)
has "time exceeded" "$out" 'exceeded'
expect_never wan 'src net 192.168.1.0/24'
expect_drop CT_CLASH 0
gateway_stop
is "SIGTERM ends it with 0" "$gateway_code" 0
finish
