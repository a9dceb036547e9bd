"""frag, hbh, dst, rt, mh, ipv6header and eui64: IPv6's extension headers, and addresses made from MACs."""
HEADERS = ['hop', 'dst', 'route', 'frag', 'auth', 'esp', 'none', 'prot']


def span(maker, low, high):
    a, b = sorted([maker.r.randint(low, high), maker.r.randint(low, high)])
    return maker.r.choice([f'{a}', f'{a}:{b}', f':{b}', f'{a}:', f'{b}:{a}'])


def header_options(maker):
    drawn = [maker.r.choice(['0', '1', '1', '1:0', '1:1', '1:2', '1:4', '30', '30:4', '30:12', '5'])
             for _ in range(maker.r.choice([1, 1, 2, 3]))]
    return ','.join(drawn)


def ip6(maker, _place, words):
    if maker.family == 4:
        return None
    kind, no = maker.r.choice(['frag', 'hbh', 'dst', 'dst', 'rt', 'rt', 'mh', 'ipv6header', 'ipv6header', 'ipv6header']), maker.no
    if kind == 'frag':
        out = [f'{no()}--fragid {span(maker, 0, 400)}'] if maker.chance(0.5) else []
        out += maker.r.choice([[], ['--fragres'], ['--fragfirst'], ['--fragmore'], ['--fraglast'], [f'{no()}--fraglen 7']])
    elif kind in ('hbh', 'dst'):
        out = [f'{no()}--{kind}-len {maker.r.choice([8, 8, 16, 24])}'] if maker.chance(0.4) else []
        out += [f'--{kind}-opts {header_options(maker)}'] if maker.chance(0.6) else []
    elif kind == 'rt':
        out = [f'{no()}--rt-segsleft {span(maker, 0, 3)}'] if maker.chance(0.4) else []
        out += [f'{no()}--rt-len {maker.r.choice([8, 24, 40, 56])}'] if maker.chance(0.3) else []
        if maker.chance(0.4):
            out.insert(0, '--rt-type 0')
            out += ['--rt-0-res'] if maker.chance(0.5) else []
            if maker.chance(0.7):
                out.append('--rt-0-addrs ' + ','.join(maker.r.choice(['::1', '::2', '::3'])
                                                      for _ in range(maker.r.randint(1, 3))))
                out += ['--rt-0-not-strict'] if maker.chance(0.5) else []
        elif maker.chance(0.5):
            out.insert(0, f'{no()}--rt-type {maker.r.choice([0, 2, 4])}')
    elif kind == 'mh':
        if any('-p ' in w for w in words):
            return None
        a, b = sorted([maker.r.randint(0, 9), maker.r.randint(0, 9)])
        return f'-p mobility-header -m mh {no()}--mh-type ' + maker.r.choice([f'{a}', f'{a}:{b}', f'{a}:', 'bu', 'be'])
    else:
        out = [f'{no()}--header ' + ','.join(maker.r.sample(HEADERS, maker.r.choice([1, 1, 2, 3])))]
        out += ['--soft'] if maker.chance(0.6) else []
    return ' '.join([f'-m {kind}'] + out)


def eui64(maker, place, _words):
    if maker.family == 4 or place.user or place.chain not in ('PREROUTING', 'INPUT', 'FORWARD'):
        return None
    return '-m eui64'


MATCHES = [ip6, ip6, eui64]
