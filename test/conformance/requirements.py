"""Every requirement of the RFCs, a check each: what is sent through the gateway and what must come of it.

A row is (RFC, number, what it asks, configurations tried in order, check). The first configuration with which the check
holds is the result: "pass" for the default, else "by configuration". A check that is a text says why the requirement
cannot hold or cannot be seen in packets.
"""
import gateway as G
from gateway import A, B, F, OUT, R1, R2, ROUTER, at, end, only

DEFAULT = 'default'
ROWS = []


def row(rfc, number, what, *configs):
    def keep(check):
        ROWS.append((rfc, number, what, configs or (DEFAULT,), check))
        return check
    return keep


def text(rfc, number, what, result, why):
    ROWS.append((rfc, number, what, (), (result, why)))


# ---- mappings -------------------------------------------------------------------------------------------------------

def independent(g, proto):
    """One end towards two remotes, where another end already has the port that it would keep."""
    def go(src, dst):
        if proto == 'udp':
            return end(only(g.udp('lan', src, 5000, dst, 53), 'wan'))
        return end(only(g.tcp('lan', src, 5000, dst, 80, F.SYN, 100), 'wan'))
    first, other, again = go(A, R1), go(B, R2), go(B, R1)
    return None not in (first, other, again) and other == again


def overloaded(g, proto):
    """Do two ends have one outside end at a time?"""
    send = (lambda src, dst: g.udp('lan', src, 5000, dst, 53)) if proto == 'udp' else (
        lambda src, dst: g.tcp('lan', src, 5000, dst, 80, F.SYN, 1))
    return end(only(send(A, R1), 'wan')) == end(only(send(B, R2), 'wan'))


def paired(g):
    outside = {only(g.udp('lan', A, 5000 + i, f'203.0.113.{5 + i}', 53), 'wan').src for i in range(6)}
    return len(outside) == 1


def hairpin(g, proto):
    """B reaches A by A's outside end, and A sees B's outside end."""
    if proto == 'udp':
        a = only(g.udp('lan', A, 5001, R1, 53), 'wan')
        b = only(g.udp('lan', B, 5003, R1, 53), 'wan')
        p = only(g.udp('lan', B, 5003, a.src, a.sport), 'lan')
    else:
        a = only(g.tcp('lan', A, 5001, R1, 80, F.SYN, 1), 'wan')
        b = only(g.tcp('lan', B, 5003, R1, 80, F.SYN, 1), 'wan')
        p = only(g.tcp('lan', B, 5003, a.src, a.sport, F.SYN, 9), 'lan')
    return p is not None and (p.dst, p.dport) == (A, 5001) and (p.src, p.sport) == (b.src, b.sport)


def lives(g, seconds, refresh=0):
    """Does an answer arrive that long after the last packet from inside?"""
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    for _ in range(refresh):
        g.wait(seconds)
        g.udp('lan', A, 5000, R1, 53)
    g.wait(seconds)
    return at(g.udp('wan', R1, 53, p.src, p.sport), 'lan', A, 5000)


@row(4787, 'REQ-1', 'endpoint-independent mapping', DEFAULT, G.EIM)
def _(g):
    return independent(g, 'udp')


@row(4787, 'REQ-2', 'paired address pooling (recommended)', G.POOL, G.PAIRED)
def _(g):
    return paired(g)


@row(4787, 'REQ-3', 'no port overloading', DEFAULT, G.EIM)
def _(g):
    return not overloaded(g, 'udp')


@row(4787, 'REQ-3 a, b', 'ports below 1024 stay below, others above')
def _(g):
    low = [only(g.udp('lan', src, 700, R1, 53), 'wan').sport for src in (A, B)]
    high = [only(g.udp('lan', src, 7000, R1, 53), 'wan').sport for src in (A, B)]
    return all(p < 1024 for p in low) and all(p >= 1024 for p in high)


@row(4787, 'REQ-4', "parity of the port is kept (recommended)", DEFAULT, G.EIM)
def _(g):
    return all(only(g.udp('lan', src, port, R1, 53), 'wan').sport % 2 == port % 2
               for port in (5001, 5002, 5003, 5004, 5006, 5008) for src in (A, B))


@row(4787, 'REQ-5', 'a UDP mapping lives 2 minutes at least, also one that nobody answered', DEFAULT, G.SLOW)
def _(g):
    return lives(g, 119)


