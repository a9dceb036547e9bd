"""tcpmss, sctp, esp and ah: fields of transport headers; physdev and policy, which a routed packet never meets."""
CHUNKS = ['DATA', 'INIT', 'SACK', 'HEARTBEAT', 'ABORT', 'SHUTDOWN_COMPLETE', 'DATA:BE', 'DATA:be', 'ABORT:T', 'COOKIE_ECHO',
          'DATA:U', 'PAD']


def within(maker, values, low=0, high=65535):
    a = maker.r.choice(values)
    return maker.r.choice([str(a), f'{a}:{high}', f'{low}:{a}', f'{low}:{high}'])


def layer4(maker, _place, words):
    """Only in rules without a protocol: it brings its own."""
    if any('-p ' in w for w in words):
        return None
    kind = maker.r.choice(['tcpmss', 'sctp', 'sctp', 'esp', 'ah', 'dccp', 'ipcomp'])
    no = maker.no()
    if kind == 'tcpmss':
        return f'-p tcp -m tcpmss {no}--mss {within(maker, [536, 1460, 1459, 1461])}'
    if kind == 'esp':
        return f'-p esp -m esp {no}--espspi {within(maker, [7, 0x6f703030, 0x12345678], 0, 4294967295)}'
    if kind == 'dccp':
        option = f' {no}--dccp-option {maker.r.choice([2, 37, 38])}' if maker.chance(0.3) else ''
        types = f' {maker.no()}--dccp-types ' + ','.join(maker.r.sample(
            ['REQUEST', 'RESPONSE', 'DATA', 'ACK', 'RESET', 'INVALID'], 2)) if maker.chance(0.6) else ''
        return f'-p dccp -m dccp {maker.no()}--dport {within(maker, [22, 53, 80, 443])}{types}{option}'
    if kind == 'ipcomp':
        return f'-p ipcomp -m ipcomp {no}--ipcompspi {within(maker, [2, 7, 300], 0, 4294967295)}'
    if kind == 'ah':
        return f'-p ah -m ah {no}--ahspi {within(maker, [7, 300, 0x12345678], 0, 4294967295)}'
    ports = f' {no}--dport {within(maker, [22, 53, 80, 443])}' if maker.chance(0.4) else ''
    chunks = f' --chunk-types {maker.r.choice(["any", "all", "only"])} ' + ','.join(
        maker.r.sample(CHUNKS, maker.r.randint(1, 3))) if maker.chance(0.7) else ''
    return f'-p sctp -m sctp{ports}{chunks}'


def routed(maker, place, _words):
    if maker.chance(0.5):
        return '-m physdev ' + ' '.join(f'{maker.no(0.6)}--physdev-{o}' for o in maker.r.sample(
            ['in lan', 'is-in', 'is-bridged'], maker.r.randint(1, 2)))
    if place.user:
        return None
    side = 'in' if place.chain in ('PREROUTING', 'INPUT', 'FORWARD') else 'out'
    return f'-m policy --dir {side} --pol ' + maker.r.choice(['none', 'ipsec', 'ipsec --strict --reqid 1', 'ipsec --strict --reqid 1 --next --mode tunnel'])


MATCHES = [layer4, routed]
