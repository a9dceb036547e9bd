"""string and u32: what looks at any byte of a packet."""
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


MATCHES = [string, u32]
