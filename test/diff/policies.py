"""Random policies of the rule language, as iptables-save text.

A policy is plain data, so that the shrinker can take rules out of it and a file can keep it:
{'family': 4|6, 'tables': {table: [[chain, policy or None, [rule text without -A CHAIN, ...]], ...]},
 'sets': text of ipset restore}
"""
import ipaddress

import extensions
import extensions.set
import world

BUILT_IN = {
    'raw': ['PREROUTING', 'OUTPUT'],
    'mangle': ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
    'nat': ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
    'filter': ['INPUT', 'FORWARD', 'OUTPUT'],
    'security': ['INPUT', 'FORWARD', 'OUTPUT'],
}
HAS_IN = {'PREROUTING', 'INPUT', 'FORWARD'}
HAS_OUT = {'FORWARD', 'OUTPUT', 'POSTROUTING'}
STATES = ['INVALID', 'NEW', 'ESTABLISHED', 'RELATED', 'UNTRACKED', 'SNAT', 'DNAT']
REJECTS = {
    4: ['icmp-net-unreachable', 'icmp-host-unreachable', 'icmp-proto-unreachable', 'icmp-port-unreachable',
        'icmp-net-prohibited', 'icmp-host-prohibited', 'icmp-admin-prohibited'],
    6: ['icmp6-no-route', 'icmp6-adm-prohibited', 'icmp6-addr-unreachable', 'icmp6-port-unreachable',
        'icmp6-policy-fail', 'icmp6-reject-route'],
}
ICMP_TYPES = {
    4: ['8', '0', '3', '3/1', '3/3', '3/4', '11', '11/0', '12', '255', '17', 'echo-request', 'echo-reply',
        'destination-unreachable', 'time-exceeded', 'fragmentation-needed', 'any'],
    6: ['128', '129', '1', '1/4', '2', '3', '3/0', '4', 'echo-request', 'echo-reply', 'packet-too-big',
        'time-exceeded', 'destination-unreachable', 'parameter-problem'],
}


def text(policy):
    """The iptables-save form."""
    out = []
    for table, chains in policy['tables'].items():
        out.append(f'*{table}')
        out += [f':{name} {verdict or "-"} [0:0]' for name, verdict, _ in chains]
        out += [f'-A {name} {rule}'.rstrip() for name, _, rules in chains for rule in rules]
        out.append('COMMIT')
    return '\n'.join(out) + '\n'


def sets_of(policy):
    """The text of its sets, where a rule names one."""
    return policy.get('sets', '') if '-set ' in text(policy) else ''