@row(4787, 'REQ-6', 'what leaves keeps the mapping alive')
def _(g):
    return lives(g, 20, refresh=4)


text(4787, 'REQ-7', 'networks inside and outside that overlap', 'not tried',
     'the operator chooses the addresses inside; zones keep equal ones apart')


@row(4787, 'REQ-8', 'endpoint-independent filtering (recommended for transparency)', DEFAULT, G.EIF)
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    return at(g.udp('wan', R2, 999, p.src, p.sport), 'lan', A, 5000)


@row(4787, 'REQ-8', 'address-dependent filtering (recommended for security)', DEFAULT, G.ADF)
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    return at(g.udp('wan', R1, 999, p.src, p.sport), 'lan', A, 5000) and not g.udp('wan', R2, 53, p.src, p.sport)


@row(4787, 'REQ-9', 'hairpin, with the outside address and port as source', DEFAULT, G.EIF)
def _(g):
    return hairpin(g, 'udp')


@row(4787, 'REQ-10', 'no application gateway acts unless asked for')
def _(g):
    sip = f'REGISTER sip:r SIP/2.0\r\nVia: SIP/2.0/UDP {A}:5060\r\nContact: <sip:a@{A}:5060>\r\n\r\n'.encode()
    p = only(g.udp('lan', A, 5060, R1, 5060, sip), 'wan')
    return p is not None and p.l4[8:] == sip


@row(4787, 'REQ-11', 'the same behaviour whatever else is mapped', DEFAULT, G.EIM)
def _(g):
    return independent(g, 'udp') and not overloaded(g, 'udp')


@row(4787, 'REQ-12', 'an ICMP error does not end a mapping')
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    g.error('wan', ROUTER, OUT, 3, 1, p)
    return at(g.udp('wan', R1, 53, p.src, p.sport), 'lan', A, 5000)


@row(4787, 'REQ-13', 'too large with DF: ICMP says so')
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53, bytes(1450), frag=0x4000), 'lan')
    return p is not None and (p.kind, p.code, p.dst) == (3, 4, A)


@row(4787, 'REQ-13 a', 'too large without DF: in fragments')
def _(g):
    out = g.udp('lan', A, 5000, R1, 53, bytes(1450))
    return len(out) == 2 and all(port == 'wan' and p.frag and p.src == OUT for port, p in out)


def fragments(g, order):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    l4 = F.udp(R1, p.src, 53, p.sport, bytes(2000))
    parts = [F.ipv4(R1, p.src, F.UDP, l4[:1200], ident=7, frag=0x2000), F.ipv4(R1, p.src, F.UDP, l4[1200:], ident=7, frag=150)]
    out = g.send('wan', *[parts[i] for i in order])
    return out and all(port == 'lan' and q.dst == A for port, q in out)


@row(4787, 'REQ-14', 'fragments in order')
def _(g):
    return fragments(g, (0, 1))


@row(4787, 'REQ-14 a', 'fragments out of order')
def _(g):
    return fragments(g, (1, 0))


# ---- TCP ------------------------------------------------------------------------------------------------------------

@row(5382, 'REQ-1', 'endpoint-independent mapping for TCP', DEFAULT, G.EIM)
def _(g):
    return independent(g, 'tcp')


@row(5382, 'REQ-2', 'the three-way handshake, data, and the end')
def _(g):
    port = g.connect()
    data = g.tcp('wan', R1, 80, OUT, port, F.ACK | F.PSH, 501, 101, b'page')
    fin = g.tcp('wan', R1, 80, OUT, port, F.FIN | F.ACK, 505, 101)
    done = g.tcp('lan', A, 5000, R1, 80, F.FIN | F.ACK, 101, 506)
    return at(data, 'lan', A, 5000) and at(fin, 'lan', A, 5000) and at(done, 'wan', R1, 80)


@row(5382, 'REQ-2 b', 'simultaneous open')
def _(g):
    p = only(g.tcp('lan', A, 5000, R1, 80, F.SYN, 100), 'wan')
    syn = g.tcp('wan', R1, 80, p.src, p.sport, F.SYN, 500)
    ours = g.tcp('lan', A, 5000, R1, 80, F.SYN | F.ACK, 100, 501)
    theirs = g.tcp('wan', R1, 80, p.src, p.sport, F.SYN | F.ACK, 500, 101)
    return at(syn, 'lan', A, 5000) and at(ours, 'wan', R1, 80) and at(theirs, 'lan', A, 5000)


