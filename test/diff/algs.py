"""Conversations that helpers read: FTP's control connection with its data connections, TFTP, and SIP.

A flow that another one announces has 'of': the index of that one, and 'how' it is opened; where it goes is what the
announcement said where it arrived, after whatever the gateway made of it.
"""
import re

import frames as F
import packets
import world

PORT_OF = {'ftp': 21, 'tftp': 69, 'sip': 5060}
PROTO_OF = {'ftp': F.TCP, 'tftp': F.UDP, 'sip': F.UDP}
MEDIA = [30000, 30002, 30004, 31000]
SAID = ('say', 'rsay', 'sayagain', 'rsayagain', 'sack', 'rsack')
# Who is told where to go: a pattern in what arrived; None: the sender's own address, as it is seen.
TOLD = [
    (re.compile(rb'^PORT (\d+),(\d+),(\d+),(\d+),(\d+),(\d+)', re.I), 6),
    (re.compile(rb'^227 [^0-9]*(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)', re.I), 6),
    (re.compile(rb'^EPRT \|[12]\|([0-9a-f.:]+)\|(\d+)\|', re.I), 2),
    (re.compile(rb'^229 .*\(\|\|\|(\d+)\|\)', re.I), 1),
]


def helper_rule(family, name):
    port = PORT_OF[name]
    proto = 'tcp' if PROTO_OF[name] == F.TCP else 'udp'
    return f'-p {proto} -m {proto} --dport {port} -j CT --helper {name}'


def ask_for_helpers(rng, policy):
    """Rules that attach the helpers, and often a translation that they have to follow."""
    family = policy['family']
    if rng.random() < 0.6:  # rules that drop half of what is said leave little to follow
        for table in policy['tables']:
            for chain in policy['tables'][table]:
                if table != 'nat' or rng.random() < 0.5:
                    chain[1] = chain[1] and 'ACCEPT'
                    chain[2].clear()
    chains = {(t, c[0]): c[2] for t in policy['tables'] for c in policy['tables'][t]}
    for name in PORT_OF:
        for chain in ('PREROUTING', 'OUTPUT'):
            if rng.random() < 0.9:
                chains['raw', chain].insert(0, helper_rule(family, name))
    if rng.random() < 0.6:
        chains['nat', 'POSTROUTING'].insert(0, rng.choice(['-o wan -j MASQUERADE', '-j MASQUERADE']))
    if rng.random() < 0.4:
        to = rng.choice(world.LAN[family] + world.WAN[family])
        proto = rng.choice(['tcp', 'udp'])
        port = 21 if proto == 'tcp' else rng.choice([69, 5060])
        chains['nat', 'PREROUTING'].insert(0, f'-p {proto} -m {proto} --dport {port} -j DNAT --to-destination {to}')
    if rng.random() < 0.7:
        for chain in ('FORWARD', 'INPUT'):
            chains['filter', chain].insert(0, '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT')


def flow(rng, family, name, sport):
    while True:
        side, src, dst = packets.flow_ends(rng, family)
        if src != dst and dst not in world.NOWHERE[family]:
            break
    return {'side': side, 'src': src, 'dst': dst, 'proto': PROTO_OF[name], 'sport': sport, 'dport': PORT_OF[name],
            'isn': [rng.getrandbits(32), rng.getrandbits(32)], 'ttl': 64, 'scale': rng.random() < 0.3,
            'sack': rng.random() < 0.5, 'alg': name}


def child(rng, of, how, proto, sport):
    return {'of': of, 'how': how, 'proto': proto, 'sport': sport, 'isn': [rng.getrandbits(32), rng.getrandbits(32)],
            'ttl': 64, 'scale': False}