class Maker:
    def __init__(self, rng, family):
        self.r = rng
        self.family = family
        self.macs = [world.lladdr(a) for a in world.LAN[family] + world.WAN[family]]
        self.hosts = world.LAN[family] + world.WAN[family] + world.OWN[family]
        # How many rules have one of the extensions' matches; how much of everything else there is.
        self.eager, self.rest = (0.9, 0.3) if extensions.narrowed else (0.3, 1)

    def chance(self, p):
        return self.r.random() < p

    def no(self, p=0.2):
        return '! ' if self.chance(p) else ''

    def address(self):
        a = self.r.choice(self.hosts)
        if self.family == 4:
            how = self.r.choice(['/32', '/32', '/24', '/25', '/16', '/8', '/0', '/30', 'odd', ''])
            if how == 'odd':
                return a + self.r.choice(['/255.255.0.255', '/255.0.255.0', '/0.0.0.7', '/255.255.255.253'])
            return a + how
        how = self.r.choice(['/128', '/128', '/64', '/48', '/32', '/127', '/0', 'odd', ''])
        if how == 'odd':
            return a + self.r.choice(['/ffff:ffff:ffff:0:ffff::', '/::ffff', '/ffff:ffff::ff'])
        return a + how

    def ports(self, colon=True):
        known = self.r.choice(world.ALL_PORTS)
        how = self.r.random()
        if how < 0.65:
            return str(known)
        low = self.r.choice([0, 1, 1024, max(0, known - 3), known])
        high = self.r.choice([known, min(65535, known + 10), 65535])
        low, high = min(low, high), max(low, high)
        if low == high:
            return str(low)
        if colon and how > 0.95:
            return f'{low}:' if self.chance(0.5) else f':{high}'
        return f'{low}:{high}'

    def protocol(self):
        """-p and the matches that need it."""
        icmp = 'icmp' if self.family == 4 else 'ipv6-icmp'
        kind = self.r.choice(['tcp', 'tcp', 'tcp', 'udp', 'udp', icmp, icmp, 'other', 'not', 'multi'])
        if kind == 'other':
            return [self.no() + '-p ' + self.r.choice(['50', '99', 'esp', '58' if self.family == 6 else '1'])]
        if kind == 'not':
            return ['! -p ' + self.r.choice(['tcp', 'udp', icmp])]
        if kind == 'multi':
            return self.multiport()
        out = ['-p ' + kind]
        if self.chance(0.25):
            return out
        if kind == icmp:
            m, option = ('icmp', '--icmp-type') if self.family == 4 else ('icmp6', '--icmpv6-type')
            return out + [f'-m {m} {self.no()}{option} {self.r.choice(ICMP_TYPES[self.family])}']
        match = f'-m {kind}'
        if self.chance(0.35):
            match += f' {self.no()}--sport {self.ports()}'
        if self.chance(0.65):
            match += f' {self.no()}--dport {self.ports()}'
        if kind == 'tcp' and self.chance(0.35):
            how = self.r.random()
            if how < 0.4:
                match += f' {self.no()}--syn'
            elif how < 0.9:
                flags = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG']
                mask = self.r.sample(flags, self.r.randint(1, 6))
                comp = [f for f in mask if self.chance(0.4)]
                match += f' {self.no()}--tcp-flags {",".join(mask)} {",".join(comp) or "NONE"}'
            else:
                match += f' {self.no()}--tcp-option {self.r.choice([2, 3, 4, 8])}'
        return out + ([match] if ' --' in match else [])

    def multiport(self):
        n = self.r.randint(1, 5)
        items, slots = [], 0
        for _ in range(n):
            item = self.ports(colon=False)
            slots += 2 if ':' in item else 1
            if slots > 15:
                break
            items.append(item)
        side = self.r.choice(['--sports', '--dports', '--ports'])
        return ['-p ' + self.r.choice(['tcp', 'udp']), f'-m multiport {self.no()}{side} {",".join(items)}']

    def interface(self):
        return self.r.choice(['lan', 'wan', 'lan', 'wan', 'la+', 'w+', '+', 'eth9', 'lan0'])

    def packet_match(self, chain, user, tcp):
        """A match that looks at the packet as a whole."""
        kinds = ['mark', 'length', 'iprange', 'ttl', 'pkttype', 'tos', 'dscp', 'ecn']
        if chain in HAS_IN and not user:  # the kernel refuses mac where OUTPUT gets
            kinds.append('mac')
        kind, no = self.r.choice(kinds), self.no(0.4)
        if kind == 'mark':
            return f'-m mark {no}--mark ' + self.r.choice(['0x0', '0x1', '0x1/0x1', '0x0/0xf', '0x2/0x1'])
        if kind == 'length':
            return f'-m length {no}--length ' + self.r.choice(['0:60', '61:', '40', '28:84', '100:1500', ':40', '50:40'])
        if kind == 'iprange':
            side = self.r.choice(['src', 'dst'])
            a, b = sorted([self.r.choice(self.hosts), self.r.choice(self.hosts)], key=ipaddress.ip_address)
            return f'-m iprange {no}--{side}-range ' + self.r.choice([f'{a}-{b}', a])
        if kind == 'ttl':
            name = 'ttl' if self.family == 4 else 'hl'
            op = self.r.choice(['eq', 'lt', 'gt'])
            return f'-m {name} {no if op == "eq" else ""}--{name}-{op} {self.r.choice([1, 2, 63, 64, 65, 127])}'
        if kind == 'pkttype':
            return f'-m pkttype {no}--pkt-type ' + self.r.choice(['unicast', 'broadcast', 'multicast'])
        if kind == 'tos':
            return f'-m tos {no}--tos ' + self.r.choice(['0x00', '0xb8', '0x00/0x3f', '0xc0/0xff', '0x10/0x10'])
        if kind == 'dscp':
            return f'-m dscp {no}--dscp' + self.r.choice([' 0x00', '-class EF', '-class CS6', ' 0x2e'])
        if kind == 'mac':
            return f'-m mac {no}--mac-source {self.r.choice(self.macs)}'
        flag = self.r.choice(['ece', 'cwr'])
        if tcp and self.chance(0.6):
            return f'-m ecn {no}--ecn-tcp-{flag}'
        return f'-m ecn {no}--ecn-ip-ect {self.r.randint(0, 3)}'

    def matches(self, table, chain, user):
        out = []
        rest = self.rest
        if self.chance(0.3 * rest):
            out.append(f'{self.no()}-s {self.address()}')
        if self.chance(0.3 * rest):
            out.append(f'{self.no()}-d {self.address()}')
        if (user or chain in HAS_IN) and self.chance(0.2 * rest):
            out.append(f'{self.no()}-i {self.interface()}')
        if (user or chain in HAS_OUT) and self.chance(0.2 * rest):
            out.append(f'{self.no()}-o {self.interface()}')
        if self.chance(0.5 * rest):
            out += self.protocol()
        if self.chance(0.3 * rest):
            states = self.r.sample(STATES, self.r.randint(1, 3))
            if self.chance(0.7):
                out.append(f'-m conntrack {self.no()}--ctstate {",".join(states)}')
            else:
                states = [s for s in states if s not in ('SNAT', 'DNAT')] or ['NEW']
                out.append(f'-m state {self.no()}--state {",".join(states)}')
        if self.chance(0.3 * rest):
            out.append(self.packet_match(chain, user, '-p tcp' in out))
        if self.chance(self.eager):
            drawn = extensions.draw(extensions.MATCHES, self, extensions.Place(table, chain, user), out)
            out += [drawn] if drawn else []
        if self.chance(0.1 * rest):  # too slow to earn a packet while the frames run
            out.insert(self.r.randint(0, len(out)), '-m limit --limit ' + self.r.choice(
                ['1/min', '2/hour', '30/hour', '7/day']) + self.r.choice(['', ' --limit-burst 1', ' --limit-burst 3']))
        if self.chance(0.08 * rest):
            out.append('-m comment --comment "' + self.r.choice(['a', 'two words', "it's", 'x' * 40]) + '"')
        return out

    def mark_target(self):
        bits = self.r.choice([1, 2, 3, 0x80000001])
        how = self.r.choice(['--set-mark {0}', '--set-xmark {0}/{1}', '--set-mark {0}/{1}', '--and-mark {0}',
                             '--or-mark {0}', '--xor-mark {0}'])
        return '-j MARK ' + how.format(bits, self.r.choice([1, 2, 3, 0xffffffff]))

    def plain_target(self, table, later):
        if self.rest < 1 and self.chance(0.7):
            return ''
        drop = {'raw': 0.06, 'mangle': 0.06, 'filter': 0.25, 'security': 0.1, 'nat': 0}[table]
        roll = self.r.random()
        if roll < drop:
            return '-j DROP'
        if later and roll < drop + 0.25:
            chain = self.r.choice(later)
            return f'-g {chain}' if self.chance(0.3) else f'-j {chain}'
        if roll < drop + 0.35:
            return '-j RETURN'
        if roll < drop + 0.5:
            return ''
        if table == 'raw' and roll < drop + 0.6:
            return self.r.choice(['-j NOTRACK', '-j CT --notrack'])
        if roll < drop + (0.62 if table in ('raw', 'filter') else 0.57):
            return self.mark_target()
        if table == 'filter' and roll < drop + 0.75:
            return None  # REJECT: the caller writes it, it may need -p tcp
        return '-j ACCEPT'

    def rule(self, table, chain, user, later, mild=False):
        matches = self.matches(table, chain, user)
        target = self.plain_target(table, later)
        if self.chance(0.6 if extensions.narrowed and extensions.TARGETS else 0.15):
            place = extensions.Place(table, chain, user)
            target = extensions.draw(extensions.TARGETS, self, place, matches) or target
        if target is None and mild:
            target = '-j DROP'
        elif target is None:
            if any(m == '-p tcp' for m in matches) and self.chance(0.6):
                target = '-j REJECT --reject-with tcp-reset'
            elif self.chance(0.4):
                target = '-j REJECT'
            else:
                target = '-j REJECT --reject-with ' + self.r.choice(REJECTS[self.family])
        return ' '.join(matches + ([target] if target else []))

    def at(self, address, port=None):
        if port is None:
            return address
        return f'{address}:{port}' if self.family == 4 else f'[{address}]:{port}'

    def nat_rule(self, kind, chain, user, later):
        """kind: 'dst' for PREROUTING and OUTPUT, 'src' for POSTROUTING, 'in' for INPUT."""
        matches = self.matches('nat', chain, user)
        ported = any(m in ('-p tcp', '-p udp') for m in matches)
        lan, wan, own = world.LAN[self.family], world.WAN[self.family], world.OWN[self.family]
        port = self.r.choice(world.TARGETS + world.SERVICES) if ported and self.chance(0.5) else None
        place = extensions.Place('nat', chain, user)
        eager = 0.7 if extensions.narrowed and extensions.NAT_TARGETS else 0.2
        drawn = extensions.draw(extensions.NAT_TARGETS, self, place, matches) if self.chance(eager) else None
        if drawn:
            target = drawn
        elif self.chance(0.35):
            target = self.plain_target('nat', later)
        elif kind == 'dst':
            # What OUTPUT sends to itself would take the loopback device, which no port is.
            local_ok = chain == 'PREROUTING' and not user
            if local_ok and self.chance(0.3):
                target = '-j REDIRECT' + (f' --to-ports {port}' if port else '')
            else:
                target = '-j DNAT --to-destination ' + self.at(self.r.choice(lan + wan + (own if local_ok else [])), port)
        elif kind == 'src' and self.chance(0.55):
            target = '-j MASQUERADE' + (f' --to-ports {port}' if port else '')
        else:
            target = '-j SNAT --to-source ' + self.at(self.r.choice(own[1:] + own[1:] + wan[:1]), port)
        return ' '.join(matches + ([target] if target else []))

    def chain_rules(self, make, most):
        return [make() for _ in range(self.r.randint(0, most))]

    def table(self, table):
        users = [f'{table[0]}{i}' for i in range(self.r.choice([0, 0, 1, 2, 3]))]
        chains = []
        if table == 'nat':
            # A user chain serves destinations or sources, never both: the kernel checks the hooks.
            pre, post = [f'd{u}' for u in users[:1]], [f's{u}' for u in users[1:]]
            rows = [('PREROUTING', 'dst', pre), ('INPUT', 'in', []), ('OUTPUT', 'dst', pre), ('POSTROUTING', 'src', post)]
            for name, kind, later in rows:
                make = lambda n=name, k=kind, l=later: self.nat_rule(k, n, False, l)  # noqa: E731
                most = {'PREROUTING': 3, 'POSTROUTING': 3}.get(name, 1)
                chains.append([name, 'ACCEPT', self.chain_rules(make, most)])
            for group, kind in ((pre, 'dst'), (post, 'src')):
                for i, name in enumerate(group):
                    make = lambda n=name, k=kind, l=group[i + 1:]: self.nat_rule(k, n, True, l)  # noqa: E731
                    chains.append([name, None, self.chain_rules(make, 3)])
            return chains
        most = {'raw': 2, 'mangle': 2, 'filter': 6, 'security': 2}[table]
        # No REJECT where OUTPUT gets: its answer to the machine itself takes the kernel's loopback device, which
        # no port of a gateway is. test/e2e/t_reject.sh has what programs on the machine see.
        mild = users[:1] if table == 'filter' else []
        for name in BUILT_IN[table]:
            verdict = 'DROP' if self.chance({'raw': 0.02, 'mangle': 0.03, 'filter': 0.25, 'security': 0.05}[table]) else 'ACCEPT'
            output = table == 'filter' and name == 'OUTPUT'
            make = lambda n=name, m=output, l=mild if output else users: self.rule(table, n, False, l, m)  # noqa: E731
            chains.append([name, verdict, self.chain_rules(make, most)])
        for i, name in enumerate(users):
            make = lambda n=name, m=name in mild, l=users[i + 1:]: self.rule(  # noqa: E731
                table, n, True, [] if m else l, m)
            chains.append([name, None, self.chain_rules(make, 4)])
        return chains


def random_policy(rng, family):
    maker = Maker(rng, family)
    tables = {t: maker.table(t) for t in BUILT_IN}
    if maker.chance(0.6):  # most have no use for it; named, so that the kernel forgets the case before
        tables['security'] = [[name, 'ACCEPT', []] for name in BUILT_IN['security']]
    return {'family': family, 'tables': tables, 'sets': extensions.set.sets(maker)}
