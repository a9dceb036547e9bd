#!/usr/bin/env python3
"""Draws ticks per packet against flows and against rules, as SVG on standard output.

usage: plot.py RESULTS.jsonl ...     lines of `ringwall bench --json` and of test/bench/peers; reference.jsonl beside
                                     this file adds VPP and the hardware's floor
Of several lines for the same point the smallest ticks_min counts.
"""
import collections
import html
import json
import math
import os
import sys

WIDTH, HEIGHT = 1080, 460
PANEL = 410          # width of one panel's plot area
TOP, BOTTOM = 64, 74  # above and below it
COLOURS = {'Ringwall': '#0b6e4f', 'Linux netfilter': '#c1440e', 'FD.io VPP': '#3b5b92', 'rte_acl alone': '#8a5a9e',
           'floor': '#777777'}
NAMES = {'linux-netfilter': 'Linux netfilter', 'rte_acl': 'rte_acl alone'}
EVERYTHING = 'masquerade-rules'


def read(paths):
    """{panel: {series: {x: ticks}}} with panels 'flows' and 'rules'."""
    panels = {'flows': collections.defaultdict(dict), 'rules': collections.defaultdict(dict)}

    def point(panel, series, x, ticks):
        row = panels[panel][series]
        row[x] = min(ticks, row.get(x, ticks))

    for path in paths:
        with open(path, encoding='utf-8') as f:
            for line in filter(str.strip, f):
                r = json.loads(line)
                ticks, peer = r.get('ticks_min'), r.get('peer')
                if not ticks or r.get('frame', 64) != 64 or r.get('family', 'ipv4') != 'ipv4':
                    continue
                if peer == 'rte_acl':
                    point('rules', NAMES[peer], r['rules'], ticks)
                elif peer:
                    point('flows', NAMES.get(peer, peer), r['flows'], ticks)
                    if r.get('rules') and r.get('flows') == 65536:
                        point('rules', NAMES.get(peer, peer), r['rules'], ticks)
                elif r.get('case') == EVERYTHING:
                    if r['rules'] == 1000:
                        point('flows', 'Ringwall', r['flows'], ticks)
                    if r['flows'] == 65536:
                        point('rules', 'Ringwall', r['rules'], ticks)
    return panels


def short(n):
    k = 1024 if n % 1024 == 0 else 1000
    for size, letter in ((k * k, 'M'), (k, 'k')):
        if n >= size:
            return f'{round(n / size):g} {letter}'
    return f'{n:g}'


class Panel:
    def __init__(self, left, title, label, series):
        self.left, self.title, self.label, self.series = left, title, label, series
        xs = [x for row in series.values() for x in row]
        ys = [y for row in series.values() for y in row.values()]
        self.x = (math.log10(min(xs)), max(math.log10(max(xs)), math.log10(min(xs)) + 1))
        self.y = (math.floor(math.log10(min(ys)) * 2) / 2, math.ceil(math.log10(max(ys)) * 2) / 2)

    def at(self, x, y):
        fx = (math.log10(x) - self.x[0]) / (self.x[1] - self.x[0])
        fy = (math.log10(y) - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + 12 + fx * (PANEL - 24), HEIGHT - BOTTOM - fy * (HEIGHT - TOP - BOTTOM)

    def draw(self, out):
        right, low = self.left + PANEL, HEIGHT - BOTTOM
        out.append(f'<text x="{self.left}" y="{TOP - 14}" class="title">{html.escape(self.title)}</text>')
        for power in range(math.floor(self.y[0]), math.ceil(self.y[1]) + 1):
            for step in (1, 2, 5):
                value = step * 10 ** power
                if not self.y[0] <= math.log10(value) <= self.y[1]:
                    continue
                y = self.at(10 ** self.x[0], value)[1]
                out.append(f'<line x1="{self.left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
                           f'<text x="{self.left - 8}" y="{y + 4:.1f}" class="tick" text-anchor="end">{value:,}</text>')
        written = -math.inf
        for x in sorted({x for row in self.series.values() for x in row}):
            px = self.at(x, 10 ** self.y[0])[0]
            if px - written < 30:
                continue  # 1,000,000 beside 1,048,576
            written = px
            out.append(f'<text x="{px:.1f}" y="{low + 20}" class="tick" text-anchor="middle">{short(x)}</text>')
        out.append(f'<line x1="{self.left}" x2="{right}" y1="{low}" y2="{low}" class="axis"/>'
                   f'<text x="{self.left + PANEL / 2}" y="{low + 40}" class="tick" text-anchor="middle">'
                   f'{html.escape(self.label)}</text>')
        for name in sorted(self.series, key=lambda n: list(COLOURS).index(n)):
            points = [self.at(x, y) for x, y in sorted(self.series[name].items())]
            colour, dash = COLOURS[name], ' stroke-dasharray="5 4"' if name == 'floor' else ''
            path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in points)
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"{dash}/>')
            for (x, y), ticks in zip(points, [t for _, t in sorted(self.series[name].items())]):
                out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
                           f'<text x="{x:.1f}" y="{y - 9:.1f}" class="value" fill="{colour}" text-anchor="middle">'
                           f'{round(ticks):,}</text>')


def legend(names, out):
    x = 70
    for name in [n for n in COLOURS if n in names]:
        text = 'what the hardware allows' if name == 'floor' else name
        out.append(f'<circle cx="{x}" cy="{HEIGHT - 14}" r="5" fill="{COLOURS[name]}"/>'
                   f'<text x="{x + 11}" y="{HEIGHT - 10}" class="tick">{text}</text>')
        x += 34 + 7.2 * len(text)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    if len(sys.argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    panels = read(sys.argv[1:] + [os.path.join(here, 'reference.jsonl')])
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">',
           '<style>text{font-family:Helvetica,Arial,sans-serif}.title{font-size:15px;font-weight:bold;fill:#222}'
           '.tick{font-size:12px;fill:#444}.value{font-size:11px}.grid{stroke:#e4e4e4}.axis{stroke:#888}</style>',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
           '<text x="70" y="26" class="title">Filter, conntrack and MASQUERADE of known flows: TSC ticks per packet, one '
           'core, 64-byte UDP, less is better</text>']
    left = 70
    for kind, title, label in (('flows', 'against flows (1,000 rules)', 'flows, visited at random'),
                               ('rules', 'against rules (64 k flows)', 'rules')):
        if panels[kind]:
            Panel(left, title, label, panels[kind]).draw(out)
        left += PANEL + 110
    legend({name for rows in panels.values() for name in rows}, out)
    print('\n'.join(out + ['</svg>']))
    return 0


if __name__ == '__main__':
    sys.exit(main())