@row(5382, 'REQ-3', 'endpoint-independent filtering for TCP (recommended for transparency)', DEFAULT, G.EIF)
def _(g):
    p = only(g.tcp('lan', A, 5000, R1, 80, F.SYN, 100), 'wan')
    return at(g.tcp('wan', R2, 999, p.src, p.sport, F.SYN, 7), 'lan', A, 5000)


@row(5382, 'REQ-4', 'an unwanted SYN is not answered for 6 seconds (filter INPUT: DROP)')
def _(g):
    return g.tcp('wan', R1, 999, OUT, 5000, F.SYN, 7) == []


@row(5382, 'REQ-5', 'an established connection lives 2 h 4 min without a packet')
def _(g):
    port = g.connect()
    g.wait(7440)
    return at(g.tcp('wan', R1, 80, OUT, port, F.ACK | F.PSH, 501, 101, b'page'), 'lan', A, 5000)


@row(5382, 'REQ-5', 'one that is not established lives 4 minutes', DEFAULT, G.SLOW)
def _(g):
    p = only(g.tcp('lan', A, 5000, R1, 80, F.SYN, 100), 'wan')
    g.wait(239)
    return at(g.tcp('wan', R1, 80, p.src, p.sport, F.SYN | F.ACK, 500, 101), 'lan', A, 5000)


@row(5382, 'REQ-6', 'no application gateway acts unless asked for')
def _(g):
    syn = only(g.tcp('lan', A, 5000, R1, 21, F.SYN, 100), 'wan')
    g.tcp('wan', R1, 21, OUT, syn.sport, F.SYN | F.ACK, 500, 101)
    g.tcp('lan', A, 5000, R1, 21, F.ACK, 101, 501)
    line = b'PORT 192,168,1,10,20,21\r\n'
    p = only(g.tcp('lan', A, 5000, R1, 21, F.ACK | F.PSH, 101, 501, line), 'wan')
    return p is not None and p.l4[20:] == line


@row(5382, 'REQ-7', 'no port overloading', DEFAULT, G.EIM)
def _(g):
    return not overloaded(g, 'tcp')


@row(5382, 'REQ-8', 'hairpin, with the outside address and port as source', DEFAULT, G.EIF)
def _(g):
    return hairpin(g, 'tcp')


@row(5382, 'REQ-9', 'ICMP destination unreachable is translated')
def _(g):
    p = only(g.tcp('lan', A, 5000, R1, 80, F.SYN, 100), 'wan')
    e = only(g.error('wan', ROUTER, OUT, 3, 1, p), 'lan')
    return e is not None and e.dst == A and F.Parsed(e.l4[8:], l3=True).src == A


@row(5382, 'REQ-10', 'no ICMP ends a connection')
def _(g):
    port = g.connect()
    p = only(g.tcp('lan', A, 5000, R1, 80, F.ACK | F.PSH, 101, 501, b'GET'), 'wan')
    for kind, code in ((3, 1), (3, 3), (11, 0)):
        g.error('wan', ROUTER, OUT, kind, code, p)
    return at(g.tcp('wan', R1, 80, OUT, port, F.ACK | F.PSH, 501, 104, b'page'), 'lan', A, 5000)


# ---- ICMP -----------------------------------------------------------------------------------------------------------

@row(5508, 'REQ-1', 'queries from inside and their answers')
def _(g):
    p = only(g.ping('lan', A, R1, 77), 'wan')
    return p.src == OUT and at(g.ping('wan', R1, OUT, p.sport, 0), 'lan', A)


@row(5508, 'REQ-2', 'a query lives 60 seconds', DEFAULT, G.SLOW)
def _(g):
    p = only(g.ping('lan', A, R1, 77), 'wan')
    g.wait(59)
    return at(g.ping('wan', R1, OUT, p.sport, 0), 'lan', A)


@row(5508, 'REQ-3', 'an error with a wrong checksum is dropped silently')
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    return g.error('wan', ROUTER, OUT, 3, 1, p, bad_csum=True) == []


@row(5508, 'REQ-4', 'errors from outside reach the sender inside, translated')
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    e = only(g.error('wan', ROUTER, OUT, 11, 0, p), 'lan')
    quote = F.Parsed(e.l4[8:], l3=True) if e else None
    return e is not None and e.dst == A and (quote.src, quote.sport) == (A, 5000) and F.csum(e.l4) == 0


