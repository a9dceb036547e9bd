# Flow logs: translations as JSON lines in a file and as IPFIX over UDP, all flows as IPFIX in a file; what a decoder of
# its own reads is what the hosts did.
. "$(dirname "$0")/lib.sh"
host_add lan 192.168.1.2/24 via 192.168.1.1 2001:db8:1::2/64 via 2001:db8:1::1
host_add wan 203.0.113.9/24 via 203.0.113.1 2001:db8:2::2/64 via 2001:db8:2::1
ip -n wan route del default
ip -n wan -6 route del default
serve_udp_echo wan 7
serve_udp_echo lan 7
serve_http wan 80 "page"
WORKERS=2
CONF_MORE='flow-log = (
  { to = "file:/run/e2e/nat.jsonl"; flows = "translated"; },
  { to = "udp:192.168.1.2:4739"; format = "ipfix"; flows = "translated"; domain = 42; templates = 1; },
  { to = "file:/run/e2e/all.ipfix"; format = "ipfix"; events = [ "new", "update", "destroy" ]; }
);'
mkdir -p /run/e2e
cat >/run/policy.yaml <<'P'
version: 1
tables:
  nat:
    PREROUTING:
      rules:
        - { family: ipv4, destination: 203.0.113.1, protocol: udp, dport: 8080, jump: DNAT, to-destination: "192.168.1.2:7" }
    POSTROUTING: { rules: [ { out-interface: wan, jump: MASQUERADE } ] }
P
in_ns lan /usr/bin/python3 "$here/ipfix.py" -u 4739 10 >$work/udp.json 2>$work/udp.said &
collector=$!
wait_for 10 "the collector listens" listens lan udp 4739
gateway_start /run/policy.yaml

# ---- flows: translated sources (UDP, TCP, ICMP, UDP over IPv6), a translated destination; one that is not translated
is "udp out" "$(echo hi | in_ns lan socat -t 3 - UDP4:203.0.113.9:7,sourceport=4001)" hi
is "udp out, IPv6" "$(echo hi | in_ns lan socat -t 3 - 'UDP6:[2001:db8:2::2]:7,sourceport=4002')" hi
is "udp in" "$(echo hi | in_ns wan socat -t 3 - UDP4:203.0.113.1:8080,sourceport=5001)" hi
is "tcp out" "$(get lan http://203.0.113.9/ --local-port 4003)" page
ok "ping out" in_ns lan ping -c 1 -W 2 203.0.113.9
ok "ping of the gateway" in_ns lan ping -c 1 -W 2 192.168.1.1
has "all of them end" "$(rw flows flush)" 'flows ended$'
wait $collector
is "the collector was content" "$(grep -v '^template sets' $work/udp.said)" ""
sleep 1.5
has "templates go out again" "$(cat $work/udp.said)" 'template sets: ([2-9]|[1-9][0-9])'

cat >$work/compare.py <<'P'
import json, sys

lines = [json.loads(l) for l in open("/run/e2e/nat.jsonl")]
ipfix = [json.loads(l) for l in open(sys.argv[1])]
made = {  # protocol, source, destination: its port, and which end is translated
    (17, "192.168.1.2", "203.0.113.9", 7): "snat", (17, "203.0.113.9", "203.0.113.1", 8080): "dnat",
    (6, "192.168.1.2", "203.0.113.9", 80): "snat", (1, "192.168.1.2", "203.0.113.9", 0): "snat",
    (17, "2001:db8:1::2", "2001:db8:2::2", 7): "snat",
}

def of_line(l):
    o, r, f = l["flow"]["original"], l["flow"]["reply"], l["flow"]
    icmp = "id" in o
    key = (f["protocol_number"], o["src"], o["dst"], 0 if icmp else o["dport"])
    return key, (l["event"], o.get("sport", o.get("id")), r["dst"], r.get("dport", r.get("id")), r["src"],
                 0 if icmp else r["sport"], l.get("reason"), l["time_us"] // 1000,
                 (o["packets"], r["packets"], o["bytes"], r["bytes"]) if l["event"] == "destroy" else None)

def of_record(r):
    v = "v6" if "sourceIPv6Address" in r else "v4"
    ip = "IPv6" if v == "v6" else "IPv4"
    key = (r["protocolIdentifier"], r["source%sAddress" % ip], r["destination%sAddress" % ip],
           r["destinationTransportPort"])
    events = {4: "new", 5: "destroy"} if v == "v4" else {1: "new", 2: "destroy"}
    reasons = {1: "idle", 3: "finished", 4: "forced", 5: "resources"}
    assert r["natOriginatingAddressRealm"] == (1 if made[key] == "snat" else 2), r
    assert r["domain"] == 42 and r["ingressVRFID"] == 0
    return key, (events[r["natEvent"]], r["sourceTransportPort"], r["postNATSource%sAddress" % ip],
                 r["postNAPTSourceTransportPort"], r["postNATDestination%sAddress" % ip],
                 r["postNAPTDestinationTransportPort"], reasons[r["flowEndReason"]] if "flowEndReason" in r else None,
                 r["observationTimeMilliseconds"],
                 (r["initiatorPackets"], r["responderPackets"], r["initiatorOctets"], r["responderOctets"])
                 if "flowEndReason" in r else None)

a, b = sorted(map(of_line, lines), key=str), sorted(map(of_record, ipfix), key=str)
assert a == b, "JSON and IPFIX differ:\n%s\n%s" % (a, b)
assert {k for k, _ in a} == set(made), a
for key in made:
    kinds = [e[0] for k, e in a if k == key]
    assert sorted(kinds) == ["destroy", "new"], (key, kinds)
out = [e for k, e in a if k == (17, "192.168.1.2", "203.0.113.9", 7) and e[0] == "destroy"][0]
assert out[1] == 4001 and out[2] == "203.0.113.1" and out[8] == (1, 1, 31, 31), out
back = [e for k, e in a if k[3] == 8080][0]
assert back[4:6] == ("192.168.1.2", 7), back
print("same")
P
is "JSON and IPFIX say the same, and what was done" "$(/usr/bin/python3 $work/compare.py $work/udp.json 2>&1 | tail -3)" same

# ---- files: renamed while they are written, and whole at the end
mv /run/e2e/nat.jsonl /run/e2e/nat.old
sleep 1.5
is "udp once more" "$(echo hi | in_ns lan socat -t 3 - UDP4:203.0.113.9:7,sourceport=4009)" hi
has "the log goes on in a new file" "$(cat /run/e2e/nat.jsonl)" '"event":"new".*"sport":4009'
has "stats count the records" "$(rw stats)" '[1-9][0-9]* records of flow logs written or sent'
gateway_stop
/usr/bin/python3 "$here/ipfix.py" /run/e2e/all.ipfix >$work/all.json 2>$work/all.said
is "the file is good IPFIX" "$(cat $work/all.said)" ""
has "it has flows that nobody translates" "$(cat $work/all.json)" '"firewallEvent": 1.*"sourceIPv4Address": "192.168.1.2".*"destinationIPv4Address": "192.168.1.1".*"icmpTypeCodeIPv4": 2048'
has "updates" "$(cat $work/all.json)" '"firewallEvent": 5'
is "and as many births of translations" "$(grep -c '"natEvent": [14],' $work/all.json)" 6
finish
