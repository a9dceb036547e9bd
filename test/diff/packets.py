"""Random conversations: what hosts on both sides, and the gateway's own host, say to each other.

A case is a list of flows and a list of operations, plain data. An operation becomes a frame only when it is its
turn (Talk.frame), because an answer is written to what the other side really saw: the translated packet.
"""
import frames as F
import solos
import world

ECHO = {4: (F.ICMP, 8, 0), 6: (F.ICMP6, 128, 129)}

TCP_SCRIPTS = [
    ['syn', 'synack', 'ack', 'data', 'rdata', 'fin', 'rfin', 'ack'],
    ['syn', 'synack', 'ack', 'data', 'rdata', 'data', 'rst'],
    ['syn', 'synack', 'ack', 'rdata', 'rfin', 'fin', 'rack'],
    ['syn', 'synack', 'ack', 'data', 'far', 'badcsum', 'rdata', 'err', 'data'],
    ['syn', 'syn', 'synack', 'synack', 'ack', 'data'],
    ['syn', 'rrst', 'syn'], ['syn', 'err'], ['syn', 'rst', 'data'], ['syn', 'rack', 'synack', 'ack'],
    ['syn', 'synack', 'ack', 'fin', 'rack', 'rfin', 'ack', 'syn', 'synack', 'ack'],
    ['syn', 'synack', 'ack', 'rstfar', 'data', 'rdata'], ['syn', 'data', 'synack'],
    ['data', 'rdata', 'data'], ['ack', 'rack', 'data'], ['synack', 'syn'], ['fin'], ['rst'], ['rdata', 'data'],
    ['xmas', 'null', 'synfin', 'short', 'doff'], ['badcsum', 'syn', 'synack', 'badcsum', 'ack'],
    ['syn', 'synack', 'ack', 'data', 'rerr', 'rdata', 'rerr'],
]
UDP_SCRIPTS = [
    ['o', 'r', 'o', 'r'], ['o', 'r', 'o', 'r', 'err', 'rerr'], ['o', 'o', 'err'], ['o', 'err', 'r'], ['r', 'o'],
    ['badcsum', 'o', 'r'], ['zerocsum', 'r'], ['badlen', 'short', 'o'], ['o', 'badcsum', 'r', 'o'], ['frag', 'r', 'frag'],
    ['big', 'r', 'bigdf', 'o'],
]
ECHO_SCRIPTS = [
    ['o', 'r', 'o', 'r'], ['o', 'err'], ['r', 'o', 'r'], ['o', 'r', 'rerr'], ['badcsum', 'o', 'r'], ['o', 'o', 'r'],
    ['big', 'r'], ['frag', 'r'], ['bigdf', 'o'],
]
OTHER_SCRIPTS = [['o', 'r', 'o'], ['o', 'err'], ['r', 'o']]
SOLO = ['ttl1', 'ttl0', 'badip', 'badver', 'cutip', 'longlen', 'options', 'exthdr', 'martian', 'nodest', 'icmpodd',
        'notours', 'pad', 'bcast', 'arpish', 'strayerr', 'badquote', 'ttl1tcp', 'tos'] + solos.NAMES


def flow_ends(rng, family):
    """(side, source, destination) of a new flow."""
    lan, wan, own = world.LAN[family], world.WAN[family], world.OWN[family]
    side = rng.choices(['lan', 'wan', 'host'], [5, 4, 2])[0]
    if side == 'lan':
        dst = rng.choice(rng.choices([wan, own, lan, world.NOWHERE[family]], [12, 6, 1, 1])[0])
        return side, rng.choice(lan), dst
    if side == 'wan':
        dst = rng.choice(rng.choices([own[1:], lan, own[:1], wan, world.NOWHERE[family]], [9, 8, 2, 1, 1])[0])
        return side, rng.choice(wan), dst
    dst = rng.choice(lan + wan)
    egress = world.route(dst)[0]
    return side, rng.choice(own[:1] if egress == 'lan' else own[1:]), dst


