# What every end-to-end test shares: hosts in network namespaces, a real ringwalld between them, checks.
#
# Sourced by test/e2e/t_*.sh, which test/e2e/run starts in a mount, network and process namespace of their own with
# a fresh /run: whatever a test makes, the kernel takes away with it. A test reads like this:
#
#	. "$(dirname "$0")/lib.sh"
#	host_add lan 192.168.1.2/24 via 192.168.1.1   # a host, and the gateway's port of the same name
#	host_add wan 203.0.113.9/24 via 203.0.113.1
#	gateway_start ../data/good/masquerade.yaml
#	ok "ping" in_ns lan ping -c 3 -W 1 203.0.113.9
#	expect_never wan 'src host 192.168.1.2'
#	expect_drop NAT_NO_PORT 0
#	finish
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=$here/../data
test_name=$(basename "$0" .sh)
work=/run/e2e
export RINGWALL_CONTROL=/run/ringwall/control.sock
mkdir -p $work
failed=0
passed=0

PORTS=()                # names, in order
declare -A DEVICE=()    # DPDK device string of a port
declare -A ADDRESSES=() # of a port, each in quotes, with commas
declare -A PORT_MORE=() # further settings of a port, such as "mtu = 1400;"
WORKERS=1               # how many workers poll
CONF_MORE=""            # further settings, such as routes

# ---- the world ------------------------------------------------------------------------------------------
in_ns() { # NAME COMMAND...
	local name=$1
	shift
	ip netns exec "$name" "$@"
}
gw() { in_ns gateway "$@"; }
rw() { in_ns gateway "$BUILD/app/ringwall" "$@"; }

# host_add NAME ADDRESS/LEN via GATEWAY [ADDRESS/LEN via GATEWAY]: namespace NAME with eth0, and a port NAME of
# the gateway on the other end of the veth pair (device v-NAME there). MTU=N in front sets both ends' MTU.
host_add() {
	local name=$1 mtu=${MTU:-1500}
	shift
	ip netns list | grep -qw gateway || { ip netns add gateway && ip -n gateway link set lo up; }
	ip netns add "$name"
	ip link add "v-$name" mtu "$mtu" netns gateway type veth peer name eth0 mtu "$mtu" netns "$name" || exit 1
	ip -n "$name" link set lo up
	in_ns "$name" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.router_solicitations=0
	ip -n "$name" link set eth0 up
	ip -n gateway link set "v-$name" up
	in_ns "$name" ethtool -K eth0 tx off tso off gso off gro off >/dev/null
	gw ethtool -K "v-$name" tx off >/dev/null
	PORTS+=("$name")
	DEVICE[$name]="net_af_packet${#PORTS[@]},iface=v-$name"
	[ "$mtu" = 1500 ] || PORT_MORE[$name]+=" mtu = $mtu;"
	local list="" address via
	while [ $# -ge 3 ]; do
		address=$1 via=$3
		shift 3
		case $address in
		*:*)
			ip -n "$name" addr add "$address" dev eth0 nodad
			ip -n "$name" -6 route add default via "$via"
			;;
		*)
			ip -n "$name" addr add "$address" dev eth0
			ip -n "$name" route add default via "$via"
			;;
		esac
		list="$list${list:+, }\"$via/${address#*/}\""
	done
	ADDRESSES[$name]=$list
	# Everything that a host sees, for expect_seen and expect_never.
	in_ns "$name" tcpdump -i eth0 --immediate-mode -U -n -s 0 -w "$work/$name.pcap" >/dev/null 2>"$work/$name.tcpdump" &
	for ((i = 0; i < 50; i++)); do
		grep -q 'listening on' "$work/$name.tcpdump" 2>/dev/null && break
		sleep 0.1
	done
}

# write_conf FILE: ringwall.conf of the ports so far.
write_conf() {
	local cores ids="" n
	if [ "$(nproc)" = 1 ]; then cores=0; else cores=0-1; fi
	for ((n = 1; n <= WORKERS; n++)); do ids="$ids${ids:+, }$n"; done
	{
		echo "eal = [ \"--no-huge\", \"--no-pci\", \"-m\", \"512\", \"--lcores\", \"(0-$WORKERS)@($cores)\" ];"
		echo "workers = [ $ids ];"
		echo "policy = \"policy.yaml\";"
		echo "control = \"$RINGWALL_CONTROL\";"
		echo "ports = ("
		local sep="" p
		for p in "${PORTS[@]}"; do
			echo "  $sep{ name = \"$p\"; device = \"${DEVICE[$p]}\"; addresses = [ ${ADDRESSES[$p]-} ];${PORT_MORE[$p]-} }"
			sep=","
		done
		echo ");"
		echo "$CONF_MORE"
	} >"$1"
}