@row(5508, 'REQ-5', 'errors from inside go out with the outside address, translated')
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    q = only(g.udp('wan', R1, 53, p.src, p.sport), 'lan')
    e = only(g.error('lan', A, R1, 3, 3, q), 'wan')
    quote = F.Parsed(e.l4[8:], l3=True) if e else None
    return e is not None and e.src == OUT and (quote.dst, quote.dport) == (OUT, p.sport) and F.csum(e.l4) == 0


@row(5508, 'REQ-6', 'errors about hairpinned packets go back the same way', DEFAULT, G.EIF)
def _(g):
    a = only(g.udp('lan', A, 5001, R1, 53), 'wan')
    if not a:
        return False
    q = only(g.udp('lan', B, 5003, a.src, a.sport), 'lan')
    if not q or q.dst != A:
        return False
    e = only(g.error('lan', A, q.src, 3, 3, q), 'lan')
    return e is not None and e.dst == B and F.Parsed(e.l4[8:], l3=True).src == B


text(5508, 'REQ-7', 'hairpin of queries (basic NAT)', 'fail',
     'a mapping lets no ICMP query in; DNAT and SNAT, or NETMAP, with rules for both sides do it for chosen addresses')


@row(5508, 'REQ-8', 'an error neither refreshes nor ends a mapping')
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    g.wait(20)
    g.error('wan', ROUTER, OUT, 3, 1, p)
    g.wait(15)
    return g.udp('wan', R1, 53, p.src, p.sport) == []


text(5508, 'REQ-9', 'no mapping to be had: ICMP unreachable, administratively prohibited (should)', 'fail',
     'the packet is dropped and counted (NAT_NO_PORT); nothing is sent, as netfilter does')


@row(5508, 'REQ-10', 'destination unreachable, time exceeded and echo pass')
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    return all(at(g.error('wan', ROUTER, OUT, kind, code, p), 'lan', A)
               for kind, code in ((3, 0), (3, 3), (3, 4), (3, 13), (11, 0), (12, 0)))


@row(5508, 'REQ-11', 'other ICMP may pass or not: redirects do not')
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    return g.error('wan', ROUTER, OUT, 5, 1, p) == []


# ---- carrier-grade --------------------------------------------------------------------------------------------------

@row(6888, 'REQ-1', 'what RFC 4787, 5382 and 5508 ask: endpoint-independent mapping above all', DEFAULT, G.EIM)
def _(g):
    return independent(g, 'udp') and not overloaded(g, 'tcp')


@row(6888, 'REQ-2', 'paired address pooling', G.POOL, G.PAIRED)
def _(g):
    return paired(g)


text(6888, 'REQ-3', 'no limits on size and contiguity of the pool (should)', 'not tried',
     'a rule takes one range of any size; pools in pieces are a rule for each, chosen by the source')
@row(6888, 'REQ-4', 'limits of ports per subscriber', DEFAULT, G.BLOCKS)
def _(g):
    out = g.send('lan', *(F.ipv4(A, R1, F.UDP, F.udp(A, R1, 2000 + i, 53, b'x')) for i in range(80)))
    ports = {p.sport for _, p in out}
    other = only(g.udp('lan', B, 2000, R1, 53), 'wan')
    return len(out) == len(ports) == 64 and other is not None and other.sport not in ports


text(6888, 'REQ-5', 'limits of state per subscriber (should)', 'by configuration',
     '`max_per_source` in `conntrack`, or the match connlimit')


@row(6888, 'REQ-6', 'translation can be left out for destinations', G.EXEMPT)
def _(g):
    return only(g.udp('lan', A, 5000, R2, 53), 'wan').src == A and only(g.udp('lan', A, 5000, R1, 53), 'wan').src == OUT


@row(6888, 'REQ-7', 'endpoint-independent filtering (recommended)', DEFAULT, G.EIF)
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    return at(g.udp('wan', R2, 999, p.src, p.sport), 'lan', A, 5000)


@row(6888, 'REQ-8', 'a port is not given to another subscriber for 120 seconds (should)', DEFAULT, G.EIM, G.BLOCKS)
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    for _ in range(2):  # the flow is gone after 30 seconds
        g.wait(60)
        g.udp('lan', A, 6000, R2, 53)
    return only(g.udp('lan', B, 5000, R1, 53), 'wan').sport != p.sport


