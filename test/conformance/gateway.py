"""A gateway under test: frames go through `ringwall replay`, the whole appliance on a virtual clock.

Each step gives all frames so far to a fresh replay, which is deterministic, and looks at what the newest one caused.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'diff'))
import frames as F  # noqa: E402

MAC = {'lan': '02:00:00:00:01:01', 'wan': '02:00:00:00:02:01'}
OUT = '198.51.100.1'  # the gateway's address outside
A, B = '192.168.1.10', '192.168.1.11'  # inside
R1, R2 = '203.0.113.5', '203.0.113.6'  # far away
ROUTER = '198.51.100.254'
CONF = '''eal = [ "--no-huge", "--no-pci", "--no-shconf", "-m", "64", "-l", "0" ];
policy = "policy.yaml";
control = "control.sock";
sizes = { flows = 4096; mbufs = 2048; };
ports = (
  { name = "lan"; device = "net_null0"; lladdr = "%(lan)s"; twin = "none"; addresses = [ "192.168.1.1/24" ]; },
  { name = "wan"; device = "net_null1"; lladdr = "%(wan)s"; mtu = 1400; twin = "none";
    addresses = [ "198.51.100.1/24", "198.51.100.2/24", "198.51.100.3/24" ]; }
);
routes = ( { to = "0.0.0.0/0"; via = "198.51.100.254"; } );
''' % MAC

# The policies, by the name that the table gives them. FIREWALL lets in what answers, and what a mapping lets in.
FIREWALL = '''  filter:
    INPUT: { policy: DROP }
    FORWARD:
      policy: DROP
      rules:
        - { ctstate: INVALID, jump: DROP }
        - { ctstate: [ESTABLISHED, RELATED, DNAT], jump: ACCEPT }
        - { in-interface: lan, jump: ACCEPT }
'''
TIMERS = 'conntrack: { udp_timeout: 300, udp_timeout_stream: 300, tcp_timeout_syn_sent: 300, tcp_timeout_syn_recv: 300, icmp_timeout: 60 }\n'


def nat(rules, more=''):
    lines = '\n'.join(f'        - {r}' for r in rules)
    return f'version: 1\n{more}tables:\n  nat:\n    POSTROUTING:\n      rules:\n{lines}\n{FIREWALL}'


MASQ = 'out-interface: wan, jump: MASQUERADE'
EI = 'mapping: endpoint-independent'
CONFIGS = {
    'default': nat([f'{{ {MASQ} }}']),
    '`mapping: endpoint-independent`': nat([f'{{ {MASQ}, {EI} }}']),
    '`mapping` and `filtering: endpoint-independent`': nat([f'{{ {MASQ}, {EI}, filtering: endpoint-independent }}']),
    '`filtering: address-dependent`': nat([f'{{ {MASQ}, {EI}, filtering: address-dependent }}']),
    'a pool': nat(['{ out-interface: wan, jump: SNAT, to-source: 198.51.100.1-198.51.100.3 }']),
    '`persistent` or `mapping` in a pool': nat(
        [f'{{ out-interface: wan, jump: SNAT, to-source: 198.51.100.1-198.51.100.3, {EI} }}']),
    '`conntrack` timeouts': nat([f'{{ {MASQ} }}'], TIMERS),
    '`random`': nat([f'{{ {MASQ}, random: true }}']),
    '`port-block-size`': nat([f'{{ {MASQ}, port-block-size: 64, port-block-limit: 1 }}']),
    'an ACCEPT rule before it': nat([f'{{ destination: {R2}, jump: ACCEPT }}', f'{{ {MASQ} }}']),
}
EIM, EIF, ADF, POOL, PAIRED, SLOW, RANDOM, BLOCKS, EXEMPT = list(CONFIGS)[1:]


class Gateway:
    def __init__(self, program, config):
        self.program, self.config = program, config
        self.sent, self.now = [], 1.0
        self.folder = tempfile.TemporaryDirectory(prefix='nat-conformance-')
        for name, text in ('ringwall.conf', CONF), ('policy.yaml', CONFIGS[config]):
            with open(self.path(name), 'w', encoding='ascii') as f:
                f.write(text)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def wait(self, seconds):
        self.now += seconds

    def send(self, port, *packets):
        """IP packets into a port; what they cause as [(port or 'host', Parsed)]."""
        self.now += 0.01
        when = int(self.now * 1e6)
        self.sent += [(when + i, port, F.eth(MAC[port], '02:00:00:00:09:01', F.ETH_IP, p)) for i, p in enumerate(packets)]
        command = [self.program, 'replay', '-c', self.path('ringwall.conf'), '--out', self.path('out')]
        for name in MAC:
            records = [(t, frame) for t, where, frame in self.sent if where == name]
            if records:
                F.pcap_write(self.path(f'{name}-in.pcap'), records)
                command += ['--in', f'{name}={self.path(f"{name}-in.pcap")}']
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f'replay: exit {done.returncode}\n{done.stdout}')
        out = []
        for name, file in ('lan', 'lan.pcap'), ('wan', 'wan.pcap'), ('host', 'host-lan.pcap'), ('host', 'host-wan.pcap'):
            if os.path.exists(self.path(f'out/{file}')):
                out += [(name, F.Parsed(frame)) for t, frame in F.pcap_read(self.path(f'out/{file}')) if t >= when]
        return [(name, p) for name, p in out if p.ethertype == F.ETH_IP]

    def verdicts(self):
        with open(self.path('out/verdicts.jsonl'), encoding='utf-8') as f:
            return [json.loads(line) for line in f]

    # ---- what most checks need

    def udp(self, port, src, sport, dst, dport, payload=b'hello', **more):
        return self.send(port, F.ipv4(src, dst, F.UDP, F.udp(src, dst, sport, dport, payload), **more))

    def tcp(self, port, src, sport, dst, dport, flags, seq=0, ack=0, payload=b'', **more):
        return self.send(port, F.ipv4(src, dst, F.TCP, F.tcp(src, dst, sport, dport, flags, seq, ack, payload=payload), **more))

    def ping(self, port, src, dst, ident, kind=8, **more):
        return self.send(port, F.ipv4(src, dst, F.ICMP, F.icmp(kind, 0, ident << 16 | 1, b'ping'), **more))

    def error(self, port, src, dst, kind, code, quoted, bad_csum=False):
        """An ICMP error about a packet (Parsed)."""
        return self.send(port, F.ipv4(src, dst, F.ICMP, F.icmp(kind, code, 0, quoted.ip[:28], bad_csum)))

    def connect(self, sport=5000, src=A, dst=R1):
        """A TCP connection from inside; its outside port."""
        syn = only(self.tcp('lan', src, sport, dst, 80, F.SYN, 100), 'wan')
        self.tcp('wan', dst, 80, syn.src, syn.sport, F.SYN | F.ACK, 500, 101)
        self.tcp('lan', src, sport, dst, 80, F.ACK, 101, 501)
        return syn.sport


def only(out, port):
    """The one packet that came out, at this port; None where it is otherwise."""
    return out[0][1] if len(out) == 1 and out[0][0] == port else None


def at(out, port, dst=None, dport=None):
    """Did exactly one packet come out, there, to this address and port?"""
    p = only(out, port)
    return p is not None and (dst is None or p.dst == dst) and (dport is None or p.dport == dport)


def end(p):
    return (p.src, p.sport) if p else None