# gateway_try POLICY: starts ringwalld with the policy (a file; "-": standard input) and waits until it either
# answers or ends. 0: it answers.
gateway_try() {
	case $1 in
	-) cat >$work/policy.yaml ;;
	/*) cp "$1" $work/policy.yaml ;;
	*) cp "$here/$1" $work/policy.yaml ;;
	esac
	write_conf $work/ringwall.conf
	gateway_run
}
gateway_run() {
	ip netns exec gateway "$BUILD/app/ringwalld" -c $work/ringwall.conf >$work/ringwalld.log 2>&1 </dev/null &
	gateway_pid=$!
	for ((i = 0; i < 300; i++)); do
		rw ports >/dev/null 2>&1 && return 0
		kill -0 $gateway_pid 2>/dev/null || return 1
		sleep 0.1
	done
	echo "ringwalld was not ready after 30 s"
	return 1
}
gateway_start() {
	if ! gateway_try "$@"; then
		check_failed "ringwalld starts"
		finish
	fi
}
# gateway_stop [SIGNAL]: gateway_code is what it ended with; after 10 s it is killed (137).
gateway_stop() {
	kill -"${1:-TERM}" "$gateway_pid" 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		kill -0 "$gateway_pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$gateway_pid" 2>/dev/null
	wait "$gateway_pid" 2>/dev/null
	gateway_code=$?
	return 0
}
# A policy file with new content, applied by SIGHUP.
gateway_reload() {
	cat >$work/policy.yaml
	kill -HUP "$gateway_pid"
}

# ---- servers --------------------------------------------------------------------------------------------
serve_http() { # NAMESPACE PORT TEXT: one page; $work/http-NAMESPACE-PORT.log names the clients
	local dir=$work/www-$1-$2
	mkdir -p "$dir" && echo "$3" >"$dir/index.html"
	in_ns "$1" /usr/bin/python3 -u -m http.server --bind :: --directory "$dir" "$2" \
		>"$work/http-$1-$2.log" 2>&1 </dev/null &
	wait_for 10 "$1 listens on $2" listens "$1" tcp "$2"
}
serve_udp_echo() { # NAMESPACE PORT
	in_ns "$1" socat -6 "UDP6-RECVFROM:$2,ipv6only=0,fork" EXEC:cat >/dev/null 2>&1 </dev/null &
	wait_for 10 "$1 listens on udp $2" listens "$1" udp "$2"
}
listens() { # NAMESPACE tcp|udp PORT
	local hex
	hex=$(printf '%04X' "$3")
	in_ns "$1" cat "/proc/net/$2" "/proc/net/${2}6" | awk -v h=":$hex" '$2 ~ h "$" { found = 1 } END { exit !found }'
}
get() { # NAMESPACE URL [curl's options]
	local ns=$1 url=$2
	shift 2
	in_ns "$ns" curl -sS --max-time 5 "$@" "$url" 2>&1
}
udp_ask() { # NAMESPACE ADDRESS PORT TEXT: prints the answer
	local ns=$1 address=$2 family=UDP4
	case $address in *:*) family=UDP6 address="[$address]" ;; esac
	echo "$4" | in_ns "$ns" timeout 4 socat -t 2 - "$family:$address:$3" 2>&1
}

# ---- checks ---------------------------------------------------------------------------------------------
check_passed() {
	passed=$((passed + 1))
	echo "  ok      $1"
	echo "pass e2e $test_name: $1" >>"${RINGWALL_TALLY:-/dev/null}"
}
check_failed() {
	failed=$((failed + 1))
	echo "  FAILED  $1"
	echo "fail e2e $test_name: $1" >>"${RINGWALL_TALLY:-/dev/null}"
}
ok() { # DESCRIPTION COMMAND...: it succeeds
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then
		check_passed "$what"
	else
		check_failed "$what"
		printf '%s\n' "$out" | sed 's/^/            /' | tail -15
	fi
}
no() { # DESCRIPTION COMMAND...: it fails
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then
		check_failed "$what"
		printf '%s\n' "$out" | sed 's/^/            /' | tail -15
	else
		check_passed "$what"
	fi
}
is() { # DESCRIPTION GOT WANTED
	if [ "$2" = "$3" ]; then
		check_passed "$1"
	else
		check_failed "$1"
		printf '            got:    %s\n            wanted: %s\n' "$2" "$3"
	fi
}
has() { # DESCRIPTION TEXT PATTERN (extended regular expression)
	if grep -qE -- "$3" <<<"$2"; then
		check_passed "$1"
	else
		check_failed "$1"
		printf '            no "%s" in:\n' "$3"
		sed 's/^/            /' <<<"$2" | tail -20
	fi
}
wait_for() { # SECONDS DESCRIPTION COMMAND...: until it succeeds; not a check of its own unless it does not
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			check_failed "$what"
			return 1
		fi
		sleep 0.1
	done
}
captured() { # NAME FILTER: how many frames NAME's eth0 saw
	sleep 0.3
	tcpdump -r "$work/$1.pcap" -n "$2" 2>/dev/null | wc -l
}
expect_never() { # NAME FILTER
	local n
	n=$(captured "$1" "$2")
	is "$1 never saw '$2'" "$n" 0
}
expect_seen() { # NAME FILTER
	local n
	n=$(captured "$1" "$2")
	if [ "$n" -gt 0 ]; then check_passed "$1 saw '$2'"; else check_failed "$1 saw '$2'"; fi
}
drops() { # REASON: how often so far
	rw stats --json | /usr/bin/python3 "$here/json_get.py" drop "$1"
}
expect_drop() { # REASON COUNT
	is "drops by $1" "$(drops "$1")" "$2"
}
# packets_of TABLE CHAIN RULE [-6]: packets that rule RULE (1-based; 0: the policy) has counted.
packets_of() {
	rw save ${4-} -c | /usr/bin/python3 "$here/json_get.py" save "$1" "$2" "$3"
}

# Ends the test: says how many checks failed, with ringwalld's log where any did.
finish() {
	if [ -n "${gateway_pid-}" ] && kill -0 "$gateway_pid" 2>/dev/null; then
		gateway_stop
	fi
	if [ "$failed" != 0 ] && [ -s $work/ringwalld.log ]; then
		echo "  ringwalld's log:"
		tail -15 $work/ringwalld.log | sed 's/^/    /'
	fi
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
	exit $?
}
