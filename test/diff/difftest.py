#!/usr/bin/python3
"""Differential test: the same rules and the same frames through Linux netfilter and through Ringwall.

Random policies go into a kernel namespace by iptables-restore and into Ringwall by `ringwall import`; random
conversations are sent one frame at a time into the kernel, recorded, and given to `ringwall replay`. Compared are
the frames that leave each port, in order and byte by byte, what the gateway's own host receives, and all
counters of rules and policies; and the lines of LOG and TRACE, where the kernel lets them be seen. A case that differs is shrunk and printed, and can be saved (--save).
"""
import argparse
import json
import os
import random
import subprocess
import sys
import time

import algs
import extensions
import frames as F
import packets
import policies
import world
from kernel import Kernel
from kernel_log import KernelLog, comparable as comparable_log

STEP_US = 200000  # between two frames of a capture: ICMP error rate limits have no say, no timeout ends


class Ringwall:
    """The other side: `ringwall import` and `ringwall replay`."""

    def __init__(self, program, folder, workers):
        self.program, self.folder = program, folder
        os.makedirs(folder, exist_ok=True)
        self.path = lambda name: os.path.join(folder, name)
        confs = [('ringwall.conf', True, 1), ('whole.conf', False, 1)] + [(f'workers-{n}.conf', True, n) for n in workers]
        for name, cache, n in confs:
            with open(self.path(name), 'w', encoding='ascii') as f:
                f.write(world.conf('policy.yaml' if n == 1 else 'many.yaml', self.path('control.sock')))
                f.write(f'verdict-cache = {str(cache).lower()};\nworkers = {list(range(1, n + 1))};\n')

    def load(self, family, text, sets=''):
        """0, or what `ringwall import` said."""
        with open(self.path('rules'), 'w', encoding='utf-8') as f:
            f.write(text)
        command = [self.program, 'import'] + (['-6'] if family == 6 else []) + [self.path('rules')]
        if sets:
            with open(self.path('sets'), 'w', encoding='ascii') as f:
                f.write(sets)
            command += ['--sets', self.path('sets')]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            return done.stderr or f'exit {done.returncode}'
        with open(self.path('policy.yaml'), 'w', encoding='utf-8') as f:
            f.write(done.stdout)
        # With several workers ports are steered by default, which the kernel does not.
        with open(self.path('many.yaml'), 'w', encoding='utf-8') as f:
            f.write(done.stdout + 'nat:\n  port-selection: preserve\n')
        return 0

    def replay(self, family, sent, conf='ringwall.conf'):
        """(frames out by port, what the host got, counters text, log lines), or a string that says what went wrong."""
        out = self.path('out')
        subprocess.run(['rm', '-rf', out], check=True)
        command = [self.program, 'replay', '-c', self.path(conf)]
        for i, entry in enumerate(['lan', 'wan', 'host:lan', 'host:wan']):
            records = [(when, frame) for when, where, frame in sent if where == entry]
            if records:
                F.pcap_write(self.path(f'in{i}.pcap'), records)
                command += ['--in', f'{entry}={self.path(f"in{i}.pcap")}']
        command += ['--out', out]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
        if done.returncode != 0:
            return f'replay: exit {done.returncode}\n{done.stdout}'
        wire = {p: [f for _, f in self.capture(f'{p}.pcap') if f[12:14] in (b'\x08\x00', b'\x86\xdd')] for p in world.PORTS}
        host = []
        for port in world.PORTS:
            # The twin's MTU cuts what is longer; the host's stack puts it together again.
            for when, p in F.whole(self.capture(f'host-{port}.pcap')):
                if p.proto == F.ICMP6 and F.csum(F.pseudo(p.src, p.dst, F.ICMP6, len(p.l4)) + p.l4) != 0:
                    continue  # the kernel's raw ICMPv6 socket, which hears for the other side, leaves these out
                host.append((when, (p.family, p.proto, p.src, p.dst, p.l4)))
        host.sort(key=lambda h: h[0])
        with open(os.path.join(out, f'counters.v{family}.save'), encoding='utf-8') as f:
            counters = f.read()
        with open(os.path.join(out, 'verdicts.jsonl'), encoding='utf-8') as f:
            verdicts = [json.loads(line) for line in f]
        self.verdicts = verdicts
        if [v['index'] for v in verdicts] != list(range(len(sent))):
            return f'verdicts.jsonl has {len(verdicts)} lines for {len(sent)} frames, or not in order'
        return wire, [h for _, h in host], counters, self.log_lines()

    def log_lines(self):
        """["<LEVEL> TEXT", ...] of LOG and TRACE."""
        with open(os.path.join(self.folder, 'out', 'log.txt'), encoding='utf-8') as f:
            lines = [line.rstrip('\n').split(' ', 1)[1] for line in f]
        return [line for line in lines if 'type=NETFILTER_PKT' not in line]

    def capture(self, name):
        path = os.path.join(self.folder, 'out', name)
        return F.pcap_read(path) if os.path.exists(path) else []


