# One worker of three stands still, as under a debugger: it is named in log, stats and doctor; the flows of the others
# go on; no command hangs, none pretends; and when it goes on, everything does.
. "$(dirname "$0")/lib.sh"
WORKERS=3
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1
serve_http wan 80 "page"
gateway_start ../data/good/masquerade.yaml

# hold N: stops worker N's thread; release: lets it go on.
mkfifo $work/hold
hold() {
	gw /usr/bin/python3 "$here/hold_thread.py" "$gateway_pid" "$1" <$work/hold >$work/held 2>&1 &
	exec 8>$work/hold
	wait_for 10 "$1 is held" grep -q held $work/held
}
release() { exec 8>&-; }
seconds() { # COMMAND...: how long it takes, whatever it ends with
	local from=$SECONDS
	"$@" >$work/out 2>&1
	echo $((SECONDS - from))
}
json() { rw stats --json | /usr/bin/python3 "$here/json_get.py" key "$1"; }
sets() { rw set create hosts hash:ip; }

is "a page" "$(get lan http://203.0.113.9/)" page
worker=$(cat /proc/"$gateway_pid"/task/*/comm | grep worker | sort | tail -1)
hold "$worker"
wait_for 10 "it is seen" bash -c "ip netns exec gateway $BUILD/app/ringwall stats | grep -q STALLED"
is "worker 0 runs" "$(json workers.0.stalled)" False
is "worker 2 is the one" "$(json workers.2.stalled)" True
has "the log names it" "$(cat $work/ringwalld.log)" 'worker 2 \(thread [0-9]+\) stands still'
out=$(rw doctor)
is "doctor: 1" $? 1
has "doctor names it" "$out" '^fail +worker-heartbeat, worker 2 +stands still'
has "and not another" "$out" '^ok +worker-heartbeat, worker 1 +runs'

# A flow lives where neither its owner nor the queue of either direction is of the worker that is held: 8 of 27, so that
# of 24 none does once in 4000 runs.
good=0
for i in $(seq 24); do
	[ "$(in_ns lan curl -sS --max-time 1 http://203.0.113.9/ 2>/dev/null)" = page ] && good=$((good + 1))
done
echo "    $good of 24 pages with one of three workers held"
ok "the others forward" test $good -gt 0

took=$(seconds rw apply "$here/../data/good/open.yaml")
ok "apply does not hang" test "$took" -lt 10
has "and says why it does not" "$(cat $work/out)" 'worker 2 stands still: the policy cannot be changed'
is "the policy stays" "$(json generation)" 1
took=$(seconds sets)
ok "neither do sets" test "$took" -lt 10
has "nor pretend" "$(cat $work/out)" 'worker 2 stands still: sets'
took=$(seconds rw list)
ok "list comes" test "$took" -lt 10
# The host changes addresses and routes meanwhile; the control thread must not wait for ever.
for i in 1 2 3 4 5 6; do
	ip -n gateway route add 198.51.$i.0/24 via 203.0.113.9
done
ip -n gateway route del 198.51.3.0/24
ip -n gateway addr add 192.168.7.1/24 dev lan
sleep 1
took=$(seconds rw stats)
ok "nor does it hang for routes" test "$took" -lt 10

release
wait_for 10 "it goes on" bash -c "! ip netns exec gateway $BUILD/app/ringwall stats | grep -q STALLED"
wait_for 10 "the log says so" grep -qE 'worker 2 goes on after [0-9]' $work/ringwalld.log
ok "now apply" rw apply "$here/../data/good/open.yaml"
is "the new policy" "$(json generation)" 2
ok "and sets" rw set create hosts hash:ip
# What had to wait has been done: 198.51.N.1 is behind wan, but for the route that was deleted.
for i in 1 2 4 5 6; do
	ip -n wan addr add 198.51.$i.1/32 dev lo
done
ip -n wan route replace 192.168.1.0/24 via 203.0.113.1
for i in 1 2 4 5 6; do
	ok "route $i" in_ns lan ping -c 2 -i 0.2 -W 2 198.51.$i.1
done
has "the deleted one" "$(in_ns lan ping -c 1 -W 2 198.51.3.1 2>&1)" 'Unreachable'
ip -n lan addr add 192.168.7.2/24 dev eth0
ok "the new address" in_ns lan ping -c 2 -i 0.2 -W 2 192.168.7.1
hold "$worker"
gateway_stop
is "SIGTERM ends it all the same, with 1" "$gateway_code" 1
has "and says which worker did not end" "$(cat $work/ringwalld.log)" 'worker 2 does not end'
finish
