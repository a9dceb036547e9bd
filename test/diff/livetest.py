#!/usr/bin/python3
"""`ringwall replay` gives the same verdicts as the live daemon on the same frames.

For a few random policies: ringwalld runs in a namespace on net_af_packet ports, a random conversation goes in at
its ports by raw sockets, and what comes out is recorded. The very frames, with the times at which they were sent,
go to `ringwall replay` with the same ringwall.conf. Frames out of each port and all counters must be equal. The
gateway's own host is silent, as in the differential test, and sends nothing of its own.
"""
import argparse
import os
import select
import signal
import subprocess
import sys
import time

import difftest
import frames as F
import packets
import policies
import world
from kernel import Kernel, peer, run

GAP = 0.012  # seconds between two frames: each is through before the next


class Live(Kernel):
    """The same namespaces, with a daemon where the kernel's gateway was."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        os.makedirs(folder, exist_ok=True)
        self.path = lambda name: os.path.join(folder, name)
        super().__init__()
        # The daemon and this program need a core each.
        os.sched_setaffinity(0, set(range(os.cpu_count())))

    def devices(self):
        self.sysctl('net/ipv6/conf/default/disable_ipv6', 1)
        self.enter()
        for key, value in [('net/ipv6/conf/default/accept_dad', 0), ('net/ipv6/conf/default/dad_transmits', 0),
                           ('net/ipv6/conf/default/router_solicitations', 0), ('net/ipv6/conf/default/addr_gen_mode', 1),
                           ('net/ipv6/conf/default/accept_ra', 0), ('net/ipv4/icmp_echo_ignore_all', 1),
                           ('net/ipv6/icmp/echo_ignore_all', 1)]:
            self.sysctl(key, value)
        self.leave()
        run('ip', '-n', 'gw', 'link', 'set', 'lo', 'up')
        for port in world.PORTS:
            run('ip', 'link', 'add', peer(port), 'mtu', '1500', 'type', 'veth', 'peer', 'name', 'v-' + port,
                'mtu', '1500', 'netns', 'gw')
            run('ip', '-n', 'gw', 'link', 'set', 'v-' + port, 'up')
            run('ip', 'link', 'set', peer(port), 'up')
            run('ethtool', '-K', peer(port), 'tx', 'off')
            self.in_gw('ethtool', '-K', 'v-' + port, 'tx', 'off')
        text = world.conf('policy.yaml', self.path('control.sock'))
        for i, port in enumerate(world.PORTS):
            text = text.replace(f'"net_null{i}"', f'"net_af_packet{i},iface=v-{port}"')
        cores = '0' if os.cpu_count() == 1 else '0-1'
        text = text.replace('"-l", "0"', f'"--lcores", "(0-1)@({cores})"').replace(' twin = "none";', '')
        text += 'workers = [ 1 ];\n'
        text = text.replace('log = {', f'log = {{ to = "file:{self.path("lines.txt")}";')
        with open(self.path('ringwall.conf'), 'w', encoding='ascii') as f:
            f.write(text)

    def ringwall(self, *arguments):
        return subprocess.run(['nsenter', '--net=/run/netns/gw', self.build + '/app/ringwall', '--control',
                               self.path('control.sock'), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)

    def start(self, family, text):
        with open(self.path('rules'), 'w', encoding='utf-8') as f:
            f.write(text)
        said = self.ringwall('import', *(['-6'] if family == 6 else []), self.path('rules'))
        if said.returncode != 0:
            raise SystemExit(f'ringwall import: {said.stdout}')
        with open(self.path('policy.yaml'), 'w', encoding='utf-8') as f:
            f.write(said.stdout)
        with open(self.path('lines.txt'), 'w', encoding='utf-8'):
            pass  # the daemon adds to what is there
        self.log = open(self.path('ringwalld.log'), 'w', encoding='utf-8')
        self.daemon = subprocess.Popen(['nsenter', '--net=/run/netns/gw', self.build + '/app/ringwalld', '-c',
                                        self.path('ringwall.conf')], stdout=self.log, stderr=self.log)
        for _ in range(200):
            if self.ringwall('ports').returncode == 0:
                break
            if self.daemon.poll() is not None:
                break
            time.sleep(0.1)
        else:
            raise SystemExit('ringwalld was not ready after 20 s')
        if self.daemon.poll() is not None:
            with open(self.path('ringwalld.log'), encoding='utf-8') as f:
                raise SystemExit('ringwalld ended:\n' + f.read())
        # The twins have come up: what their stack says about it is over after this.
        select.select([], [], [], 2.5)
        self.drain(0.1)

    def log_lines(self):
        """As difftest.Ringwall's."""
        with open(self.path('lines.txt'), encoding='utf-8') as f:
            lines = [line.rstrip('\n').split(' ', 1)[1] for line in f]
        return [line for line in lines if 'type=NETFILTER_PKT' not in line]

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(20)
        self.log.close()
        return code

    def counters(self, family):
        return self.ringwall('save', *(['-6'] if family == 6 else []), '-c').stdout


