# What rules tell, on a live gateway: LOG to the system's log and to a file, at a bounded rate; TRACE; NFLOG to a
# file and to a socket; the counters of it all.
. "$(dirname "$0")/lib.sh"
# A /dev of the test's own, so that its system's log is no one else's.
mkdir -p /run/dev/net /run/dev/shm
for node in null zero full random urandom net/tun; do
	touch "/run/dev/$node" && mount --bind "/dev/$node" "/run/dev/$node"
done
ln -s /proc/self/fd /run/dev/fd
mount --rbind /run/dev /dev
host_add lan 192.168.1.2/24 via 192.168.1.1
host_add wan 203.0.113.9/24 via 203.0.113.1
events() { rw stats --json | /usr/bin/python3 -c "import json, sys; print(json.load(sys.stdin)['events']['$1'])"; }
reached() { [ "$(events "$1")" -ge "$2" ]; }
send() { # PORT [COUNT]: datagrams from lan to wan
	in_ns lan /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5555))
for _ in range(int(sys.argv[2])):
    s.sendto(b"hello", ("203.0.113.9", int(sys.argv[1])))' "$1" "${2:-1}"
}
cat >/run/log.yaml <<'P'
version: 1
tables:
  raw:
    PREROUTING:
      rules:
        - { family: ipv4, protocol: udp, dport: 4, jump: TRACE }
  filter:
    FORWARD:
      rules:
        - { protocol: udp, dport: 1, jump: LOG, log-prefix: "one: ", log-level: info, log-macdecode: true }
        - { protocol: udp, dport: 2, jump: NFLOG, nflog-group: 5, nflog-prefix: two }
        - { protocol: udp, dport: 2, jump: NFLOG, nflog-group: 6, nflog-size: 28 }
        - { protocol: udp, dport: 3, jump: NFLOG, nflog-group: 7 }
        - { protocol: udp, dport: 4, jump: DROP }
P

CONF_MORE='log = { to = "file:/run/e2e/lines"; rate = 10; burst = 20; };
nflog = ( { group = 5; to = "file:/run/e2e/five.pcapng"; }, { group = 6; to = "socket:/run/e2e/six.sock"; } );'
gateway_start /run/log.yaml
has "a group without a place is told of" "$(cat $work/ringwalld.log)" 'no nflog group 7.*\[nflog-group\]'

send 1
wait_for 5 "a line was written" reached log_lines 1
mac=$(in_ns lan cat /sys/class/net/eth0/address)
has "LOG's line is the kernel's" "$(cat $work/lines)" \
	"^[0-9-]+T[0-9:.]+Z <6> one: IN=lan OUT=wan MACSRC=$mac MACDST=[0-9a-f:]{17} MACPROTO=0800 SRC=192.168.1.2 DST=203.0.113.9 LEN=33 TOS=0x00 PREC=0x00 TTL=63 ID=[0-9]+ DF PROTO=UDP SPT=5555 DPT=1 LEN=13 \$"
send 4
wait_for 5 "a packet was traced" grep -q TRACE $work/lines
has "TRACE: the policy of raw" "$(cat $work/lines)" '<4> TRACE: raw:PREROUTING:policy:2 IN=lan OUT= '
has "TRACE: the rule of filter" "$(cat $work/lines)" '<4> TRACE: filter:FORWARD:rule:5 IN=lan OUT=wan .* PROTO=UDP SPT=5555 DPT=4 '

in_ns gateway timeout 20 socat -u UNIX-CONNECT:$work/six.sock OPEN:$work/six.pcapng,creat,trunc &
sleep 2.5
send 2 7
send 3 2
wait_for 5 "packets were written" reached nflog_packets 14
is "packets of a group without a place are counted" "$(events nflog_no_group)" 2
is "NFLOG to a file" "$(tcpdump -nr $work/five.pcapng 2>/dev/null | grep -c '192.168.1.2.5555 > 203.0.113.9.2: UDP, length 5')" 7
has "its prefix is the packet's comment" "$(strings -n 3 $work/five.pcapng)" '^two'
is "NFLOG to a socket" "$(tcpdump -nr $work/six.pcapng 2>/dev/null | grep -c '192.168.1.2.5555 > 203.0.113.9.2: UDP')" 7

send 1 300
wait_for 5 "lines were over the rate" reached log_over_rate 100
wait_for 5 "the log says what it lacks" grep -qE 'log: [0-9]+ lost .*over log.rate' $work/lines
is "no packet was" "$(captured wan 'udp dst port 1')" 301
has "stats says it" "$(rw stats)" '[0-9]+ log lines over log.rate'
gateway_stop
is "ends well" "$gateway_code" 0
is "the socket went with it" "$(ls $work/six.sock 2>&1 | grep -c 'No such')" 1

# The system's log; it may come and go.
CONF_MORE=''
gateway_start /run/log.yaml
send 1
wait_for 5 "no system's log, and counted" reached log_not_written 1
socat -u UNIX-RECV:/dev/log,mode=666 OPEN:$work/syslog,creat,append &
sleep 2.5
send 1
wait_for 5 "a line was written" reached log_lines 1
has "the system's log has it, facility daemon" "$(tr '<' '\n' <$work/syslog)" '^30>[A-Z][a-z]{2} .* ringwalld\[[0-9]+\]: one: IN=lan OUT=wan '
finish
