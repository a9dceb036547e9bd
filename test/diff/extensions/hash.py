"""HMARK, whose marks later rules see; cluster; SNPT and DNPT."""


def hmark(maker, place, words):
    what = maker.r.choice(['src', 'dst', 'src,dst', 'src,dst,sport,dport', 'src,dst,sport,dport,proto', 'src,dst,spi,proto', 'sport',
                           'ct,src,dst', 'ct,src,dst,sport,dport,proto'])
    some = maker.r.choice([f'--hmark-tuple {what}', f'--hmark-tuple {what}', '--hmark-src-prefix 24 --hmark-sport-mask 0x7',
                           '--hmark-dst-prefix 9 --hmark-dport 80', '--hmark-proto-mask 0x1', '--hmark-spi-mask 0xff00ff --hmark-spi 4'])
    return f'-j HMARK {some} --hmark-rnd {maker.r.choice([0, 4, 0xfeed])} --hmark-mod {maker.r.choice([2, 3, 16])}' + \
        maker.r.choice(['', ' --hmark-offset 1'])


def npt(maker, place, words):
    if maker.family == 4 or place.table != 'mangle' or place.user or place.chain == 'FORWARD':
        return None
    target = 'DNPT' if place.chain in ('PREROUTING', 'OUTPUT') else 'SNPT'
    inside, outside = maker.r.choice([('2001:db8:1::/64', '2001:db8:77:9::/64'), ('2001:db8:2::/64', '2001:db8:33::/60'),
                                     ('2001:db8:f::/48', '2001:db8:77::/48')])
    side = 'dst' if target == 'DNPT' else 'src'
    first = inside.split('/', maxsplit=1)[0]
    return f'-m iprange --{side}-range {first}-{first}ffff:ffff:ffff:ffff -j {target} --src-pfx {inside} --dst-pfx {outside}'


def cluster(maker, place, words):
    total = maker.r.choice([1, 2, 2, 3, 7])
    node = maker.r.choice([f'--cluster-local-node {maker.r.randint(1, total)}', f'--cluster-local-nodemask {2 ** (total - 1)}'
                           if total < 7 else '--cluster-local-nodemask 0x15'])
    return f'-m cluster --cluster-total-nodes {total} {maker.no(0.3)}{node} --cluster-hash-seed {maker.r.choice([0, 7, 0xdeadbeef])}'


MATCHES = [cluster]
TARGETS = [hmark, npt]