def ftp(rng, family, flows, ports):
    """The operations of one control connection and of the data connections that it leads to."""
    me = len(flows)
    flows.append(flow(rng, family, 'ftp', ports.pop()))
    ops = [(me, 'syn', None), (me, 'synack', None), (me, 'ack', None)]
    if rng.random() < 0.9:
        ops += [(me, 'rsay', 'banner'), (me, 'say', 'user'), (me, 'rsay', '331')]
    for _ in range(rng.randint(1, 2)):
        if not ports:
            break
        passive = rng.random() < 0.5
        port = ports.pop()
        if passive:
            what = 'epsv' if family == 6 or rng.random() < 0.4 else 'pasv'
            answer = '229' if what == 'epsv' else '227'
            announce = [(me, 'say', what), (me, 'rsay', f'{odd(rng, answer)} {port}')]
        else:
            what = 'eprt' if family == 6 or rng.random() < 0.4 else 'port'
            announce = [(me, 'say', f'{odd(rng, what)} {port}'), (me, 'rsay', '200')]
        if rng.random() < 0.15:
            announce.insert(rng.randrange(1, 3), (me, 'rsayagain' if passive else 'sayagain', None))
        if rng.random() < 0.15:
            announce.append((me, 'rsack' if passive else 'sack', None))
        ops += announce
        if rng.random() < 0.5:
            ops += [(me, 'say', 'list'), (me, 'rsay', '150')]
        how = rng.choice(['passive' if passive else 'active'] * 8 + ['third', 'wrongport'])
        data = len(flows)
        flows.append(child(rng, me, how, F.TCP, 20 if not passive and rng.random() < 0.5 else rng.choice(world.CLIENTS)))
        ops += [(data, do, None) for do in rng.choice([
            ['syn', 'synack', 'ack', 'rdata', 'data', 'fin', 'rfin', 'ack'], ['syn', 'synack', 'ack', 'data', 'rack', 'err'],
            ['syn', 'syn', 'synack', 'ack'], ['syn', 'rrst', 'syn', 'synack'], ['syn', 'err'], ['data', 'rdata']])]
        if rng.random() < 0.3:  # a second one to the same place: the announcement is used up
            flows.append(child(rng, me, how, F.TCP, rng.choice(world.CLIENTS)))
            ops += [(data + 1, do, None) for do in ('syn', 'synack')]
        ops += [(me, 'rsay', '226')]
    return ops + rng.choice([[(me, 'say', 'quit'), (me, 'rsay', '221'), (me, 'fin', None), (me, 'rfin', None)],
                             [(me, 'rst', None)], [(me, 'data', None), (me, 'rdata', None)], []])


def odd(rng, what):
    """Sometimes not as it should be."""
    return what + rng.choice([''] * 12 + ['-other', '-lower', '-cut', '-nolf', '-split', '-zero', '-words'])


def tftp(rng, family, flows, ports):
    me = len(flows)
    flows.append(flow(rng, family, 'tftp', ports.pop()))
    ops = [(me, 'o', rng.choice(['rrq', 'rrq', 'wrq', 'ack', 'short']))]
    if rng.random() < 0.2:
        ops.append((me, 'o', 'rrq'))
    if ports:
        flows.append(child(rng, me, 'tftp', F.UDP, ports.pop()))
        ops += [(me + 1, do, None) for do in rng.choice([['o', 'r', 'o', 'r'], ['o', 'o', 'r', 'err'], ['o', 'rerr']])]
    if rng.random() < 0.3:
        ops += [(me, 'r', 'error'), (me, 'o', 'rrq'), (me + 1, 'o', None)] if len(flows) > me + 1 else []
    return ops