def counters_of(text):
    """{table: {chain: [policy counters or None, [rule lines with counters]]}} of iptables-save -c text."""
    out, table = {}, None
    for line in text.split('\n'):
        if line.startswith('*'):
            table = out.setdefault(line[1:].strip(), {})
        elif line.startswith(':'):
            name, verdict, count = line[1:].split()
            if name != 'zz-keep':
                table[name] = [f'{verdict} {count}' if verdict != '-' else None, []]
        elif line.startswith('['):
            count, _, chain, *rest = line.split(' ', 3)
            if chain != 'zz-keep':
                table[chain][1].append((count, rest[0] if rest else ''))
    return out


def count_hits(hits, counters):
    """hits: {extension: [rules, rules that a packet matched]} goes on with the rules of `counters`."""
    for chains in counters_of(counters).values():
        for _, rules in chains.values():
            for count, rule in rules:
                for word, name in zip(rule.split()[:-1], rule.split()[1:]):
                    if word in ('-m', '-j'):
                        row = hits.setdefault(f'{word} {name}', [0, 0])
                        row[0] += 1
                        row[1] += count != '[0:0]'


def run_kernel(kernel, case):
    """Sends the case; returns (sent [(time, entry, frame)], wire {port: [frame]}, host [..], counters text)."""
    talk = algs.Talk(case, case['policy']['family'])
    sent, wire, host = [], {p: [] for p in world.PORTS}, []
    kernel.drain(0)
    for op in case['ops']:
        seen = []
        pieces = talk.frame(op)
        for entry, frame in pieces:
            sent.append((STEP_US * (len(sent) + 1), entry, frame))
            kernel.send(entry, frame)
            w, h = kernel.heard()
            for port, out in w:
                wire[port].append(out)
                seen.append((port, F.Parsed(out)))
            for item in h:
                host.append(item)
                seen.append(('host', parsed_host(item)))
        if pieces:
            talk.learn(op, F.Parsed(pieces[-1][1]), seen)
    while True:
        w, h = kernel.heard(0.003)
        if not w and not h:
            break
        for port, out in w:
            wire[port].append(out)
        host += h
    return sent, wire, host, kernel.counters(case['policy']['family'])


def parsed_host(item):
    family, proto, src, dst, l4 = item
    ip = F.ipv4(src, dst, proto, l4) if family == 4 else F.ipv6(src, dst, proto, l4)
    return F.Parsed(ip, l3=True)


def differences(kernel_result, ringwall_result, names=('kernel', 'ringwall')):
    """Lines that say how the two differ; empty where they agree."""
    one, two = names
    out = []
    _, wire_k, host_k, counters_k, log_k = kernel_result
    wire_r, host_r, counters_r, log_r = ringwall_result
    host_k, host_r = [[F.without_dccp_sum(h) for h in host] for host in (host_k, host_r)]
    for port in world.PORTS:
        a, b = F.comparable(wire_k[port], world.OWN[4]), F.comparable(wire_r[port], world.OWN[4])
        out += compare_lists(names, f'out of {port}', a, b, lambda f: f'{F.Parsed(f)}   {f.hex()}')
    for proto in sorted({h[1] for h in host_k + host_r}):
        a = [h for h in host_k if h[1] == proto]
        b = [h for h in host_r if h[1] == proto]
        out += compare_lists(names, f'to the host, protocol {proto}', a, b, lambda h: f'{parsed_host(h)}   {h[4].hex()}')
    if log_k is not None and log_r is not None:
        a, b = comparable_log(log_k, world.OWN[4]), comparable_log(log_r, world.OWN[4])
        out += compare_lists(names, 'log lines', a, b, str)
    a, b = counters_of(counters_k), counters_of(counters_r)
    for table in policies.BUILT_IN:
        for chain in sorted(set(a.get(table, {})) | set(b.get(table, {}))):
            x, y = a.get(table, {}).get(chain), b.get(table, {}).get(chain)
            if x is None or y is None:
                # A table that says nothing need not be listed.
                if (x or y)[1] or not str((x or y)[0]).startswith('ACCEPT'):
                    out.append(f'counters: {table} {chain} is only in {two if x is None else one}')
                continue
            if x[0] != y[0]:
                out.append(f'counters: {table} {chain} policy: {one} {x[0]}, {two} {y[0]}')
            for i in range(max(len(x[1]), len(y[1]))):
                m = x[1][i] if i < len(x[1]) else None
                n = y[1][i] if i < len(y[1]) else None
                if m != n:
                    out.append(f'counters: {table} {chain} rule {i + 1}: {one} {m}, {two} {n}')
    return out


