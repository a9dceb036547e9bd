"""string, u32 and bpf: what looks at any byte of a packet."""
# Pieces of what the conversations say (packets.py, solos.py), and of headers.
TEXTS = ['op', 'OP', 'solo', 'kind', 'GET', 'martian', 'op0', 'op1', 'of you', 'p0', 'nowhere', 'aaab', 'ABAB']
HEX = ['|0102030405|', '|45|', '|6f70|3', '|c0a801|', '|20010db8|', '|0000|', 'op|30 31|', '|08 09|', '|4142|ab']


def string(maker, _place, _words):
    if maker.chance(0.5):
        pattern = f'--string "{maker.r.choice(TEXTS)}"'
    else:
        pattern = f'--hex-string "{maker.r.choice(HEX)}"'
    low = maker.r.choice([0, 0, 8, 20, 28, 40, 48, 60])
    high = maker.r.choice([0, 0, 0, low, low + 4, low + 30, 65535])
    return f'-m string {maker.no()}{pattern} --algo {maker.r.choice(["bm", "kmp"])}' + (f' --from {low}' if low else '') + (
        f' --to {high}' if high else '') + (' --icase' if maker.chance(0.3) else '')


def u32(maker, _place, _words):
    n = maker.r.randint
    tests = [
        lambda: f'0>>24={maker.r.choice(["0x45", "0x60", "0x44:0x46"])}',
        lambda: f'0&0xFFFF={n(20, 60)}:{n(40, 1500)}',
        lambda: f'6&0xFF={maker.r.choice([1, 6, 17, 58])}',
        lambda: f'0>>22&0x3C@{n(0, 24)}>>16={n(0, 2000)}:{n(1000, 65535)}',
        lambda: f'{n(0, 90)}&0x{maker.r.choice(["ff", "ff00", "1", "80000000"])}={n(0, 255)},{n(0, 9)}:{n(5, 300)},0',
        lambda: f'4<<{n(0, 31)}>>{n(0, 31)}={n(0, 9)}:{n(0, 4294967295)}',
        lambda: f'{n(0, 8)}@{n(0, 8)}@0={n(0, 9)}:4294967295',
    ]
    drawn = [maker.r.choice(tests)() for _ in range(maker.r.choice([1, 1, 2]))]
    return f'-m u32 {maker.no()}--u32 "{"&&".join(drawn)}"'


def bpf(maker, _place, _words):
    """A random program that the kernel's checker takes: words of memory are written first, jumps stay inside."""
    n, pick = maker.r.randint, maker.r.choice
    ad, net, ll = 0x100000000 - 0x1000, 0x100000000 - 0x100000, 0x100000000 - 0x200000
    near = lambda: pick([0, 1, 6, 8, 9, 12, 16, 20, 22, 40, 42, n(0, 70)])  # noqa: E731
    load = [
        lambda: (pick([32, 40, 48]), 0, 0, near()),  # ld, ldh, ldb [k]
        lambda: (pick([64, 72, 80]), 0, 0, pick([0, 1, 2, 4, 0xffffffff, 0x7fffffff])),  # [x + k]
        lambda: (pick([32, 40, 48]), 0, 0, pick([net + n(0, 16), ll + n(0, 20), ad, ad + 4, ad + 20, ad + 40])),
        lambda: (177, 0, 0, pick([0, 0, near()])),  # ldx 4*([k]&0xf)
        lambda: (pick([128, 129, 135, 7, 132, 2, 3]), 0, 0, pick([0, 1])),  # len, txa, tax, neg, st, stx
        lambda: (pick([0, 1]), 0, 0, pick([0, 1, 255, 0x11, 0xc0a80000, n(0, 4294967295)])),  # #k
        lambda: (pick([96, 97]), 0, 0, pick([0, 1])),  # M[k]
    ]
    change = [
        lambda: (pick([4, 20, 36, 68, 84, 164]), 0, 0, pick([1, 0xff, 0xffff, 0xf0, n(0, 4294967295)])),
        lambda: (pick([100, 116]), 0, 0, n(0, 31)),
        lambda: (pick([52, 148]), 0, 0, n(1, 9)),
        lambda: (pick([12, 28, 44, 60, 76, 92, 108, 124, 156, 172]), 0, 0, 0),
    ]
    body = [(2, 0, 0, 0), (2, 0, 0, 1)] + [pick(load)() if maker.chance(0.6) else pick(change)() for _ in range(n(1, 12))]
    want = pick([0, 1, 6, 17, 58, 0x45, 0x60, n(0, 255), n(0, 65535), 0x80000000])
    left = n(0, 3)
    tests = [(pick([21, 37, 53, 69, 29, 45, 61, 77]), n(0, i + 1), n(0, i + 1), want) for i in range(left, -1, -1)]
    program = body + tests + [pick([(6, 0, 0, 1), (22, 0, 0, 0)]), (6, 0, 0, 0)]
    return f'-m bpf --bytecode "{len(program)},{",".join("%d %d %d %d" % i for i in program)}"'


MATCHES = [string, u32, bpf]