def without_host(case):
    """The case without what the gateway's host says; what is for the host stays."""
    keep = [op for op in case['ops'] if op['f'] is None or case['flows'][op['f']].get('side') != 'host']
    return {'flows': case['flows'], 'ops': keep, 'policy': case['policy']}


def play(live, case):
    """(sent [(time, entry, frame)], wire {port: [frame]})"""
    talk = packets.Talk(case, case['policy']['family'])
    sent, wire = [], {p: [] for p in world.PORTS}
    began = time.monotonic()
    for op in case['ops']:
        seen = []
        pieces = talk.frame(op)
        if any(entry.startswith('host:') for entry, _ in pieces):
            continue  # an answer of the host
        for entry, frame in pieces:
            sent.append((int((time.monotonic() - began) * 1e6) + 1000000, entry, frame))
            live.send(entry, frame)
            end = time.monotonic() + GAP
            while time.monotonic() < end:
                w, h = live.heard(max(0.0, end - time.monotonic()))
                for port, out in w:
                    wire[port].append(out)
                    seen.append((port, F.Parsed(out)))
                seen += [('host', difftest.parsed_host(item)) for item in h]
        if pieces:
            talk.learn(op, F.Parsed(pieces[-1][1]), seen)
    for _ in range(5):
        w, _ = live.heard(0.05)
        for port, out in w:
            wire[port].append(out)
    return sent, wire


def subtract(after, before):
    """The counters that the conversation added, as iptables-save -c text again."""
    out = []
    for a, b in zip(after.split('\n'), before.split('\n')):
        if '[' in a and ']' in a and a[:1] in (':', '['):
            at, end = a.index('['), a.index(']')
            x, y = ([int(n) for n in t[t.index('[') + 1:t.index(']')].split(':')] for t in (a, b))
            a = f'{a[:at]}[{x[0] - y[0]}:{x[1] - y[1]}{a[end:]}'
        out.append(a)
    return '\n'.join(out)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('build')
    p.add_argument('--folder', default='/run/livetest')
    p.add_argument('--count', type=int, default=6)
    p.add_argument('--seed', type=int, default=1000)
    p.add_argument('--tally')
    args = p.parse_args()
    live = Live(os.path.abspath(args.build), args.folder)
    replay = difftest.Ringwall(live.build + '/app/ringwall', args.folder + '/replay')
    bad = n_frames = 0
    seed, left = args.seed - 1, args.count
    while left > 0:
        seed += 1
        family = 6 if seed % 3 == 1 else 4
        case = without_host(difftest.make_case(seed, family, 70))
        text = policies.text(case['policy'])
        live.start(family, text)
        before = live.counters(family)
        sent, wire = play(live, case)
        counters = subtract(live.counters(family), before)
        code = live.stop()
        if not sent and code == 0:
            continue  # only the host had something to say
        left -= 1
        n_frames += len(sent)
        # The same machine, the same policy.
        for name in ('ringwall.conf', 'policy.yaml'):
            with open(live.path(name), encoding='utf-8') as f, open(replay.path(name), 'w', encoding='utf-8') as g:
                g.write(f.read())
        other = replay.replay(family, sent)
        if isinstance(other, str):
            found = [other]
        else:
            found = difftest.differences((sent, wire, [], counters, live.log_lines()), (other[0], [], *other[2:]),
                                         names=('live', 'replay'))
        if code != 0:
            found.append(f'ringwalld ended with {code} at SIGTERM')
        if args.tally:
            with open(args.tally, 'a', encoding='ascii') as f:
                f.write(f'{"fail" if found else "pass"} replay and live agree, seed {seed}\n')
        if found:
            bad += 1
            print(f'-- seed {seed} differs\n{text}', end='')
            for i, (when, entry, frame) in enumerate(sent):
                print(f'  {i} {when / 1e6:.3f} {entry}: {F.Parsed(frame)}')
            print('\n'.join('  ' + line for line in found))
    print(f'replay and live: {args.count} policies, {n_frames} frames, {bad} differ')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