text(6888, 'REQ-9', 'Port Control Protocol', 'fail', 'not there')
text(6888, 'REQ-10', 'a MIB (should)', 'fail', '`ringwall stats --json` has the counters; there is no SNMP agent')
text(6888, 'REQ-11', 'no mapping to be had: ICMP unreachable (should)', 'fail', 'dropped and counted (NAT_NO_PORT)')
text(6888, 'REQ-12', 'destinations are not logged unless asked for (should not)', 'not tried',
     'nothing is logged unless asked for')


@row(6888, 'REQ-13', 'ports are used to the last')
def _(g):
    return all(only(g.udp('lan', A, 40000 + i, R1, 53), 'wan').sport == 40000 + i for i in range(3)) and overloaded(g, 'udp')


text(6888, 'REQ-14', 'small logs (should): port blocks', 'by configuration',
     '`port-block-size`, and `events = [ "assign", "release" ]` of a flow log; or `deterministic`, and no log')


@row(6888, 'REQ-15', 'ports are hard to guess (should)', DEFAULT, G.RANDOM)
def _(g):
    ports = [only(g.udp('lan', A, 5000 + i, R1, 53), 'wan').sport for i in range(4)]
    return len({p - i for i, p in enumerate(ports)}) == len(ports)


# ---- updates --------------------------------------------------------------------------------------------------------

@row(7857, 'TCP session tracking', 'a connection that never opened goes after 4 minutes, an open one stays')
def _(g):
    p = only(g.tcp('lan', A, 5001, R1, 80, F.SYN, 100), 'wan')
    port = g.connect(5000)
    g.wait(400)
    return g.tcp('wan', R1, 80, OUT, p.sport, F.SYN | F.ACK, 500, 101) == [] and at(
        g.tcp('wan', R1, 80, OUT, port, F.ACK | F.PSH, 501, 101, b'x'), 'lan', A, 5000)


@row(7857, 'TCP RST', 'a reset in the window shortens the life of a mapping, one outside of it does not')
def _(g):
    port = g.connect()
    g.tcp('wan', R1, 80, OUT, port, F.RST, 500 + 2 ** 30)
    alive = at(g.tcp('wan', R1, 80, OUT, port, F.ACK | F.PSH, 501, 101, b'x'), 'lan', A, 5000)
    g.tcp('wan', R1, 80, OUT, port, F.RST, 502)
    g.wait(60)
    return alive and g.tcp('wan', R1, 80, OUT, port, F.ACK | F.PSH, 502, 101, b'x') == []


@row(7857, 'Port overlapping', 'only towards different destinations, where it is done at all')
def _(g):
    a, b = only(g.udp('lan', A, 5000, R1, 53), 'wan'), only(g.udp('lan', B, 5000, R1, 53), 'wan')
    return end(a) != end(b)


@row(7857, 'Address pooling paired', 'one outside address for each inside address', G.POOL, G.PAIRED)
def _(g):
    return paired(g)


@row(7857, 'EIM protocol independence', "UDP's and TCP's mappings are apart", G.EIF)
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    return g.tcp('wan', R1, 53, p.src, p.sport, F.SYN, 7) == []


@row(7857, 'EIF mapping refresh', 'packets from outside alone do not keep a mapping', G.EIF)
def _(g):
    p = only(g.udp('lan', A, 5000, R1, 53), 'wan')
    for _ in range(4):
        g.wait(10)
        g.udp('wan', R2, 999, p.src, p.sport)
    return g.udp('wan', '203.0.113.7', 1, p.src, p.sport) == []


@row(7857, 'Port parity', 'may be left: see RFC 4787 REQ-4', DEFAULT)
def _(g):
    return only(g.udp('lan', A, 5001, R1, 53), 'wan').sport % 2 == 1


@row(7857, 'Port randomization', 'ports are chosen at random (RFC 6056)', DEFAULT, G.RANDOM)
def _(g):
    return len({only(g.udp('lan', A, 5000 + i, R1, 53), 'wan').sport - i for i in range(4)}) == 4


text(7857, 'IP identification', 'fragments of two inside hosts do not mix outside (should)', 'fail',
     'a packet keeps its identification, as in netfilter')


@row(7857, 'ICMP query mapping timeout', '60 seconds', DEFAULT, G.SLOW)
def _(g):
    p = only(g.ping('lan', A, R1, 77), 'wan')
    g.wait(59)
    return at(g.ping('wan', R1, OUT, p.sport, 0), 'lan', A)


text(7857, 'Hairpinning of ICMP', 'queries (should)', 'fail', 'see RFC 5508 REQ-7')
