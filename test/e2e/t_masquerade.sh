# The main job: clients behind MASQUERADE reach servers with ping, curl, UDP, iperf3 and traceroute, the private
# address never shows outside, and the flows and counters say so.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1
ip -n wan route del default # masquerading must do without a way back
serve_http wan 80 "the server's page"
serve_udp_echo wan 7777
in_ns wan iperf3 -s -D -I $work/iperf3.pid >/dev/null 2>&1
gateway_start ../data/good/masquerade.yaml

ok "ping through NAT" in_ns lan ping -c 3 -i 0.2 -W 2 203.0.113.9
is "a page" "$(get lan http://203.0.113.9/)" "the server's page"
has "the server saw the gateway" "$(cat $work/http-wan-80.log)" '^(::ffff:)?203\.0\.113\.1 '
is "UDP echo" "$(udp_ask lan 203.0.113.9 7777 hello)" hello
for i in 1 2 3; do
	is "UDP echo again, $i" "$(udp_ask lan 203.0.113.9 7777 "again $i")" "again $i"
done
ok "iperf3, TCP up" in_ns lan timeout 20 iperf3 -c 203.0.113.9 -t 2
ok "iperf3, TCP down" in_ns lan timeout 20 iperf3 -c 203.0.113.9 -t 2 -R
ok "iperf3, UDP" in_ns lan timeout 20 iperf3 -c 203.0.113.9 -u -b 20M -t 1
sleep 0.5 # its server takes the next client when it is done with the last
ok "iperf3, four streams" in_ns lan timeout 20 iperf3 -c 203.0.113.9 -P 4 -t 1
route=$(in_ns lan traceroute -n -q 1 -w 2 203.0.113.9)
has "traceroute: the gateway is the first hop" "$route" '^ *1 +192\.168\.1\.1 '
has "traceroute: the server is the second hop" "$route" '^ *2 +203\.0\.113\.9 '
ok "a large file" bash -c "head -c 3000000 /dev/urandom >$work/www-wan-80/big &&
	ip netns exec lan curl -sS --max-time 20 -o $work/big http://203.0.113.9/big && cmp $work/big $work/www-wan-80/big"

expect_never wan 'src host 192.168.1.2'
expect_never wan 'dst host 192.168.1.2'
has "flows show the translation" "$(rw flows)" '192\.168\.1\.2.*203\.0\.113\.1'
ok "flows --json is JSON" bash -c "ip netns exec gateway $BUILD/app/ringwall flows --json | /usr/bin/python3 -m json.tool"
counted=$(packets_of nat POSTROUTING 1)
ok "MASQUERADE's rule counts connections ($counted)" [ "$counted" -ge 8 ]
expect_drop NAT_NO_PORT 0
expect_drop CT_CLASH 0
expect_drop TX_QUEUE 0
gateway_stop
is "SIGTERM ends it with 0" "$gateway_code" 0
no "no control socket is left" test -e "$RINGWALL_CONTROL"
no "no twin is left" ip -n gateway link show lan
finish