def compare_lists(names, what, a, b, show):
    if a == b:
        return []
    out = [f'{what}: {names[0]} {len(a)}, {names[1]} {len(b)}']
    for i in range(max(len(a), len(b))):
        x, y = a[i] if i < len(a) else None, b[i] if i < len(b) else None
        if x != y:
            out.append(f'  #{i} {names[0]:8} {show(x) if x is not None else "-"}')
            out.append(f'  #{i} {names[1]:8} {show(y) if y is not None else "-"}')
            break
    return out


def kinds_of(found):
    """What sort of differences these are: where the first of them was seen."""
    return {' '.join(line.split()[:3]) for line in found if not line.startswith(' ')}


# What counts or remembers across flows does so in each worker for itself (ringwall-policy(5) says how each is shared).
PER_WORKER = ('-m connlimit', '-m hashlimit', '-m limit', '-m quota', '-m recent', '-m statistic', '-j SET', '-m set')


class Tester:
    def __init__(self, program, folder, workers=()):
        self.kernel = Kernel()
        self.log = KernelLog()
        self.workers = workers
        self.ringwall = Ringwall(program, folder, workers)
        self.hits = {}

    def try_case(self, case):
        """(differences, sent). None for differences: the kernel itself does not do the same twice (a translated
        port was taken and it chose one by chance), so there is nothing to compare with."""
        family, text = case['policy']['family'], policies.text(case['policy'])
        results = []
        for _ in range(2):
            said = self.kernel.load(family, text, policies.sets_of(case['policy']))
            if said:
                raise ValueError(f'iptables-restore: {said}')
            self.kernel.forget()
            with self.log.listen(text):
                results.append(run_kernel(self.kernel, case) + (self.log.lines(),))
        result = results[0]
        count_hits(self.hits, result[3])
        if not result[0]:
            return None, []  # nobody had anything to say
        if differences(result, results[1][1:]):
            return None, result[0]
        said = self.ringwall.load(family, text, policies.sets_of(case['policy']))
        if said:
            return [f'ringwall import: {said}'], result[0]
        # First without the verdict cache, so that what a report shows is from the run with it.
        whole = self.ringwall.replay(family, result[0], 'whole.conf')
        verdicts = getattr(self.ringwall, 'verdicts', None)
        other = self.ringwall.replay(family, result[0])
        for run in whole, other:
            if isinstance(run, str):
                return [run], result[0]
        found = differences(result, other)
        found += differences((None, *whole), other, ('without the cache', 'with it'))
        for one, two in zip(verdicts, self.ringwall.verdicts):
            if one != two:
                found.append(f'verdicts without the cache and with it:\n  {one}\n  {two}')
        for n in self.workers if not any(word in text for word in PER_WORKER) else ():
            many = self.ringwall.replay(family, result[0], f'workers-{n}.conf')
            if isinstance(many, str):
                return [many], result[0]
            found += differences(result, many, ('kernel', f'{n} workers'))
        return found, result[0]

    def still_differs(self, case, kinds):
        """Does it differ in one of these ways?"""
        try:
            found, sent = self.try_case(case)
        except ValueError:
            return False
        return bool(sent) and bool(kinds & kinds_of(found or []))

    def shrink(self, case, found, budget=120):
        """A smaller case that still differs in the same way."""
        kinds = kinds_of(found)
        case = json.loads(json.dumps(case))
        deadline = time.monotonic() + budget

        def attempt(change):
            smaller = json.loads(json.dumps(case))
            change(smaller)
            if time.monotonic() < deadline and self.still_differs(smaller, kinds):
                case.clear()
                case.update(smaller)
                return True
            return False

        def cut_ops(at, n):
            return lambda c: c['ops'].__delitem__(slice(at, at + n))

        size = len(case['ops']) // 2
        while size >= 1:
            at = 0
            while at < len(case['ops']):
                if not attempt(cut_ops(at, size)):
                    at += size
            size //= 2
        for table in list(case['policy']['tables']):
            if attempt(lambda c, t=table: [r[2].clear() for r in c['policy']['tables'][t]]):
                continue
            for index in range(len(case['policy']['tables'][table])):
                at = 0
                while at < len(case['policy']['tables'][table][index][2]):
                    if not attempt(lambda c, t=table, i=index, a=at: c['policy']['tables'][t][i][2].__delitem__(a)):
                        at += 1
            for index, row in enumerate(case['policy']['tables'][table]):
                if row[1] == 'DROP':
                    attempt(lambda c, t=table, i=index: c['policy']['tables'][t][i].__setitem__(1, 'ACCEPT'))
        return case

    def report(self, name, case, found, sent):
        print(f'-- {name} differs')
        print(policies.sets_of(case['policy']) + policies.text(case['policy']), end='')
        print('frames in:')
        for i, (_, entry, frame) in enumerate(sent):
            verdict = ''
            if i < len(getattr(self.ringwall, 'verdicts', [])):
                v = self.ringwall.verdicts[i]
                verdict = f'   ringwall: {v["ct_state"]} {v["verdict"]} {v["table"]} {v["chain"]} {v["rule_number"]} ' \
                          f'{v["egress_port"]} {v["reason"] or ""}'
            print(f'  {i} {entry}: {F.Parsed(frame)}{verdict}')
        for line in found:
            print('  ' + line)
        sys.stdout.flush()