def random_case(rng, family, length=40):
    flows, scripts = [], []
    sports = rng.sample(world.CLIENTS, len(world.CLIENTS))
    while sum(len(s) for s in scripts) < length - 4 and sports:
        side, src, dst = flow_ends(rng, family)
        if src == dst:
            continue
        proto = rng.choices([F.TCP, F.UDP, ECHO[family][0], F.ESP, 99], [10, 6, 5, 1, 1])[0]
        table = {F.TCP: TCP_SCRIPTS, F.UDP: UDP_SCRIPTS, ECHO[family][0]: ECHO_SCRIPTS}.get(proto, OTHER_SCRIPTS)
        script = list(rng.choice(table))
        if side == 'host':  # its raw socket writes what it is told, but not what is broken
            script = [s for s in script if s not in ('short', 'doff', 'badlen', 'big', 'bigdf', 'frag')] or ['o']
            if proto == F.TCP and script == ['o']:
                script = ['syn', 'synack', 'ack']
        flows.append({'side': side, 'src': src, 'dst': dst, 'proto': proto, 'sport': sports.pop(),
                      'dport': rng.choice(world.SERVICES), 'isn': [rng.getrandbits(32), rng.getrandbits(32)],
                      'ttl': rng.choice([64, 64, 64, 128, 2]), 'scale': rng.random() < 0.3})
        scripts.append(script)
    ops = []
    queue = [(i, list(s)) for i, s in enumerate(scripts)]
    while queue and len(ops) < length:
        if rng.random() < 0.1:
            side, src, dst = flow_ends(rng, family)
            if side != 'host':
                ops.append({'f': None, 'do': rng.choice(SOLO), 'side': side, 'src': src, 'dst': dst,
                            'n': rng.randrange(1000)})
                continue
        at = rng.randrange(min(3, len(queue)))  # flows overlap, but do not all wait for each other
        i, script = queue[at]
        ops.append({'f': i, 'do': script.pop(0), 'n': rng.randrange(1000)})
        if not script:
            queue.pop(at)
    return {'flows': flows, 'ops': ops}