def sip(rng, family, flows, ports):
    """A registration, calls both ways, and the media that they lead to."""
    me = len(flows)
    flows.append(flow(rng, family, 'sip', rng.choice([5060, ports.pop()])))
    ops = []
    if rng.random() < 0.6:
        ops += [(me, 'o', 'REGISTER'), (me, 'r', rng.choice(['200 REGISTER'] * 4 + ['401 REGISTER', '100 REGISTER']))]
        flows.append(child(rng, me, 'contact', F.UDP, 5060))
        flows[-1]['alg'] = 'sip'
        ops += [(me + 1, 'o', rng.choice(['OPTIONS', 'INVITE'])), (me + 1, 'r', '200 INVITE')]
    for _ in range(rng.randint(0, 2)):
        media = rng.choice(MEDIA)
        ops += [(me, 'o', f'INVITE {media}'), (me, 'r', '100 INVITE'), (me, 'r', f'{rng.choice([183, 200, 200, 486])} INVITE {media}')]
        for how in rng.sample(['media', 'rmedia', 'rtcp'], 2):
            flows.append(child(rng, me, how, F.UDP, rng.choice(MEDIA + ports)))
            ops += [(len(flows) - 1, do, None) for do in rng.choice([['o', 'r', 'o'], ['o', 'o'], ['o', 'err']])]
        ops += [(me, 'o', 'ACK')] + rng.choice([[(me, 'o', 'BYE'), (me, 'r', '200 BYE')], [(me, 'r', 'BYE')], []])
    return ops


def random_case(rng, family, length=40):
    flows, ops = [], []
    ports = rng.sample(world.CLIENTS, len(world.CLIENTS))
    # Two phones that name one port for their media to one server are where Ringwall does better (decision 0306).
    kinds = rng.choice([[ftp], [ftp], [tftp], [ftp, tftp], [ftp, ftp], [sip], [sip, ftp], [sip]])
    queues = [kind(rng, family, flows, ports) for kind in kinds]
    while any(queues):
        queue = rng.choice([q for q in queues if q])
        at, do, what = queue.pop(0)
        ops.append({'f': at, 'do': do, 'what': what, 'n': rng.randrange(1000)})
    return {'flows': flows, 'ops': ops[:length * 2]}