def make_case(seed, family, length=40):
    rng = random.Random(seed)
    policy = policies.random_policy(rng, family)
    if seed % 4 == 3:
        algs.ask_for_helpers(rng, policy)
        case = algs.random_case(rng, family, length)
    else:
        case = packets.random_case(rng, family, length)
    case['policy'] = policy
    if any(target in policies.text(policy) for target in ('DNAT', 'REDIRECT')):
        for op in case['ops']:  # anything may get to the host, which looks at more than a router
            op['calm'] = True
    return case


def regressions(folder):
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.endswith('.json'):
            with open(os.path.join(folder, name), encoding='utf-8') as f:
                yield name, json.load(f)


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument('program', help='the ringwall binary')
    p.add_argument('--folder', default='/run/difftest', help='for its own files')
    p.add_argument('--count', type=int, default=200)
    p.add_argument('--algs', action='store_true', help='only conversations that helpers read')
    p.add_argument('--seed', type=int, default=1, help='seed of the first case; the others count up')
    p.add_argument('--regressions', help='folder of saved cases to run first')
    p.add_argument('--save', help='folder for shrunk cases that differ')
    p.add_argument('--max-failures', type=int, default=5)
    p.add_argument('--draw', help='names of extensions, comma separated: no others, and in most rules')
    p.add_argument('--no-shrink', action='store_true')
    p.add_argument('--workers', default='', help='numbers of workers, comma separated, with which it is run besides')
    p.add_argument('--tally', help='file that gets a line "pass NAME" or "fail NAME" for each case')
    return p.parse_args()


def main():
    args = arguments()
    if args.draw:
        extensions.only(args.draw.split(','))
    tester = Tester(args.program, args.folder, [int(n) for n in args.workers.split(',') if n])
    cases = list(regressions(args.regressions)) if args.regressions else []
    wanted = len(cases) + args.count
    # Some seeds more than are wanted, in the place of those where the kernel does as it likes.
    seeds = range(args.seed, args.seed + args.count * (8 if args.algs else 2))
    cases += [(f'seed-{s}', s) for s in seeds if not args.algs or s % 4 == 3]
    failures = n_frames = done = random_ones = 0
    began = time.monotonic()
    for name, case in cases:
        if done >= wanted:
            break
        if isinstance(case, int):
            case = make_case(case, 6 if case % 5 in (1, 3) else 4)
        found, sent = tester.try_case(case)
        if found is None:
            random_ones += 1
            continue
        done += 1
        n_frames += len(sent)
        if args.tally:
            with open(args.tally, 'a', encoding='ascii') as f:
                f.write(f'{"fail" if found else "pass"} differential {name}\n')
        if not found:
            continue
        failures += 1
        if failures > args.max_failures:
            print(f'-- {name} differs too')
            continue
        if not args.no_shrink:
            case = tester.shrink(case, found)
            again, sent = tester.try_case(case)
            found = again or found
        tester.report(name, case, found, sent)
        if args.save:
            with open(os.path.join(args.save, f'{name}.json'), 'w', encoding='ascii') as f:
                json.dump(case, f, indent=1)
    if args.draw:  # did the packets test anything?
        print('rules, and how many of them some packet matched: ' +
              ', '.join(f'{name} {hit} of {n}' for name, (n, hit) in sorted(tester.hits.items())))
    print(f'differential: {done} policies, {n_frames} frames, {failures} differ '
          f'({random_ones} more left out: the kernel chose a port by chance), {time.monotonic() - began:.0f} s')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