class Talk(solos.Solos):
    """The state of a case's flows while it runs. ident counts IPv4 identifications."""
    ident = 0

    def __init__(self, case, family):
        Talk.ident = 0  # the same case gives the same frames
        self.family = family
        self.case = case
        self.flows = [dict(f) for f in case['flows']]
        self.flow = [{'fwd': None, 'rev': None, 'sent': None, 'rsent': None,
                      'seq': [(f['isn'][0] + 1) & 0xffffffff, (f['isn'][1] + 1) & 0xffffffff]} for f in case['flows']]

    def learn(self, op, sent, seen):
        """seen: (place, Parsed) that came out because of `sent` (Parsed). Remembers what the far side got."""
        if op['f'] is None or not sent.ok or op['do'] in ('err', 'rerr'):
            return
        st = self.flow[op['f']]
        reply = self.is_reply(op['do'])
        for place, p in seen:
            if sent.frag and p.ok and p.proto == sent.proto and p.offset == 0:
                pass  # sent is the last piece; the first one out has the ports
            elif not (p.ok and p.proto == sent.proto and p.kind == sent.kind and p.flags == sent.flags
                      and (p.seq == sent.seq if p.proto == F.TCP else p.l4[8:] == sent.l4[8:])):
                continue
            st['rev' if reply else 'fwd'] = (place, p)
            return

    @staticmethod
    def is_reply(do):
        return do in ('r', 'synack', 'rdata', 'rfin', 'rrst', 'rack', 'rsay', 'rsayagain', 'rsack')

    def frame(self, op):
        """[(where it enters: 'lan', 'wan', 'host:lan', 'host:wan'; frame)] of an operation."""
        if op['f'] is None:
            return self.solo(op)
        f, st = self.flows[op['f']], self.flow[op['f']]
        if not self.ready(f):
            return []
        if op['do'] in ('err', 'rerr'):
            return self.error(op, f, st)
        if self.is_reply(op['do']):
            if st['fwd']:
                place, p = st['fwd']
                ends = (p.dst, p.src, p.dport, p.sport)
            else:
                place = world.route(f['dst'])[0] or 'wan'
                ends = (f['dst'], f['src'], f['dport'], f['sport'])
            if f['proto'] == ECHO[self.family][0]:  # an identifier is no pair of ports
                ends = ends[:2] + ((st['fwd'][1].sport if st['fwd'] else f['sport']),) * 2
            side = 'host' if place in ('host', 'local') else place
        else:
            ends, side = (f['src'], f['dst'], f['sport'], f['dport']), f['side']
        if side == 'host' and world.route(ends[1])[0] not in world.PORTS:
            return []  # the host does not talk to itself through its ports
        packets = self.l3(op, f, st, ends)
        return [(self.entry(side, ends[1]), self.link(side, ends, p)) for p in packets]

    def ready(self, f):
        """Are the ends of the flow known? Those of one that another flow announces are not from the start."""
        return 'src' in f

    def says(self, op, f, st, ends):
        """The payload of a packet, None: whatever."""
        return None

    def acknowledges(self, st, me):
        """The sequence number up to which this side has all of the other's."""
        return st['seq'][1 - me]

    # ---- where, and the link header
    def entry(self, side, dst):
        if side != 'host':
            return side
        return 'host:' + world.route(dst)[0]

    def link(self, side, ends, packet):
        kind = F.ETH_IP if self.family == 4 else F.ETH_IP6
        if side == 'host':
            egress, via = world.route(ends[1])
            return F.eth(world.lladdr(via), world.MAC[egress], kind, packet)
        onlink = (side, ends[0]) in world.NEIGHBOURS
        return F.eth(world.MAC[side], world.lladdr(ends[0] if onlink else world.ROUTER[self.family][side]), kind, packet)

    def ip(self, src, dst, proto, payload, ttl=64, **more):
        if self.family == 6:
            for key in ('ident', 'frag', 'options', 'bad_csum', 'tos', 'version'):
                more.pop(key, None)
            return F.ipv6(src, dst, proto, payload, hops=ttl, **more)
        if 'ident' not in more:
            Talk.ident = Talk.ident % 65000 + 1
            more['ident'] = Talk.ident
        return F.ipv4(src, dst, proto, payload, ttl=ttl, **more)

    def echo(self, ends, request, ident, seq, payload, **more):
        proto, req, rep = ECHO[self.family]
        kind = req if request else rep
        if self.family == 4:
            return proto, F.icmp(kind, 0, ident << 16 | seq, payload, **more)
        return proto, F.icmp6(ends[0], ends[1], kind, 0, ident << 16 | seq, payload, **more)

    def fragments(self, src, dst, proto, l4, sizes, ttl, df=False):
        """The datagram in pieces of the given payload sizes (multiples of 8; the last takes the rest)."""
        out, at = [], 0
        Talk.ident = Talk.ident % 65000 + 1
        for i in range(len(sizes) + 1):
            piece = l4[at:at + sizes[i]] if i < len(sizes) else l4[at:]
            more = i < len(sizes)
            if self.family == 4:
                out.append(F.ipv4(src, dst, proto, piece, ttl=ttl, ident=Talk.ident,
                                  frag=at // 8 | (0x2000 if more else 0) | (0x4000 if df else 0)))
            else:
                out.append(F.ipv6(src, dst, 44, F.ip6_fragment(proto, at, more, Talk.ident) + piece, hops=ttl))
            at += len(piece)
        return out

    # ---- one flow's packets
    def l3(self, op, f, st, ends):
        src, dst, sport, dport = ends
        do, ttl = op['do'], f['ttl'] if not self.is_reply(op['do']) else 64
        if f['side'] == 'host' and not self.is_reply(do):
            ttl = 64
        if f['proto'] == F.TCP:
            return [self.ip(src, dst, F.TCP, self.tcp(op, f, st, ends), ttl)]
        payload = self.says(op, f, st, ends) or b'op%03d' % op['n'] + bytes(range(20 + op['n'] % 7))
        size = {'big': 1450, 'bigdf': 1430, 'frag': 2000}.get(do, 0)
        if f['side'] == 'wan' and do != 'frag':
            size = min(size, world.MTU['wan'] - 60)  # a device takes no more than its own MTU in
        payload += bytes(i & 0xff for i in range(max(0, size - len(payload))))
        if f['proto'] == F.UDP:
            proto = F.UDP
            l4 = F.udp(src, dst, sport, dport, payload, bad_csum=do == 'badcsum', zero_csum=do == 'zerocsum',
                       length={'badlen': 8 + len(payload) + 9}.get(do))
        elif f['proto'] == ECHO[self.family][0]:
            proto, l4 = self.echo(ends, do != 'r', sport, 1 + op['n'] % 9, payload, bad_csum=do == 'badcsum')
        else:
            proto, l4 = f['proto'], payload
        if do == 'short':
            l4 = l4[:5]
        if do == 'frag':
            pieces = self.fragments(src, dst, proto, l4, [1000] if op['n'] % 2 else [680, 680], ttl)
            return pieces[::-1] if op['n'] % 3 == 0 else pieces
        return [self.ip(src, dst, proto, l4, ttl, frag=0x4000 if do == 'bigdf' else 0)]

    def tcp(self, op, f, st, ends):
        src, dst, sport, dport = ends
        do = op['do']
        me = 1 if self.is_reply(do) else 0
        seq, ack = st['seq'][me], self.acknowledges(st, me)
        payload, options, more = self.says(op, f, st, ends) or b'', b'', {}
        flags = {'syn': F.SYN, 'synack': F.SYN | F.ACK, 'fin': F.FIN | F.ACK, 'rfin': F.FIN | F.ACK, 'rst': F.RST,
                 'rrst': F.RST | F.ACK, 'rstfar': F.RST, 'xmas': F.FIN | F.PSH | F.URG, 'null': 0,
                 'synfin': F.SYN | F.FIN}.get(do, F.ACK)
        if do in ('syn', 'synack'):
            seq = f['isn'][me]
            ack = ack if do == 'synack' else 0
            options = b'\x02\x04\x05\xb4' + (b'\x01\x03\x03\x07' if f['scale'] else b'')
            options += b'\x01\x01\x04\x02' if f.get('sack') else b''
        elif do in ('data', 'rdata', 'badcsum', 'far'):
            flags |= F.PSH
            payload = b'op%03d' % op['n'] + bytes(40)
        if do == 'far' or do == 'rstfar':
            seq = (seq + 0x20000000) & 0xffffffff
        elif do == 'badcsum':
            more['bad_csum'] = True
        elif do == 'doff':
            more['doff'] = 3 if op['n'] % 2 else 12
        elif payload or flags & F.FIN and do in ('fin', 'rfin'):
            st['seq'][me] = (seq + len(payload) + (1 if flags & F.FIN else 0)) & 0xffffffff
        segment = F.tcp(src, dst, sport, dport, flags, seq, ack, options=options, payload=payload, **more)
        return segment[:11] if do == 'short' else segment

    # ---- ICMP errors about a flow's packets
    def error(self, op, f, st):
        about = st['rev'] if op['do'] == 'rerr' else st['fwd']
        if about is None:
            packets = self.l3({'do': 'syn' if f['proto'] == F.TCP else 'o', 'n': op['n'], 'f': op['f']}, f, st,
                              (f['src'], f['dst'], f['sport'], f['dport']))
            p = F.Parsed(packets[0], l3=True)
            place = world.route(f['dst'])[0] or 'wan'
        else:
            place, p = about
        side = 'host' if place in ('host', 'local') else place
        if side == 'host':
            src = p.dst
        else:
            src = p.dst if op['n'] % 2 else world.ROUTER[self.family][side]
        if side == 'host' and world.route(p.src)[0] not in world.PORTS:
            return []
        l4 = self.icmp_error(op['n'], p.ip, src, p.src)
        ends = (src, p.src, 0, 0)
        packet = self.ip(src, p.src, ECHO[self.family][0], l4)
        return [(self.entry(side, p.src), self.link(side, ends, packet))]

    def icmp_error(self, n, quoted, src, dst):
        if self.family == 4:
            kind, code, rest = [(3, 3, 0), (3, 1, 0), (11, 0, 0), (3, 4, 1300), (12, 0, 20 << 24), (3, 13, 0), (4, 0, 0)][n % 7]
            quote = quoted if n % 3 else quoted[:(quoted[0] & 15) * 4 + 8]
            return F.icmp(kind, code, rest, quote[:520])
        kind, code, rest = [(1, 4, 0), (1, 0, 0), (3, 0, 0), (2, 0, 1300), (4, 0, 6), (1, 3, 0)][n % 6]
        return F.icmp6(src, dst, kind, code, rest, (quoted if n % 3 else quoted[:48])[:1200])

    # ---- frames that belong to no flow
    def solo(self, op):
        src, dst, side, n = op['src'], op['dst'], op['side'], op['n']
        do = op['do']
        ends = (src, dst, world.CLIENTS[n % 16], world.SERVICES[n % 6])
        datagram = F.udp(*ends, b'solo%03d' % n)
        packet = self.ip(src, dst, F.UDP, datagram)
        make = getattr(self, 'solo_' + do, None)
        if make:
            frame = make(op, ends, datagram, packet)
            return [(side, f) for f in (frame if isinstance(frame, list) else [frame])]
        simple = {
            'ttl1': lambda: self.ip(src, dst, F.UDP, datagram, 1),
            'ttl0': lambda: self.ip(src, dst, F.UDP, datagram, 0),
            'ttl1tcp': lambda: self.ip(src, dst, F.TCP, F.tcp(*ends, F.SYN, 1), 1),
            'badip': lambda: self.ip(src, dst, F.UDP, datagram, bad_csum=True),
            'badver': lambda: bytes([packet[0] & 15 | 0x70]) + packet[1:],
            'cutip': lambda: packet[:9 + n % 9],
            'longlen': lambda: self.ip(src, dst, F.UDP, datagram, length=900),
            'options': lambda: self.ip(src, dst, F.UDP, datagram, options=b'\x01\x01\x01\x00'),
            'tos': lambda: self.ip(src, dst, F.UDP, datagram, **({'tos': 0xb8} if self.family == 4 else {'tclass': 0xb8})),
            'pad': lambda: packet + b'\xee' * 13,
        }
        return [(side, self.link(side, ends, simple[do]()))]

    def solo_exthdr(self, op, ends, datagram, packet):
        side, (src, dst) = op['side'], ends[:2]
        if self.family == 4:
            return self.link(side, ends, packet)
        if op['n'] % 3 == 0:
            body, first = F.ip6_options(0, F.UDP) + datagram, 0
        elif op['n'] % 3 == 1:
            body, first = F.ip6_options(60, F.UDP, 16) + datagram, 60
        else:
            body, first = F.ip6_options(0, 60) + F.ip6_options(60, F.UDP) + datagram, 0
        return self.link(side, ends, F.ipv6(src, dst, first, body))

    def solo_martian(self, op, ends, datagram, packet):
        four = ['127.0.0.1', '224.0.0.1', '0.0.0.0', '255.255.255.255', world.OWN[4][op['n'] % 3], '240.0.0.1']
        six = ['::1', 'ff02::1', '::', world.OWN[6][op['n'] % 3]]
        src = (four if self.family == 4 else six)[op['n'] % (6 if self.family == 4 else 4)]
        new = (src,) + ends[1:]
        return self.link(op['side'], ends, self.ip(src, ends[1], F.UDP, F.udp(*new, b'martian')))

    # No multicast here: the kernel knows which groups its host joined and drops the rest before INPUT; Ringwall
    # gives all of it to INPUT and lets the host choose. No "::" either, which the kernel forwards.
    def solo_nodest(self, op, ends, datagram, packet):
        dst = (['127.0.0.1', '0.0.0.0', '240.0.0.9'] if self.family == 4
               else ['::1'] * 3)[op['n'] % 3]
        new = ends[:1] + (dst,) + ends[2:]
        return self.link(op['side'], ends, self.ip(ends[0], dst, F.UDP, F.udp(*new, b'nowhere')))

    def solo_bcast(self, op, ends, datagram, packet):
        if self.family == 6:
            return self.link(op['side'], ends, packet)
        net = '192.168.1.255' if op['side'] == 'lan' else '198.51.100.255'
        dst = net if op['n'] % 2 else '255.255.255.255'
        new = ends[:1] + (dst,) + ends[2:]
        frame = self.link(op['side'], ends, self.ip(ends[0], dst, F.UDP, F.udp(*new, b'all of you')))
        return b'\xff' * 6 + frame[6:]

    def solo_icmpodd(self, op, ends, datagram, packet):
        proto = ECHO[self.family][0]
        if self.family == 4:
            l4 = F.icmp([17, 5, 40, 15, 3, 18][op['n'] % 6], op['n'] % 3, op['n'], b'odd')
        else:
            l4 = F.icmp6(ends[0], ends[1], [200, 150, 255, 127, 1][op['n'] % 5], op['n'] % 3, op['n'], b'odd')
        return self.link(op['side'], ends, self.ip(ends[0], ends[1], proto, l4))

    def solo_notours(self, op, ends, datagram, packet):
        return F.mac('02:00:00:00:99:99') + self.link(op['side'], ends, packet)[6:]

    def solo_arpish(self, op, ends, datagram, packet):
        return F.eth(world.MAC[op['side']], world.lladdr(ends[0]), 0x88b5, b'local experiment' * 3)

    def solo_strayerr(self, op, ends, datagram, packet):
        src = world.ROUTER[self.family][op['side']]
        other = self.ip(ends[1], ends[0], F.UDP, F.udp(ends[1], ends[0], ends[3], ends[2], b'never sent'))
        l4 = self.icmp_error(op['n'], other, src, ends[1])
        return self.link(op['side'], (src,), self.ip(src, ends[1], ECHO[self.family][0], l4))

    def solo_badquote(self, op, ends, datagram, packet):
        src = world.ROUTER[self.family][op['side']]
        quote = [packet[:12], b'', bytes([0x45]) + bytes(30), packet[:24]][op['n'] % 4]
        l4 = self.icmp_error(op['n'] | 1 if op['n'] % 3 else op['n'] + 1, quote + bytes(1), src, ends[1]) if quote else (
            F.icmp(3, 1, 0) if self.family == 4 else F.icmp6(src, ends[1], 1, 0, 0))
        return self.link(op['side'], (src,), self.ip(src, ends[1], ECHO[self.family][0], l4))