class Talk(packets.Talk):
    """A case that may have such conversations in it."""

    def __init__(self, case, family):
        super().__init__(case, family)
        for st in self.flow:
            st.update(got=[None, None], told=[None, None], said=[None, None], media=[None, None], contact=[None, None])

    def ready(self, f):
        if 'src' in f:
            return True
        of, st = self.flows[f['of']], self.flow[f['of']]
        if f['how'] == 'tftp':
            if not st['fwd']:
                return False
            place, p = st['fwd']
            ends = (place, p.dst, p.src, p.sport)
        elif f['how'] in ('contact', 'media', 'rmedia', 'rtcp'):
            back = f['how'] in ('contact', 'rmedia')  # opened by the far side of the signalling
            told = st['contact' if f['how'] == 'contact' else 'media'][1 if back else 0]
            if not told or not st['fwd']:
                return False
            place, p = st['fwd'] if back else (of['side'], None)
            ends = (place, p.dst if back else of['src'], told[0], told[1] + (1 if f['how'] == 'rtcp' else 0))
        else:
            passive = f['how'] == 'passive' or f['how'] != 'active' and st['told'][0]
            told = st['told'][0 if passive else 1]
            if not told or not told[1] or not st['fwd']:  # nobody listens at port 0
                return False
            place, p = (of['side'], None) if passive else st['fwd']
            ends = (place, of['src'] if passive else p.dst) + told
        place, src, dst, dport = ends
        side = 'host' if place in ('host', 'local') else place
        if f['how'] == 'third':
            others = [h for h in (world.LAN if side == 'lan' else world.WAN)[self.family] if h != src]
            side, src = ('lan' if side == 'lan' else 'wan'), others[0]
        elif f['how'] == 'wrongport':
            dport = world.TARGETS[0]
        if world.route(dst)[0] is None:
            return False
        f.update(side=side, src=src, dst=dst, dport=dport)
        return True

    def learn(self, op, sent, seen):
        f = self.flows[op['f']] if op['f'] is not None else {}
        if f.get('alg') == 'sip':
            return self.learn_sip(op, sent, seen)
        if 'alg' not in f or f['proto'] != F.TCP:
            return super().learn(op, sent, seen)
        if not sent.ok or op['do'] in ('err', 'rerr'):
            return None
        st, reply = self.flow[op['f']], self.is_reply(op['do'])
        for place, p in seen:
            if not (p.ok and p.proto == F.TCP and p.flags == sent.flags):
                continue  # what a helper changed is neither as long nor at the same number
            text = p.l4[(p.l4[12] >> 4) * 4:]
            st['rev' if reply else 'fwd'] = (place, p)
            me = 0 if reply else 1  # who got it
            end = p.seq + len(text) + (1 if p.flags & (F.SYN | F.FIN) else 0)
            if st['got'][me] is None or (end - st['got'][me]) & 0xffffffff < 0x80000000:
                st['got'][me] = end & 0xffffffff
            st['told'][me] = self.told(text, p) or st['told'][me]
            break
        return None

    def learn_sip(self, op, sent, seen):
        st, reply = self.flow[op['f']], self.is_reply(op['do'])
        for place, p in seen:
            if not (p.ok and p.proto == F.UDP and sent.ok and op['do'] in ('o', 'r')):
                continue
            st['rev' if reply else 'fwd'] = (place, p)
            text, me = p.l4[8:], 0 if reply else 1
            m = re.search(rb'Contact: <sip:[^@>]*@\[?([0-9a-f.:]+?)\]?:(\d+)>', text)
            st['contact'][me] = (m[1].decode(), int(m[2])) if m else st['contact'][me]
            m = re.search(rb'c=IN IP[46] (\S+)', text), re.search(rb'm=audio (\d+)', text)
            st['media'][me] = (m[0][1].decode(), int(m[1][1])) if all(m) else st['media'][me]
            break

    def told(self, text, p):
        for pattern, n in TOLD:
            m = pattern.match(text)
            if m is None:
                continue
            g = [x.decode() for x in m.groups()]
            if n == 6:
                if any(int(x) > 255 for x in g):
                    return None
                return '.'.join(g[:4]), int(g[4]) * 256 + int(g[5])
            return (g[0], int(g[1])) if n == 2 else (p.src, int(g[0]))
        return None

    def acknowledges(self, st, me):
        return super().acknowledges(st, me) if st['got'][me] is None else st['got'][me]

    # ---- what is said
    def says(self, op, f, st, ends):
        what = op.get('what')
        if what is None:
            return None
        if f['alg'] == 'tftp':
            return {'rrq': b'\0\1file\0octet\0', 'wrq': b'\0\2file\0octet\0', 'ack': b'\0\4\0\0', 'short': b'\0',
                    'error': b'\0\5\0\1no\0'}[what]
        if f['alg'] == 'sip':
            return self.sip(op, st, ends, what.split())
        word, _, port = what.partition(' ')
        text = {
            'banner': b'220 hello\r\n', 'user': b'USER anonymous\r\n', '331': b'331 password?\r\n', '200': b'200 done\r\n',
            'pasv': b'PASV\r\n', 'epsv': b'EPSV\r\n', 'list': b'LIST\r\n', '150': b'150 here it comes\r\n',
            '226': b'226 that was it\r\n', 'quit': b'QUIT\r\n', '221': b'221 bye\r\n',
        }.get(word)
        return text or self.announcement(*word.partition('-')[::2], int(port), ends[0], op)

    def sip(self, op, st, ends, words):
        src, dst, sport, dport = ends
        at = lambda a, p: f'[{a}]:{p}' if ':' in a else f'{a}:{p}'  # noqa: E731
        reply, n = words[0].isdigit(), op['n']
        method = words[1] if reply else words[0]
        me = at(src, sport)
        via = f'{at(dst, dport)};received={dst};rport={dport}' if reply else me + (';rport' if n % 2 else '')
        contact = me
        if reply and method == 'REGISTER':
            contact = at(*st['contact'][0 if self.is_reply('o') else 1]) if st['contact'][1] else me
        lines = [f'SIP/2.0 {words[0]} OK' if reply else f'{method} sip:bob@{at(dst, dport)} SIP/2.0',
                 f'{"v" if n % 5 == 0 else "Via"}: SIP/2.0/UDP {via};branch=z9hG4bK{n}',
                 f'From: <sip:bob@{at(*((dst, dport) if reply else (src, sport)))}>;tag=a',
                 f'To: <sip:al@{at(*((src, sport) if reply else (dst, dport)))}>', f'Call-ID: {n}@{src}', f'CSeq: 7 {method}']
        if method in ('REGISTER', 'INVITE', 'OPTIONS') and n % 7:
            lines.append(f'Contact: <sip:bob@{contact}>' + (f';expires={n % 4 * 100}' if method == 'REGISTER' else ''))
        body = ''
        if words[-1].isdigit() and len(words) > (2 if reply else 1):
            kind = 'IP6' if ':' in src else 'IP4'
            line = f'c=IN {kind} {src}\r\n'
            body = f'v=0\r\no=- 1 1 IN {kind} {src}\r\ns=-\r\n' + (line if n % 6 else '') + \
                f't=0 0\r\nm=audio {words[-1]} RTP/AVP 0\r\n' + ('' if n % 6 else line) + 'a=sendrecv\r\n'
        if n % 4 == 0:
            lines.append('Expires: 300')
        return '\r\n'.join(lines + [f'Content-Length: {len(body)}', '', body]).encode()

    def announcement(self, kind, how, port, address, op):
        if how == 'other':
            address = (world.LAN if op['n'] % 2 else world.WAN)[self.family][op['n'] % 3]
        port = 0 if how == 'zero' else port
        if kind in ('port', '227'):
            numbers = ','.join(address.split('.') + [str(port >> 8), str(port & 255)]) if self.family == 4 else '1,2,3,4,5,6'
            text = {'port': f'PORT {numbers}', '227': f'227 Entering Passive Mode ({numbers}).'}[kind]
        elif kind == 'eprt':
            text = f'EPRT |{1 if self.family == 4 else 2}|{address}|{port}|'
        else:
            text = f'229 Entering Extended Passive Mode (|||{port}|)'
        if how == 'words':
            text = {'port': 'PORT  ' + text[5:], 'eprt': text.replace('|', '!'), '227': '227 =' + numbers if kind == '227' else '',
                    '229': text.replace('229 ', '229-first line\r\n229 ')}[kind]
        elif how == 'lower':
            text = text.lower()
        elif how == 'cut':
            return text[:3 + op['n'] % len(text[3:])].encode()
        return text.encode() + (b'' if how == 'nolf' else b'\r' if how == 'split' else b'\r\n')

    def tcp(self, op, f, st, ends):
        do = op['do']
        if do not in SAID:
            return super().tcp(op, f, st, ends)
        me = 1 if self.is_reply(do) else 0
        seq, ack, text, options = st['seq'][me], self.acknowledges(st, me), b'', b''
        if do.endswith('again'):
            if st['said'][me] is None:
                return super().tcp({**op, 'do': 'rack' if me else 'ack', 'what': None}, f, st, ends)
            seq, text = st['said'][me]
        elif do.endswith('sack'):  # of what came last, without what was before it
            options = b'\x01\x01\x05\x0a' + ((ack - 7) & 0xffffffff).to_bytes(4, 'big') + ack.to_bytes(4, 'big')
            ack = (ack - 20) & 0xffffffff
        else:
            text = self.says(op, f, st, ends)
            st['said'][me] = (seq, text)
            st['seq'][me] = (seq + len(text)) & 0xffffffff
        return F.tcp(*ends, F.ACK | (F.PSH if text else 0), seq, ack, options=options, payload=text)
