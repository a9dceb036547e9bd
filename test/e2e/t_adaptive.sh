# poll = "adaptive": with nothing to do a worker leaves its core alone, and is awake when something comes. Once with
# devices whose sockets wake it, once with some that cannot and are asked after pauses.
. "$(dirname "$0")/lib.sh"
CONF_MORE='poll = "adaptive";'
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1

# busy_share SECONDS: per mille of a core that the workers' threads took.
worker_ticks() {
	local t sum=0
	for t in /proc/"$(pgrep -f 'ringwalld -c' | head -1)"/task/*; do
		grep -q worker "$t/comm" && sum=$((sum + $(sed 's/.*) //' "$t/stat" | awk '{print $12 + $13}')))
	done
	echo $sum
}
busy_share() {
	local before
	before=$(worker_ticks)
	sleep "$1"
	echo $((($(worker_ticks) - before) * 1000 / $(getconf CLK_TCK) / $1))
}
# median_us HOST ADDRESS: of 20 pings, each after a rest.
median_us() {
	in_ns "$1" ping -c 20 -i 0.1 -W 2 "$2" | sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | sort -n |
		awk '{a[NR] = $1} END {printf "%d", a[int((NR + 1) / 2)] * 1000}'
}
rests() { # pauses|sleeps
	rw stats --json | /usr/bin/python3 "$here/json_get.py" key "workers.0.$1"
}
try() { # WHAT COUNTER: of its rests
	local share median
	ok "$1: ping" in_ns lan ping -c 3 -i 0.2 -W 2 203.0.113.9
	sleep 0.5
	share=$(busy_share 3)
	median=$(median_us lan 203.0.113.9)
	echo "# $1: an idle worker takes $share per mille of a core; median round trip $median us"
	ok "$1: at most 5 % of a core when idle" test "$share" -le 50
	ok "$1: it wakes" test "$median" -gt 0 -a "$median" -le 2000
	ok "$1: it rested" test "$(rests "$2")" -gt 0
}

gateway_start ../data/good/masquerade.yaml
try "sockets" sleeps
gateway_stop
is "SIGTERM ends it with 0" "$gateway_code" 0

# The same hosts on TAPs, which cannot wake a worker: it has to look by itself.
for p in lan wan; do
	ip -n gateway link del v-$p
	DEVICE[$p]="net_tap_$p,iface=t-$p"
done
gateway_start ../data/good/masquerade.yaml
tap() { # HOST ADDRESS/LEN GATEWAY
	ip -n gateway link set "t-$1" netns "$1" name eth0
	in_ns "$1" ethtool -K eth0 tx off >/dev/null 2>&1
	ip -n "$1" link set eth0 address "02:00:00:00:01:$((RANDOM % 90 + 10))" up
	ip -n "$1" addr add "$2" dev eth0
	ip -n "$1" route add default via "$3"
}
tap lan 192.168.1.2/24 192.168.1.1
tap wan 203.0.113.9/24 203.0.113.1
ok "pauses: ping" in_ns lan ping -c 5 -i 0.2 -W 2 203.0.113.9
ok "pauses: it rested" test "$(rests pauses)" -gt 0
is "pauses: it never sleeps" "$(rests sleeps)" 0
gateway_stop
is "SIGTERM ends it with 0" "$gateway_code" 0
finish
