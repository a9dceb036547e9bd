"""The match set and the target SET, and the sets that rules name: made by ipset in the kernel, given to `ringwall import
--sets` here. Of the types only those that every kernel of the test has are drawn.
"""
import world

# name: (type, parts that the rule must give)
KINDS = {'hi': ('hash:ip', 1), 'hn': ('hash:net', 1), 'hip': ('hash:ip,port', 2), 'hni': ('hash:net,iface', 2),
         'hipi': ('hash:ip,port,ip', 3), 'hipn': ('hash:ip,port,net', 3), 'hnp': ('hash:net,port', 2), 'bp': ('bitmap:port', 1),
         'bi': ('bitmap:ip', 1), 'rw': ('hash:ip', 1), 'rn': ('hash:net', 1), 'rp': ('hash:ip,port', 2), 'ls': ('list:set', 1)}
WRITTEN = ['rw', 'rw', 'rn', 'rp', 'ls']  # rules add to these and delete from them


def host(m):
    return m.r.choice(m.hosts)


def net(m):
    a, how = host(m), m.r.random()
    if m.family == 4:
        return a + ('' if how < 0.3 else m.r.choice(['/24', '/25', '/16', '/8', '/30', '/1']))
    return a + ('' if how < 0.3 else m.r.choice(['/64', '/48', '/32', '/127', '/16']))


def port(m):
    icmp = ['icmp:8/0', 'icmp:0/0', 'icmp:echo-request', 'icmp:3/3'] if m.family == 4 else [
        'icmpv6:128/0', 'icmpv6:129/0', 'icmpv6:echo-request']
    known = m.r.choice(world.ALL_PORTS)
    return m.r.choice([f'tcp:{known}', f'tcp:{known}', f'udp:{known}', str(known), f'tcp:{max(1, known - 2)}-{known}', 'esp:0', '99:0'] + icmp)


def element(m, kind):
    iface = m.r.choice(['lan', 'wan', 'la', 'eth9'])
    parts = {'hash:ip': [host], 'hash:net': [net], 'hash:ip,port': [host, port], 'hash:net,iface': [net, lambda m: iface],
             'hash:ip,port,ip': [host, port, host], 'hash:ip,port,net': [host, port, net], 'hash:net,port': [net, port],
             'bitmap:port': [lambda m: str(m.r.choice(world.ALL_PORTS))], 'bitmap:ip': [host]}[kind]
    out = ','.join(p(m) for p in parts)
    if 'net' in kind and m.chance(0.25):
        out += ' nomatch'
    if 'iface' in kind and m.chance(0.3):
        out += ' wildcard'
    return out


def sets(m):
    """Text for ipset restore: every name of KINDS, in the policy's family."""
    out, family = [], 'inet' if m.family == 4 else 'inet6'
    for name, (kind, _) in KINDS.items():
        if kind == 'bitmap:ip':
            if m.family == 6:
                continue
            line = f'create {name} {kind} range ' + m.r.choice(['192.168.1.0/24', '198.51.100.0-198.51.100.9', '203.0.113.0/24 netmask 28'])
        elif kind == 'bitmap:port':
            line = f'create {name} {kind} range {m.r.choice(["0-65535", "20-1030", "40000-40010"])}'
        elif kind == 'list:set':
            line = f'create {name} {kind} size 8'
        else:
            line = f'create {name} {kind} family {family}'
            if kind == 'hash:ip' and m.chance(0.3):
                line += ' netmask ' + ('24' if m.family == 4 else '64')
            if m.chance(0.2):
                line += f' maxelem {m.r.choice([1, 2, 3])}'
        line += m.r.choice(['', '', ' timeout 100000', ' timeout 0']) + m.r.choice(['', ' counters'])
        out.append(line)
        if kind == 'list:set':
            out += [f'add {name} {x}' for x in m.r.sample(['hi', 'hn', 'hip', 'bp', 'rw', 'rp', 'hni'], m.r.randint(1, 4))]
        elif 'maxelem' not in line:
            many = 0 if name in WRITTEN else m.r.randint(1, 8)
            out += [f'add {name} {element(m, kind)}' for _ in range(many)]
    # What lies outside of a range would be refused, and of two wildcards the first stands for both: left out.
    return '\n'.join(line for line in out if not line.startswith('add bi ') and not line.startswith('add bp ')) + '\n' + bitmaps(m, out)


def bitmaps(m, out):
    text = ''
    for line in out:
        if line.startswith('create bp'):
            low, high = (int(x) for x in line.split('range ')[1].split()[0].split('-'))
            text += ''.join(f'add bp {p}\n' for p in world.ALL_PORTS if low <= p <= high and m.chance(0.3))
        if line.startswith('create bi'):
            start = line.split('range ')[1].split()[0].split('/')[0].split('-')[0].rsplit('.', 1)[0]
            text += ''.join(f'add bi {start}.{x}\n' for x in (1, 5, 7) if m.chance(0.5))
    return text


def name_of(m, names):
    name = m.r.choice([n for n in names if m.family == 4 or n != 'bi'])
    n = KINDS[name][1] + (m.r.random() < 0.1)
    if m.chance(0.05):
        n = max(1, n - 1)  # too few parts: nothing is in it
    if name == 'ls':
        n = m.r.randint(1, 3)
    return name + ' ' + ','.join(m.r.choice(['src', 'dst']) for _ in range(n))


def match_set(m, place, words):
    out = f'-m set {m.no(0.3)}--match-set {name_of(m, list(KINDS))}'
    if m.chance(0.15):
        out += ' --return-nomatch'
    if m.chance(0.15):
        out += ' ! --update-counters'
    if m.chance(0.1):
        out += ' ! --update-subcounters'
    if m.chance(0.2):
        out += m.r.choice([' ! --packets-eq 1', ' --packets-eq 2', ' --packets-gt 1', ' --packets-lt 3'])
    if m.chance(0.1):
        out += m.r.choice([' ! --bytes-eq 60', ' --bytes-gt 100', ' --bytes-lt 200'])
    return out


def target_set(m, place, words):
    out = '-j SET'
    what = m.r.choice(['add', 'add', 'add', 'del', 'both'])
    if what != 'del':
        out += f' --add-set {name_of(m, WRITTEN)}' + m.r.choice(['', ' --exist']) + m.r.choice(['', '', ' --timeout 50000'])
    if what != 'add':
        out += f' --del-set {name_of(m, WRITTEN)}'
    return out


MATCHES = [match_set, match_set]
TARGETS = [target_set, target_set]
