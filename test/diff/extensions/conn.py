"""What rules say about connections: conntrack in full, connbytes, connlabel, connmark, helper; CONNMARK."""
import world


def conn_address(maker):
    a = maker.r.choice(maker.hosts)
    if maker.family == 4:
        return a + maker.r.choice(['', '', '/24', '/16', '/255.255.255.0', '/0'])
    return a + maker.r.choice(['', '', '/64', '/48', '/0'])


def conn_port(maker):
    port = maker.r.choice(world.ALL_PORTS)
    return maker.r.choice([f'{port}', f'{port}', f'{port}:', f':{port}', f'{port - 1}:{port + 10}' if port < 65500 else '80',
                           '0', '2048', '33024:33279'])


def conntrack(maker, place, words):
    if any(w.startswith('-m conntrack') for w in words):
        return None
    no, out = maker.no, []
    for _ in range(maker.r.choice([1, 1, 1, 2, 3])):
        kind = maker.r.choice(['proto', 'addr', 'addr', 'port', 'port', 'status', 'status', 'expire', 'dir', 'state'])
        if kind == 'proto':
            option = f'{no()}--ctproto ' + maker.r.choice(['tcp', 'udp', 'icmp' if maker.family == 4 else '58', '50', '99'])
        elif kind == 'addr':
            option = f'{no()}--ct{maker.r.choice(["orig", "repl"])}{maker.r.choice(["src", "dst"])} {conn_address(maker)}'
        elif kind == 'port':
            option = f'{no()}--ct{maker.r.choice(["orig", "repl"])}{maker.r.choice(["src", "dst"])}port {conn_port(maker)}'
        elif kind == 'status':
            # UDP is assured when it is a stream, see below.
            some = ['NONE', 'EXPECTED', 'SEEN_REPLY', 'CONFIRMED'] + (['ASSURED'] if '-p tcp' in words else [])
            status = maker.r.sample(some, maker.r.randint(1, 2))
            option = f'{no()}--ctstatus {",".join(status)}'
        elif kind == 'expire':
            # No two timeouts that a flow may have at the same moment of a slow and a fast clock lie on two sides of
            # these: UDP becomes a stream in two seconds, which the kernel's half of a case does not take.
            option = f'{no()}--ctexpire ' + maker.r.choice(['0', '1:', '8', ':5', '20:125', '200:', '590:610', '400000:'])
        elif kind == 'dir':
            option = '--ctdir ' + maker.r.choice(['ORIGINAL', 'REPLY'])
        else:
            option = f'{no()}--ctstate ' + ','.join(maker.r.sample(['INVALID', 'NEW', 'ESTABLISHED', 'RELATED', 'SNAT'], 2))
        name = option.replace('! ', '').split()[0]
        if not any(name in o.split() for o in out):
            out.append(option)
    return '-m conntrack ' + ' '.join(out)


def connbytes(maker, place, words):
    what = maker.r.choice(['packets', 'packets', 'bytes', 'avgpkt'])
    low, high = {'packets': (1, 4), 'bytes': (30, 400), 'avgpkt': (28, 120)}[what]
    a, b = sorted([maker.r.randint(low, high), maker.r.randint(low, high)])
    span = maker.r.choice([f'{a}', f'{a}:{b}', f':{b}', f'{a}:'])
    return f'-m connbytes {maker.no()}--connbytes {span} --connbytes-mode {what} --connbytes-dir ' + \
        maker.r.choice(['original', 'reply', 'both'])


def connlabel(maker, place, words):
    return f'-m connlabel {maker.no()}--label {maker.r.choice([0, 5, 64, 127])}' + maker.r.choice(['', ' --set'])


def mark(maker):
    return maker.r.choice(['0x0', '0x1', '0x1/0x1', '0x0/0xf', '0x2/0x3', '0x100/0x100'])


def connmark(maker, place, words):
    return f'-m connmark {maker.no()}--mark {mark(maker)}'


def helper(maker, place, words):
    return f'-m helper {maker.no()}--helper {maker.r.choice(["ftp", "sip"])}'


def connmark_target(maker, place, words):
    if place.table == 'raw':
        return None  # what netfilter's template keeps there, no flow ever sees
    bits = maker.r.choice([1, 2, 3, 0x100])
    masks = maker.r.choice(['', ' --mask 0x3', ' --nfmask 0x3 --ctmask 0x1', ' --nfmask 0xff --ctmask 0xf0'])
    shift = maker.r.choice([''] * 5 + [' --left-shift-mark 1', ' --right-shift-mark 8', ' --left-shift-mark 31'])
    how = maker.r.choice([f'--set-mark {bits}', f'--set-xmark {bits}/{maker.r.choice([1, 3, 0xffffffff])}',
                          f'--and-mark {bits}', f'--or-mark {bits}', f'--xor-mark {bits}',
                          '--save-mark' + masks, '--restore-mark' + masks])
    return f'-j CONNMARK {how}{shift}'


def ct_target(maker, place, words):
    if place.table != 'raw':
        return None
    zone = maker.r.choice(['0', '1', '1', '1', '2', 'mark'])
    return '-j CT' + maker.r.choice(['', f' --zone {zone}', f' --zone {zone}', f' --zone-orig {zone}',
                                     f' --zone-reply {zone}', f' --zone-orig 2 --zone-reply {zone}'])


MATCHES = [conntrack, conntrack, connbytes, connlabel, connmark, connmark, helper]
TARGETS = [connmark_target, ct_target]
