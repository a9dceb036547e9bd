#!/usr/bin/python3
"""Differential test of the iptables-restore language: the same text to the real tool and to `ringwall import`.

Texts are the table in oddforms.py and random changes to its lines. Each goes to iptables-legacy-restore in a fresh
network namespace, whose rules iptables-legacy-save then prints, and through `ringwall import` and `ringwall export`.
Both must take it and print the same, or both refuse it. Where Ringwall chose otherwise (docs/decisions/0100) the
difference must be one of those that REFUSED, TAKEN and OTHERWISE name.
"""
import argparse
import ctypes
import random
import re
import subprocess
import sys
import time

import oddforms

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

# What Ringwall refuses and 1.8.9 takes: parts of Ringwall's messages, all of which must fit.
REFUSED = [
    'is not supported',  # an extension or option that is still missing, or a listing inside a restore
    'bad counters',  # the tool passes over them, or reads as much as looks like a number
    'expected PACKETS and BYTES', 'counters stand twice',
    "a chain's name", 'a target has this name', "a built-in chain's name",
    'closes a circle',  # the tool minds only chains that a packet can reach
    'a quoted word that does not end',  # the tool takes the rest of the line, newline and all
    'a comment has at most 255 bytes',  # the tool cuts it short
    'a comment must be', 'UTF-8',
    'an interface name', 'host names are resolved', 'where only IPv4 can stand',
    'bad mask',  # +8
    "target 'CT' needs one of its options",  # it would mean nothing
    'unknown TCP flag',  # SYN,,ACK
    'unknown state',  # the beginning of a state's name
    'bad rate',  # 5'm
    'unknown protocol',  # mptcp, whose number is above 255
    'not a rule number',  # +1, and numbers above 2^31
    "'!' cannot stand before", 'a NUL byte', 'is not a limit', 'only a rule can have this',
    'a rule cannot jump to the built-in chain', 'no target and no chain',  # before a -6 that takes the line away
]
# What Ringwall takes and 1.8.9 refuses: what the tool says of it.
TAKEN = [
    r'line \d+ failed$',  # CR LF, lines of blanks
    r'Bad argument `COMMIT\s*\'', r'not allowed with multiple source',
    r'`?"?-(-[a-z-]+=|[a-z])',  # -ptcp and --source=A: the tool takes the whole word for the value
    r'COMMIT expected at line',
    r'Parameter too long',
    r'needs `-p', r'only valid for|can be used only with|for use with',  # ports before -p in the line
]
# Taken by both and printed otherwise: the text.
OTHERWISE = [
    r'[ "]-[io][^ ]',  # -ieth0: the tool makes an interface called "-ieth0"
]


def fresh():
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')


def tool(family, program, *args, text=''):
    name = {4: 'iptables', 6: 'ip6tables'}[family] + '-legacy-' + program
    return subprocess.run([name, *args], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def real(family, text):
    """(taken, with counters, what it printed or said)"""
    for flags in ['-c'], []:  # with -c it is strict about counters, without it passes over them
        fresh()
        done = tool(family, 'restore', *flags, text=text)
        if done.returncode == 0:
            saved = tool(family, 'save', '-c').stdout.decode(errors='replace')
            return True, bool(flags), ''.join(line + '\n' for line in saved.split('\n') if line and line[0] != '#')
    said = (done.stderr + done.stdout).decode(errors='replace').strip().split('\n')
    return False, False, said[0] or (said + [''])[1]


def ours(program, family, text):
    """(taken, what it printed or said)"""
    flags = ['-6'] if family == 6 else []
    read = subprocess.run([program, 'import', *flags], input=text.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    said = read.stderr.decode(errors='replace')
    if read.returncode != 0:
        return False, said
    out = subprocess.run([program, 'export', '-c', *flags], input=read.stdout, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False)
    if out.returncode != 0:
        return False, 'lost on the way through YAML: ' + out.stderr.decode(errors='replace')
    return True, out.stdout.decode(errors='replace')


def judge(program, family, text):
    """None, or what is wrong."""
    taken, counters, printed = real(family, text)
    good, said = ours(program, family, text)
    if good and taken:
        if not counters:
            printed, said = (re.sub(r'\[\d+:\d+\]', '[0:0]', s) for s in (printed, said))
        if printed != said and not any(re.search(p, text) for p in OTHERWISE):
            return f'printed otherwise: {said}\niptables-save:\n{printed}'
    elif taken:
        errors = [line for line in said.split('\n') if ' error: ' in line or 'lost on' in line]
        ends = any(re.search("'(help|version)' is not supported", line) for line in errors)  # where the tool stops
        if not errors or not (ends or all(any(p in line for p in REFUSED) for line in errors)):
            return f'refused, 1.8.9 takes it: {said}'
    elif good and not any(re.search(p, printed) for p in TAKEN):
        return f'taken, 1.8.9 refuses it: {printed}'
    return None


WORDS = ['!', '-j', '-s', '-d', '-i', '-o', '-p', '-m', '-A', '-g', '-f', '-c', '--', '-', '""', '"', 'u', 'v', 'INPUT', 'OUTPUT',
         'tcp', 'udp', '80', '--dport', '--sport', 'ACCEPT', 'DROP', 'RETURN', '1', '2', '0', 'eth0', '+', '10.1.1.1', '2001:db8::5',
         '-4', '-6', '[1:2]', '--syn', '#', 'all', ',', '\t', '-v', '-I', '-D', '-N', '-F', '-Z', '-X', '-R', '-C', '-P', '-E']
LETTERS = ' \t"\'\\!,:;=+-/[]#%.0123456789abcxyzAINPUT'


def change(rng, line):
    """The line with something else in it, left out, doubled or moved."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        words = line.split(' ')
        i = rng.randrange(len(words))
        how = rng.randrange(9)
        if how == 0:
            words.insert(i, rng.choice(WORDS))
        elif how == 1:
            del words[i]
        elif how == 2:
            words.insert(rng.randrange(len(words) + 1), words[i])
        elif how == 3:
            j = rng.randrange(len(words))
            words[i], words[j] = words[j], words[i]
        elif how == 4:
            words[i] = rng.choice(WORDS)
        elif how == 5:
            words[i] = f'"{words[i]}"'
        elif words[i]:
            at = rng.randrange(len(words[i]) + 1)
            new = rng.choice(LETTERS) if how < 8 else ''
            words[i] = words[i][:at] + new + words[i][at + (how != 6):]
        line = ' '.join(words)
    return line


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    p.add_argument('program')
    p.add_argument('--count', type=int, default=1500, help='random texts, besides the table')
    p.add_argument('--seed', type=int, default=None)
    p.add_argument('--tally', default='/dev/null')
    a = p.parse_args()
    seed = a.seed if a.seed is not None else int(time.time())
    rng = random.Random(seed)
    cases = list(oddforms.cases())
    bad = n = 0

    def one(family, text, origin):
        nonlocal bad, n
        n += 1
        why = judge(a.program, family, text)
        if why is not None:
            bad += 1
            print(f'--- IPv{family}, {origin}\n{text}--- {why}')

    for family, text in cases:
        one(family, text, 'table')
    for _ in range(a.count):
        family, text = rng.choice(cases)
        lines = text.split('\n')
        i = len(lines) - 3 if len(lines) > 3 else 0  # the line before COMMIT
        if rng.random() < 0.1:
            i = rng.randrange(len(lines))
        lines[i] = change(rng, lines[i])
        one(family, '\n'.join(lines), f'seed {seed}')
    print(f'syntax: {n} texts ({len(cases)} of the table, {a.count} changed, seed {seed}), {bad} differ')
    with open(a.tally, 'a', encoding='ascii') as f:
        f.write(f'{"fail" if bad else "pass"} syntax: {n} texts as iptables-restore\n')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
