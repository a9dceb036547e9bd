"""iptables-restore texts of every odd form: what a person, a script or an old tool may write.

cases() gives them with their family. A line alone stands in the filter table, behind two user chains and a rule.
"""
HEAD = '*filter\n:u - [0:0]\n:v - [0:0]\n-A u -s 10.9.9.9 -j RETURN\n'

# Whole texts.
FILES = [
    '', '\n', '# comment\n', '#\n\n   \n', 'COMMIT\n', '*filter\nCOMMIT\n', '* filter\nCOMMIT\n', '*\tfilter\nCOMMIT\n',
    '*filter \nCOMMIT\n', '*filter # main\nCOMMIT\n', '*filter nat\nCOMMIT\n', ' *filter\nCOMMIT\n', '*\nCOMMIT\n',
    '*Filter\nCOMMIT\n', '*"filter"\nCOMMIT\n', '*broute\nCOMMIT\n', '*filter\n', '*filter\n*nat\nCOMMIT\n',
    '*filter\nCOMMIT\nCOMMIT\n', '*filter\nCOMMIT\n-A INPUT\n', '-A INPUT\n*filter\nCOMMIT\n', '*filter\ncommit\n',
    '*filter\n COMMIT\n', '*filter\nCOMMIT \n', '*filter\nCOMMIT\n\n# end\n\n', '*filter\n\n\n-A INPUT\n\nCOMMIT\n',
    '*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n*filter\n-A INPUT\nCOMMIT\n*raw\n-A OUTPUT\nCOMMIT\n',
    '*raw\nCOMMIT\n*mangle\nCOMMIT\n*nat\nCOMMIT\n*filter\nCOMMIT\n',
    '*filter\n-A INPUT\nCOMMIT\n*nat\nCOMMIT\n*filter\n-A OUTPUT\nCOMMIT\n',
    '*filter\n:INPUT DROP [0:0]\n-A INPUT\nCOMMIT\n*filter\nCOMMIT\n',
    '*filter\n-A INPUT -j ACCEPT\nCOMMIT\n*nat\n-A INPUT -j FOO\nCOMMIT\n',
    '*filter\n# -A INPUT\n#-A INPUT\nCOMMIT\n', '*filter\n # -A INPUT\nCOMMIT\n', '*filter\n-A INPUT # why\nCOMMIT\n',
    '*filter\n:INPUT ACCEPT [0:0]\n:INPUT DROP [0:0]\nCOMMIT\n', '*filter\n:FORWARD - [0:0]\nCOMMIT\n',
    '*filter\n-A u\n:u - [0:0]\nCOMMIT\n', '*filter\n-A INPUT -j u\n:u - [0:0]\nCOMMIT\n',
    '*filter\n:a - [0:0]\n:b - [0:0]\n-A a -j b\n-A INPUT -j a\n-A b -j DROP\nCOMMIT\n',
    '*filter\n:z - [0:0]\n:B - [0:0]\n:a_1 - [0:0]\n:a-1 - [0:0]\n:a1 - [0:0]\nCOMMIT\n',
    '*nat\n:PREROUTING ACCEPT [1:2]\n:OUTPUT DROP [3:4]\nCOMMIT\n', '*nat\n-A INPUT -j DROP\nCOMMIT\n',
]

# Lines that declare chains.
CHAIN_LINES = [
    ':INPUT', ':INPUT DROP', ':INPUT DROP [1:2]', ':INPUT DROP [1:2] rest', ':INPUT DROP rest', ':INPUT  DROP\t[1:2]',
    ': INPUT DROP [0:0]', ':INPUT - [0:0]', ':INPUT -', ':INPUT ACCEPT [1]', ':INPUT ACCEPT [1:2', ':INPUT ACCEPT 1:2',
    ':INPUT ACCEPT [a:b]', ':INPUT ACCEPT [-1:2]', ':INPUT ACCEPT [0x10:010]', ':INPUT ACCEPT [1:2]x',
    ':INPUT ACCEPT [ 1:2]', ':INPUT ACCEPT [99999999999999999999:1]', ':INPUT accept [0:0]', ':INPUT RETURN [0:0]',
    ':INPUT QUEUE [0:0]', ':INPUT u [0:0]', ':w', ':w -', ':w - [0:0]', ':w - [5:6]', ':w - x', ':w ACCEPT [0:0]', ':u - [0:0]',
    ':"w" - [0:0]', ':w"x - [0:0]', ':-w - [0:0]', ':!w - [0:0]', ':w! - [0:0]', ':PREROUTING ACCEPT [0:0]', ':DROP - [0:0]',
    ':LOG - [0:0]', ':MARK - [0:0]', ':NOTATARGET - [0:0]', ':a.b/c:d - [0:0]', ':w\u00fc - [0:0]', ':', ': - [0:0]',
    ':aaaaaaaaaabbbbbbbbbbcccccccc - [0:0]', ':aaaaaaaaaabbbbbbbbbbccccccccc - [0:0]', ':0 - [0:0]', ':1 - [0:0]',
    ':w=1 - [0:0]', ':w,x - [0:0]', ":w' - [0:0]", ':w\\x - [0:0]', ':w [0:0]', ':w DROP',
]

# Lines of commands; what they need stands in HEAD.
COMMANDS = [
    # Commands and their abbreviations.
    '-A INPUT', '-AINPUT', '--append INPUT', '--append=INPUT', '--app INPUT', '--a INPUT', '-A', '-A INPUT OUTPUT',
    '-A INPUT -A OUTPUT', '-A INPUT -I OUTPUT', '-A none', '-A "INPUT"', "-A 'INPUT'", '-A INP"UT"', '-A "INPUT', '"-A" INPUT',
    '"-A INPUT"', '-A INPUT""', '-A "" INPUT', '-A -j', '-A ! INPUT', '! -A INPUT', '-A INPUT -j "ACCEPT"', '-A\tINPUT',
    '  -A INPUT', '-A INPUT   ', '-A INPUT\r', '-A INPUT ""', '-A INPUT ;', '-A INPUT; -A OUTPUT', '-A INPUT \\', '-A \\INPUT',
    '-a INPUT', '--Append INPUT', '-A input', '-I u', '-I u 1', '-I u 2', '-I u 3', '-I u 0', '-I u -1', '-I u x', '-I u 0x2',
    '-I u 01', '-I u +1', '-I u 1 2', '-I u 1x', '-I u 4294967297', '-Iu 1', '-I u 1 -j DROP', '-I u -j DROP 1', '--insert u 2 -j DROP',
    '-I none 1', '-I u ! -s 1.1.1.1', '-I INPUT 1 -s 1.1.1.1,2.2.2.2', '-I u 2 -s 1.1.1.1,2.2.2.2',
    '-N w', '-N w x', '-N u', '-N INPUT', '-N', '-N -w', '-N DROP', '-N w -j DROP', '-N w -p tcp', '--new-chain w', '--new w',
    '-N aaaaaaaaaabbbbbbbbbbccccccccc', '-N "w x"', '-N ""', '-N PREROUTING', '-N w -c 1 2', '-N !w', '-N w!', '-N w -v',
    '-X', '-X u', '-X v', '-X INPUT', '-X none', '-X v u', '-F', '-F u', '-F INPUT', '-F none', '-F u v', '-F -j DROP', '-F u -s 1.1.1.1',
    '--flush', '--flush u', '--delete-chain v', '--delete-chain', '-Z', '-Z u', '-Z u 1', '-Z u 2', '-Z u 0', '-Z u x', '-Z none',
    '-Z INPUT', '-Z -j DROP', '--zero u', '-F -Z', '-Z -F', '-X -F', '-F u -Z u', '-F -X', '-Z u 1 2', '-ZF', '-Fu',
    '-P INPUT DROP', '-P INPUT', '-P INPUT RETURN', '-P INPUT drop', '-P u DROP', '-P none DROP', '-P INPUT DROP -j DROP',
    '-P INPUT DROP -c 7 8', '-P INPUT DROP extra', '--policy INPUT ACCEPT', '-P INPUT -j', '[5:6] -P INPUT DROP', '-P INPUT ""',
    '-E u w', '-E u v', '-E u u', '-E u INPUT', '-E INPUT w', '-E none w', '-E u', '-E u DROP', '-E u -w', '--rename-chain u w', '-E u w x',
    '-E u aaaaaaaaaabbbbbbbbbbccccccccc', '-E u w -j DROP', '-E u LOG', '-E v PREROUTING', '-E u "w x"',
    '-D u 1', '-D u 2', '-D u 0', '-D u', '-D u -s 10.9.9.9 -j RETURN', '-D u -s 10.9.9.9/32 -j RETURN', '-D u -s 10.9.9.9',
    '-D u -s 10.9.9.9 -j DROP', '-D none 1', '-D u x', '-D u -1', '-D u 1 -j DROP', '--delete u 1', '-D u ! -s 10.9.9.9 -j RETURN',
    '-D u -s 10.9.9.9,10.9.9.8 -j RETURN', '-D u 1 2', '-D INPUT', '-D u -s 10.9.9.9 -p tcp -j RETURN', '-D INPUT 1', '--del u 1',
    '-D u -s 10.9.9.9 -j RETURN -c 1 2', '[1:2] -D u 1', '-D u 0x1', '-D u -j RETURN', '-D',
    '-R u 1', '-R u 1 -j DROP', '-R u 2 -j DROP', '-R u 0 -j DROP', '-R u -j DROP', '-R u 1 -s 1.1.1.1,2.2.2.2', '-R u x -j DROP',
    '-R none 1', '-R u 1 -c 5 6 -j DROP', '[5:6] -R u 1 -j DROP', '--replace u 1 -j ACCEPT', '--rep u 1', '-R u 1 -j v', '-R u 1 -j u',
    '-R u', '-R u 1 ! -s 1.1.1.1',
    '-C u -s 10.9.9.9 -j RETURN', '-C u -j DROP', '-C u 1', '-C u', '-C none', '--check u -s 10.9.9.9 -j RETURN', '-C INPUT',
    '-L', '-L u', '-S', '-S u 1', '-L -n', '-L -v', '-L --line-numbers', '-L u 1', '-n -L', '-L -x', '-A INPUT -n', '-A INPUT -x',
    '-A INPUT --line-numbers', '-A INPUT -w', '-A INPUT -w 5', '-A INPUT -W 5', '-A INPUT -M x', '-A INPUT -t filter', '-t filter -A INPUT',
    '-t nat -A INPUT', '--table filter -A INPUT', '-A INPUT -v', '-A INPUT -v -v', '-vA INPUT', '-v', '-A INPUT --verbose', '-V', '-h',
    '-A INPUT -h', '--help', '--version', '-A INPUT -V', '-A INPUT --wait', '-A INPUT --exact', '-A INPUT -m tcp -h', '-A INPUT --modprobe=x',
    '-4 -A INPUT', '-6 -A INPUT', '-A INPUT -4', '-A INPUT -6', '-A INPUT -j DROP -6', '-6 -A nowhere -j NOTHING', '-4 -A nowhere -j NOTHING',
    '-46 -A INPUT', '-64 -A INPUT', '--ipv4 -A INPUT', '--ipv6 -A INPUT', '-4', '-6', '-A INPUT -j NOTHING -6', '-A INPUT -j NOTHING -4',
    '! -4 -A INPUT', '[1:2] -6 -A INPUT', '-4 -4 -A INPUT', '-A INPUT --ipv', '-4A INPUT', '-6A INPUT',
    '-j DROP', '--', '-', '---', '!', 'A INPUT', 'INPUT -j DROP', '-A INPUT --', '-A INPUT -- -j DROP', '-A INPUT -', '-A INPUT - -j DROP',
    '-A INPUT foo', '-A INPUT -j DROP foo', '-A INPUT --foo', '-A INPUT --foo bar', '-A INPUT -q', '-A INPUT !', '-A INPUT ! !', '-A INPUT ! foo',
    '-A INPUT ! ! -s 1.1.1.1', '-A INPUT !-s 1.1.1.1', '-A INPUT ! -j DROP', '-A INPUT ! -m tcp', '-A INPUT ! -c 1 2', '-A INPUT ! -g u', '-A INPUT ! -f',
    '-A INPUT -f', '-A INPUT -f -f', '-A INPUT --fragments', '-A INPUT --fragment', '-A INPUT ! --fragments', '-A INPUT --frag', '-A INPUT --f', '-fA INPUT',
    # Counters.
    '[1:2] -A INPUT', '[1:2]-A INPUT', '[1:2]  -A INPUT', ' [1:2] -A INPUT', '[ 1:2] -A INPUT', '[1 :2] -A INPUT', '[1: 2] -A INPUT',
    '[1:2 ] -A INPUT', '[1:2', '[1:2]', '[12] -A INPUT', '[:] -A INPUT', '[1:] -A INPUT', '[:2] -A INPUT', '[] -A INPUT', '[a:b] -A INPUT',
    '[-1:2] -A INPUT', '[1:2] [3:4] -A INPUT', '[1:2] -A INPUT -c 3 4', '[0x1:010] -A INPUT', '[1:2:3] -A INPUT', '[+1:2] -A INPUT',
    '[18446744073709551615:18446744073709551615] -A INPUT', '[18446744073709551616:1] -A INPUT', '[1:2] -I u 1 -j DROP', '[1:2] -N w', '[1:2] -F',
    '-A INPUT -c 1 2', '-A INPUT -c 1', '-A INPUT -c', '-A INPUT -c 1 2 3', '-c 1 2 -A INPUT', '-A INPUT --set-counters 1 2', '-A INPUT -c 1,2',
    '-A INPUT -c 0x10 010', '-A INPUT -c a b', '-A INPUT -c 1 b', '-A INPUT -c -1 2', '-A INPUT -c 1 -2', '-A INPUT -c1 2', '-A INPUT -c 1 2 -c 3 4',
    '-A INPUT -c 1 2x', '-A INPUT -c 18446744073709551616 1', '-A INPUT -c " 1" 2', '-A INPUT -c +1 2', '-A INPUT --set 1 2', '-A INPUT -c 1 ! 2',
    '-A INPUT --set-counters=1 2', '-A INPUT -c "" 2', '-A INPUT -c 1 ""', '-A INPUT -c 1.5 2',
    # Interfaces.
    '-A INPUT -i eth0', '-A INPUT -i eth+', '-A INPUT -i +', '-A INPUT ! -i +', '-A INPUT ! -i eth0', '-A INPUT -i ! eth0', '-A INPUT -i !eth0', '-A INPUT -i ""',
    '-A INPUT -i eth+0', '-A INPUT -i ++', '-A INPUT -i eth0:1', '-A INPUT -i eth0.5@eth0', '-A INPUT -i abcdefghijklmno', '-A INPUT -i abcdefghijklmn+',
    '-A INPUT -i abcdefghijklmnop', '-A INPUT -i abcdefghijklmno+', '-A INPUT -i eth0 -i eth1', '-A INPUT -i eth0,eth1', '-A INPUT -ieth0', '-A INPUT -i=eth0',
    '-A INPUT --in-interface eth0', '-A INPUT --in-interface=eth0', '-A INPUT --in eth0', '-A INPUT --in-i eth0', '-A INPUT --i eth0', '-A INPUT -i "eth 0"',
    '-A INPUT -i a/b', '-A INPUT -o eth0', '-A OUTPUT -i eth0', '-A FORWARD -i a -o b', '-A OUTPUT -o eth+', '-A u -i a -o b', '-A INPUT --out-interface eth0',
    '-A OUTPUT --out eth0', '-A OUTPUT --o eth0', '-A INPUT -i \u00fc', '-A INPUT -i -x', '-A INPUT -i', '-A OUTPUT -i +', '-A INPUT -o +', '-A INPUT ! -o eth0',
    '-A OUTPUT ! -i +',
    # Protocols.
    '-A INPUT -p tcp', '-A INPUT -p TCP', '-A INPUT -p Tcp', '-A INPUT -p 6', '-A INPUT -p 0x6', '-A INPUT -p 06', '-A INPUT -p 017', '-A INPUT -p 0', '-A INPUT -p all',
    '-A INPUT -p ALL', '-A INPUT -p any', '-A INPUT -p ip', '-A INPUT -p 255', '-A INPUT -p 256', '-A INPUT -p -1', '-A INPUT -p ""', '-A INPUT -p tcp,udp', '-A INPUT ! -p tcp',
    '-A INPUT ! -p all', '-A INPUT ! -p 0', '-A INPUT -p ! tcp', '-A INPUT -p !tcp', '-A INPUT -ptcp', '-A INPUT -p=tcp', '-A INPUT --protocol tcp', '-A INPUT --protocol=tcp',
    '-A INPUT --proto udp', '-A INPUT --p tcp', '-A INPUT --prot tcp', '-A INPUT -p tcp -p udp', '-A INPUT -p foo', '-A INPUT -p esp', '-A INPUT -p ah', '-A INPUT -p gre', '-A INPUT -p sctp',
    '-A INPUT -p dccp', '-A INPUT -p udplite', '-A INPUT -p icmp', '-A INPUT -p icmpv6', '-A INPUT -p ipv6-icmp', '-A INPUT -p IPv6-ICMP', '-A INPUT -p 58', '-A INPUT -p 1', '-A INPUT -p igmp',
    '-A INPUT -p ipencap', '-A INPUT -p ipv6', '-A INPUT -p 4', '-A INPUT -p 41', '-A INPUT -p ospf', '-A INPUT -p OSPFIGP', '-A INPUT -p vrrp', '-A INPUT -p 112', '-A INPUT -p carp',
    '-A INPUT -p l2tp', '-A INPUT -p mh', '-A INPUT -p ipv6-mh', '-A INPUT -p mobility-header', '-A INPUT -p 135', '-A INPUT -p hopopt', '-A INPUT -p ipv6-route', '-A INPUT -p ipv6-frag', '-A INPUT -p 43',
    '-A INPUT -p 44', '-A INPUT -p 60', '-A INPUT -p ipv6-nonxt', '-A INPUT -p 59', '-A INPUT -p ipv6-opts', '-A INPUT -p pim', '-A INPUT -p 253', '-A INPUT -p tcp -p tcp', '-A INPUT -p " tcp"', '-A INPUT -p tcp ""',
    '-A INPUT -p ipip', '-A INPUT -p ether-ip', '-A INPUT -p etherip', '-A INPUT -p eigrp', '-A INPUT -p rdp', '-A INPUT -p 3', '-A INPUT -p 142', '-A INPUT -p 143', '-A INPUT -p 144', '-A INPUT -p mptcp', '-A INPUT -p 262',
    # Matches and targets.
    '-A INPUT -p tcp --dport 80', '-A INPUT -p tcp -m tcp --dport 80', '-A INPUT --dport 80', '-A INPUT --dport 80 -p tcp', '-A INPUT -m tcp --dport 80', '-A INPUT -m tcp -p tcp --dport 80', '-A INPUT -p udp -m tcp --dport 80',
    '-A INPUT ! -p tcp -m tcp --dport 80', '-A INPUT -p tcp --dport http', '-A INPUT -p tcp --dport HTTP', '-A INPUT -p tcp --dport 80,443', '-A INPUT -p tcp --dport :80', '-A INPUT -p tcp --dport 80:', '-A INPUT -p tcp --dport :',
    '-A INPUT -p tcp --dport 1:2:3', '-A INPUT -p tcp --dport 2:1', '-A INPUT -p tcp --dport http:https', '-A INPUT -p tcp --dport 0', '-A INPUT -p tcp --dport 65535', '-A INPUT -p tcp --dport 65536', '-A INPUT -p tcp --dport -1',
    '-A INPUT -p tcp --dport 0x50', '-A INPUT -p tcp --dport 0120', '-A INPUT -p tcp --dport ""', '-A INPUT -p tcp ! --dport 80', '-A INPUT -p tcp --dport ! 80', '-A INPUT -p tcp --dport !80', '-A INPUT -p tcp --dport=80', '-A INPUT -p tcp --dpo 80',
    '-A INPUT -p tcp --d 80', '-A INPUT -p tcp --ds 80', '-A INPUT -p tcp --destination-port 80', '-A INPUT -p tcp --destination 1.1.1.1', '-A INPUT -p tcp --dest 1.1.1.1', '-A INPUT -p tcp --source-port 80', '-A INPUT -p tcp --sport 80 --sport 81',
    '-A INPUT -p tcp --sport 80 --source-port 80', '-A INPUT -p tcp --dport 80 -m tcp --sport 1', '-A INPUT -p tcp -m tcp -m tcp --dport 80', '-A INPUT -p tcp --syn', '-A INPUT -p tcp ! --syn', '-A INPUT -p tcp --tcp-flags SYN,ACK SYN',
    '-A INPUT -p tcp --tcp-flags ALL NONE', '-A INPUT -p tcp --tcp-flags all syn', '-A INPUT -p tcp --tcp-flags SYN', '-A INPUT -p tcp --tcp-flags SYN ! ACK', '-A INPUT -p tcp --tcp-flags FIN,SYN,RST,ACK SYN', '-A INPUT -p tcp --tcp-flags SYN SYN,FOO',
    '-A INPUT -p tcp --tcp-flags "" SYN', '-A INPUT -p tcp --tcp-flags SYN,,ACK SYN', '-A INPUT -p tcp --tcp-flags SYN ACK', '-A INPUT -p tcp --tcp-flags=SYN SYN', '-A INPUT -p tcp --tcp-option 5', '-A INPUT -p tcp --tcp-option 0', '-A INPUT -p tcp --tcp-option 256',
    '-A INPUT -p udp --syn', '-A INPUT -p udp --dport 53 -j ACCEPT', '-A INPUT -p 17 --dport 53', '-A INPUT -p 6 --dport 53', '-A INPUT -p all --dport 53', '-A INPUT -m', '-A INPUT -m ""', '-A INPUT -m foo', '-A INPUT -m TCP', '-A INPUT -mtcp',
    '-A INPUT -p tcp -mtcp --dport 80', '-A INPUT --match tcp', '-A INPUT --m state', '-A INPUT -m ACCEPT', '-A INPUT -m comment', '-A INPUT -m state', '-A INPUT -m state --state NEW', '-A INPUT -m state --state new', '-A INPUT -m state --state NEW,NEW',
    '-A INPUT -m state --state NEW,', '-A INPUT -m state --state ""', '-A INPUT -m state --state NEW,FOO', '-A INPUT -m state ! --state NEW', '-A INPUT -m state --state ! NEW', '-A INPUT -m state --st NEW', '-A INPUT -m state --s NEW',
    '-A INPUT -m state --state ESTABLISHED,RELATED', '-A INPUT -m state --state INVALID,UNTRACKED', '-A INPUT -m state --state SNAT', '-A INPUT -m conntrack --ctstate NEW', '-A INPUT -m conntrack --ctstate DNAT,SNAT', '-A INPUT -m conntrack --state NEW',
    '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', '-A INPUT -m conntrack', '-A INPUT -m conntrack --ctst NEW', '-A INPUT --state NEW', '-A INPUT -m state -m state --state NEW', '-A INPUT -m state --state NEW -m state --state NEW',
    '-A INPUT -m state --state NEW --state NEW', '-A INPUT -p tcp -m multiport --dports 80,443', '-A INPUT -p tcp -m multiport --dports 80', '-A INPUT -p tcp -m multiport --dport 80,443', '-A INPUT -p tcp -m multiport --ports 1:2,3', '-A INPUT -p tcp -m multiport --dports http,https',
    '-A INPUT -p tcp -m multiport --dports 80,', '-A INPUT -p tcp -m multiport --dports ,80', '-A INPUT -p tcp -m multiport --dports 80,,81', '-A INPUT -m multiport --dports 80', '-A INPUT -p tcp -m multiport --sports 1 --dports 2', '-A INPUT -p icmp -m multiport --dports 80',
    '-A INPUT -p tcp -m multiport ! --dports 80,443', '-A INPUT -p tcp --dports 80,443', '-A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15', '-A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16', '-A INPUT -p tcp -m multiport --dports 1-2',
    '-A INPUT -p tcp -m multiport --dports 80 --dport 80', '-A INPUT -p tcp -m tcp --dport 1 -m multiport --sports 3', '-A INPUT -p tcp -m multiport --destination-ports 80', '-A INPUT -p tcp -m multiport --dports 2:1',
    '-A INPUT -j', '-A INPUT -j ""', '-A INPUT -j drop', '-A INPUT -j DROP -j DROP', '-A INPUT -j u -g v', '-A INPUT -jDROP', '-A INPUT -j=DROP', '-A INPUT --jump DROP', '-A INPUT --jump=DROP', '-A INPUT --j DROP', '-A INPUT -g u', '-A INPUT --goto u', '-A INPUT --goto=u', '-A INPUT --go u',
    '-A INPUT -g DROP', '-A INPUT -g OUTPUT', '-A INPUT -g none', '-A INPUT -j u', '-A INPUT -j none', '-A INPUT -j OUTPUT', '-A INPUT -j INPUT', '-A u -j u', '-A u -j v', '-A INPUT -j "u"', '-A INPUT -j RETURN', '-A INPUT -j QUEUE', '-A INPUT -j REJECT', '-A INPUT -j REJECT --reject-with tcp-reset',
    '-A INPUT -p tcp -j REJECT --reject-with tcp-reset', '-A INPUT -j REJECT --reject-with icmp-host-prohibited', '-A INPUT -j REJECT --rej icmp-net-unreachable', '-A INPUT -j REJECT --reject-with foo', '-A INPUT -j REJECT --reject-with=icmp-net-unreachable', '-A INPUT -j REJECT --reject-with net-unreach', '-A INPUT -j REJECT --reject-with icmp6-adm-prohibited',
    '-A INPUT -j REJECT --reject-with icmp-port-unreachable', '-A INPUT -j REJECT --reject-with port-unreach', '-A INPUT -j REJECT --reject-with icmp-port', '-A INPUT -j REJECT --reject-with admin-prohib', '-A INPUT -j REJECT --reject-with tcp-rst', '-A INPUT -p tcp -j REJECT --reject-with tcp-rst', '-A INPUT -j MASQUERADE', '-A INPUT -j SNAT --to 1.1.1.1', '-A INPUT -j MARK --set-mark 1', '-A INPUT -j ACCEPT --foo',
    '-A INPUT --reject-with icmp-net-unreachable -j REJECT', '-A INPUT -j DROP -p tcp --dport 80', '-A INPUT -p icmp --icmp-type 8', '-A INPUT -p icmp -m icmp --icmp-type any', '-A INPUT -p icmp --icmp-type echo-request', '-A INPUT -p icmp --icmp-type ECHO-REQUEST', '-A INPUT -p icmp --icmp-type ping',
    '-A INPUT -p icmp --icmp-type 3/4', '-A INPUT -p icmp --icmp-type 3/', '-A INPUT -p icmp --icmp-type /3', '-A INPUT -p icmp --icmp-type 3/256', '-A INPUT -p icmp --icmp-type 256', '-A INPUT -p icmp --icmp-type 255', '-A INPUT -p icmp --icmp-type 255/255', '-A INPUT -p icmp --icmp-type destination', '-A INPUT -p icmp --icmp-type d', '-A INPUT -p icmp --icmp-type time',
    '-A INPUT -p icmp ! --icmp-type 8', '-A INPUT -p icmp --icmp-type 8 --icmp-type 0', '-A INPUT --icmp-type 8', '-A INPUT -p icmp -m icmp', '-A INPUT -p icmpv6 --icmpv6-type 135', '-A INPUT -p icmpv6 -m icmp6 --icmpv6-type neighbour-solicitation', '-A INPUT -p icmpv6 -m icmpv6 --icmpv6-type 128', '-A INPUT -p icmpv6 --icmpv6-type echo-request', '-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 1/3', '-A INPUT -p icmpv6 --icmpv6-type neighbor-advertisement',
    '-A INPUT -p icmpv6 --icmpv6-type ping', '-A INPUT -p icmpv6 --icmpv6-type router-advertisement -j ACCEPT', '-A INPUT -p icmpv6 -m icmp6', '-A INPUT -p icmpv6 ! --icmpv6-type 1', '-A INPUT -p icmpv6 --icmpv6-type 256', '-A INPUT -p icmpv6 --icmpv6-type any', '-A INPUT -p icmpv6 --icmp-type 1', '-A INPUT -m icmp6 -p icmpv6 --icmpv6-type 1',
    # Quotes and escapes.
    '-A INPUT -m comment --comment foo', '-A INPUT -m comment --comment "foo bar"', '-A INPUT -m comment --comment "a \\"b\\" c"', '-A INPUT -m comment --comment "a\\\\b"', '-A INPUT -m comment --comment a\\"b', '-A INPUT -m comment --comment "a\\nb"', "-A INPUT -m comment --comment 'foo'", "-A INPUT -m comment --comment 'foo bar'", '-A INPUT -m comment --comment "it\'s"',
    '-A INPUT -m comment --comment ""', '-A INPUT -m comment --comment "', '-A INPUT -m comment --comment "a"b', '-A INPUT -m comment --comment a"b"', '-A INPUT -m comment --comment a"b c"d', '-A INPUT -m comment --comment "a""b"', '-A INPUT -m comment --comment "a" "b"', '-A INPUT -m comment --comment " a "', '-A INPUT -m comment --comment "\ta"', '-A INPUT -m comment --comment a\tb', '-A INPUT -m comment --comment "a#b"', '-A INPUT -m comment --comment #b',
    '-A INPUT -m comment --comment "!x"', '-A INPUT -m comment --comment !', '-A INPUT -m comment --comment "!"', '-A INPUT -m comment --comment -x', '-A INPUT -m comment --comment "--x"', '-A INPUT -m comment --comment=foo', '-A INPUT -m comment --comment="foo bar"', '-A INPUT -m comment --comm foo', '-A INPUT -m comment ! --comment foo', '-A INPUT -m comment --comment a --comment b', '-A INPUT -m comment --comment a -m comment --comment b', '-A INPUT --comment a',
    '-A INPUT -m comment --comment "a;b|c&d$e`f"', '-A INPUT -m comment --comment a.b', '-A INPUT -m comment --comment a_b-c', '-A INPUT -m comment --comment "\u00fc\u20ac"', '-A INPUT -m comment --comment "a\\\'b"', '-A INPUT -m comment --comment "a\\', '-A INPUT -m comment --comment "a\\"', '-A INPUT -m comment --comment a\\ b', '-A INPUT -m comment --comment "%s%d"', '-A INPUT -m comment --comment a:b', '-A INPUT -m comment --comment "[1:2]"', '-A INPUT -m comment --comment ' + 'x' * 255,
    '-A INPUT -m comment --comment ' + 'x' * 256, '-A INPUT -m comment --comment "' + 'y ' * 127 + '"', '-A INPUT -m comment --comment a,b', '-A INPUT -m comment --comment 0x10', '-A INPUT -m comment --comment 010', '-A INPUT -m comment --comment yes', '-A INPUT -m comment --comment null', '-A INPUT -m comment --comment ~', '-A INPUT -m comment --comment "{a: b}"', '-A INPUT -m comment --comment "- a"', '-A INPUT -m comment --comment 1e3', '-A INPUT -m comment --comment .5',
]
FOUR = [
    # Addresses.
    '-s 10.0.0.1', '-s 10.0.0.1/32', '-s 10.0.0.1/24', '-s 10.0.0.1/255.255.0.0', '-s 10.0.0.1/0', '-s 10.0.0.1/33', '-s 10.0.0.1/-1', '-s 10.0.0.1/08', '-s 10.0.0.1/010', '-s 10.0.0.1/0x8', '-s 10.0.0.1/',
    '-s 10.0.0.1/ 8', '-s 10.0.0.1 /8', '-s 10/8', '-s 10', '-s 10.1', '-s 10.1/16', '-s 10.1.2', '-s 10.1.2.3.4', '-s 0', '-s 0/0', '-s 0.0.0.0', '-s 0.0.0.0/0', '! -s 0.0.0.0/0', '! -s 0/0', '-s any', '-s any/0', '-s anywhere', '-s 256.1.1.1',
    '-s 1.2.3.256', '-s 010.1.1.1', '-s 0x0a.1.1.1', '-s 167772161', '-s 0x0a000001', '-s 1.2.3.4/255.255.255.0', '-s 1.2.3.4/255.0.255.0', '-s 1.2.3.4/255.255', '-s 1.2.3.4/0.0.0.0', '-s 1.2.3.4/255.255.255.255', '-s 1.2.3.4/0.0.0.255', '-s 1.2.3.4/24/24', '-s 1.2.3.4-1.2.3.9',
    '-s 1.1.1.1,2.2.2.2', '-s 1.1.1.1,2.2.2.2/8,3/8', '-s 1.1.1.1,', '-s ,1.1.1.1', '-s ,', '-s 1.1.1.1,,2.2.2.2', '-s "1.1.1.1, 2.2.2.2"', '-s "1.1.1.1 ,2.2.2.2"', '-s 1.1.1.1, 2.2.2.2', '! -s 1.1.1.1,2.2.2.2', '-s 1.1.1.1,1.1.1.1', '-s 1.1.1.1,2.2.2.2 -d 3.3.3.3,4.4.4.4', '-d 3.3.3.3,4.4.4.4 -s 1.1.1.1',
    '-s 1.1.1.1,2.2.2.2 ! -d 3.3.3.3', '-s 1.1.1.1 -s 2.2.2.2', '-s 1.1.1.1 --src 2.2.2.2', '--source 1.1.1.1', '--source=1.1.1.1', '--src 1.1.1.1', '--src=1.1.1.1', '--so 1.1.1.1', '--s 1.1.1.1', '--destination 1.1.1.1', '--dst 1.1.1.1', '--d 1.1.1.1', '-s1.1.1.1', '-s=1.1.1.1', '-s ! 1.1.1.1', '-s !1.1.1.1', '! -d 1.1.1.1',
    '! --dst 1.1.1.1/8', '-s ""', '-s', '-d', '-s -d', '-s " 1.1.1.1"', '-s "1.1.1.1 "', '-s 1.1.1.1x', '-s 1.1.1.1/8x', '-s 1.1.1.1:80', '-s ::1', '-s 1::/16', '-s ::ffff:1.2.3.4', '-s 1.2.3.4/255.255.255.256', '-s 1.2.3.4/ff', '-s 1.2.3.4/8.', '-s 1.2.3.', '-s .1.2.3', '-s 1..2.3', '-s 1.2.3.4%eth0', '-s 224.0.0.0/4', '-s 255.255.255.255',
    '-s 1.2.3.4/1', '-s 200.2.3.4/1', '-s 1.2.3.4/31', '-s 1.2.3.4/32.0.0.0', '-s +1.2.3.4', '-s -1.2.3.4', '-s 1.2.3.4/+8', '-s 1,2', '-s 1.2.3.4,::1', '-s 99999999999', '-s 4294967296', '-s 4294967295', '-s 255', '-s 256', '-s 10.256', '-s 10.1.256',
    '-s 1.1.1.1,2.2.2.2 -j u', '-s 1.1.1.1,2.2.2.2 -p tcp --dport 80 -m comment --comment x -j ACCEPT', '-s 1.1.1.1,2.2.2.2 -c 5 6', '-s no.such.host.invalid', '-s localhost', '-d localhost/8',
    '-f -p tcp', '-f -p tcp --dport 80', '! -f', '-p tcp -m ttl --ttl 1', '-m ttl --ttl-eq 1', '-m hl --hl-eq 1', '-p icmp -f',
]
SIX = [
    '-s 2001:db8::1', '-s 2001:db8::1/128', '-s 2001:db8::1/64', '-s 2001:db8::1/63', '-s 2001:db8::1/0', '-s 2001:db8::1/129', '-s 2001:db8::1/-1', '-s 2001:db8::1/', '-s 2001:db8::1/010', '-s ::', '-s ::/0', '! -s ::/0', '-s ::1', '-s 0', '-s 0/0', '-s any', '-s any/0', '-s 1::2::3',
    '-s 2001:DB8::A', '-s 2001:0db8:0000::0001', '-s ::ffff:1.2.3.4', '-s ::1.2.3.4', '-s 1.2.3.4', '-s 10/8', '-s fe80::1%lo', '-s fe80::%eth0/64', '-s [::1]', '-s 2001:db8::/ffff:ffff::', '-s 2001:db8::1/ffff::ff', '-s 2001:db8::/::', '-s 2001:db8::1/1.2.3.4', '-s 2001:db8::1/64/64',
    '-s 2001:db8::1,2001:db8::2', '-s 2001:db8::1,2001:db8::2/64', '-s 2001:db8::1,', '-s ,2001:db8::1', '! -s 2001:db8::1,2001:db8::2', '-s ::1,1.2.3.4', '-s "::1, ::2"', '-s ::1,::1 -d ::2,::3', '-s 2001:db8:1:2:3:4:5:6', '-s 2001:db8:1:2:3:4:5:6:7', '-s 2001:db8:1:2:3:4:5', '-s g::1', '-s ""',
    '-s no.such.host.invalid', '-s localhost', '-s ip6-localhost', '-f', '! -f', '-p icmp', '-p tcp -j REJECT --reject-with tcp-reset', '-j REJECT --reject-with icmp6-no-route', '-j REJECT --reject-with no-route', '-j REJECT --reject-with icmp-net-unreachable', '-j REJECT', '-j REJECT --reject-with adm-prohibited',
    '-m hl --hl-eq 1', '-m ttl --ttl-eq 1', '-p ipv6-icmp', '-p hopopt', '-p ipv6-frag', '-p ipv6-route', '-p ipv6-opts', '-p ipv6-nonxt', '-p 0', '-p esp', '-p ah', '-p ip', '-4', '-6', '-p icmpv6 --icmpv6-type 1', '-d ff02::1', '-s fe80::/10', '-s 64:ff9b::1.2.3.4/96', '-s 1:2:3:4:5:6:7::', '-s ::2:3:4:5:6:7:8',
]
# Rules in other tables: (table, line)
ELSEWHERE = [
    ('nat', '-A POSTROUTING -j MASQUERADE'), ('nat', '-A POSTROUTING -p tcp -j MASQUERADE --to-ports 1024-2048'), ('nat', '-A POSTROUTING -j SNAT --to 1.2.3.4'), ('nat', '-A POSTROUTING -j SNAT --to-source=1.2.3.4-1.2.3.9'),
    ('nat', '-A POSTROUTING -j SNAT --to 1.2.3.4 --to 1.2.3.5'), ('nat', '-A POSTROUTING -j SNAT --to-source 1.2.3.4:1-5'), ('nat', '-A POSTROUTING -p udp -j SNAT --to-source 1.2.3.4:1-5'), ('nat', '-A PREROUTING -j DNAT --to 1.2.3.4'), ('nat', '-A PREROUTING -p tcp -j DNAT --to 1.2.3.4:http'),
    ('nat', '-A PREROUTING -p tcp -j DNAT --to-destination :80'), ('nat', '-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-port 8080'), ('nat', '-A PREROUTING -p tcp -j REDIRECT --to-ports 8080-8090'), ('nat', '-A PREROUTING -p tcp -j REDIRECT --to-ports http'), ('nat', '-A PREROUTING -j REDIRECT'), ('nat', '-A PREROUTING -j REDIRECT --to-ports 80'),
    ('nat', '-A POSTROUTING -o eth0 -j MASQUERADE --random'), ('nat', '-A POSTROUTING -o eth0 -j MASQUERADE --random-fully'), ('nat', '-A PREROUTING -o eth0 -j ACCEPT'), ('nat', '-A POSTROUTING -i eth0 -j ACCEPT'), ('nat', '-A PREROUTING -j MASQUERADE'), ('nat', '-A POSTROUTING -j DNAT --to 1.1.1.1'), ('nat', '-A FORWARD'), ('nat', '-A OUTPUT -j DROP'),
    ('nat', '-P PREROUTING DROP'), ('nat', '-A INPUT -j SNAT --to 1.1.1.1'), ('nat', '-A POSTROUTING -j SNAT'), ('nat', '-A PREROUTING -j DNAT'), ('nat', '-A POSTROUTING -j REJECT'), ('nat', '-A POSTROUTING -j SNAT --to-source'), ('nat', '-A POSTROUTING -j MASQUERADE --to-ports 5'), ('nat', '-A PREROUTING -p tcp -j DNAT --to 1.2.3.4:80-90/8080'),
    ('nat', '-A POSTROUTING ! -d 10.0.0.0/8 -j MASQUERADE'), ('nat', '-A POSTROUTING -s 10.0.0.0/24 ! -o eth0 -j MASQUERADE'), ('raw', '-A PREROUTING -j NOTRACK'), ('raw', '-A PREROUTING -j CT --notrack'), ('raw', '-A INPUT'), ('raw', '-A OUTPUT -p udp --dport 53 -j NOTRACK'), ('raw', '-A OUTPUT -j CT'),
    ('mangle', '-A PREROUTING -j MARK --set-mark 1'), ('mangle', '-A PREROUTING -j MARK --set-mark 0x1/0xff'), ('mangle', '-A PREROUTING -j MARK --set-xmark 0x1/0xff'), ('mangle', '-A PREROUTING -j MARK --or-mark 2'), ('mangle', '-A PREROUTING -j MARK --and-mark 2'), ('mangle', '-A PREROUTING -j MARK --xor-mark 0x2'), ('mangle', '-A PREROUTING -j MARK'),
    ('mangle', '-A PREROUTING -j MARK --set-mark 1 --or-mark 2'), ('mangle', '-A PREROUTING -m mark --mark 1 -j RETURN'), ('mangle', '-A PREROUTING -m mark ! --mark 0x1/0x3'), ('mangle', '-A PREROUTING -m mark --mark 0x100000000'), ('mangle', '-A PREROUTING -m mark --mark 1/'), ('mangle', '-A PREROUTING -j REJECT'), ('mangle', '-A POSTROUTING -o eth+'), ('mangle', '-A POSTROUTING -i eth+'),
    ('mangle', '-A PREROUTING -m mac --mac-source 00:11:22:33:44:55'), ('mangle', '-A PREROUTING -m mac --mac-source 0:1:2:3:4:5'), ('mangle', '-A PREROUTING -m mac --mac-source 00-11-22-33-44-55'), ('mangle', '-A OUTPUT -m mac --mac-source 00:11:22:33:44:55'), ('filter', '-A INPUT -m limit'), ('filter', '-A INPUT -m limit --limit 5/m --limit-burst 10'), ('filter', '-A INPUT -m limit --limit 5/minute'), ('filter', '-A INPUT -m limit --limit 5'), ('filter', '-A INPUT -m limit ! --limit 5/s'),
    ('filter', '-A INPUT -m limit --limit 0/s'), ('filter', '-A INPUT -m limit --limit 5/x'), ('filter', '-A INPUT -m limit --limit 5/'), ('filter', '-A INPUT -m limit --limit /s'), ('filter', '-A INPUT -m limit --limit-burst 0'), ('filter', '-A INPUT -m pkttype --pkt-type broadcast'), ('filter', '-A INPUT -m pkttype --pkt-type BROADCAST'), ('filter', '-A INPUT -m iprange --src-range 1.1.1.1-2.2.2.2'), ('filter', '-A INPUT -m length --length 5:'), ('filter', '-A INPUT -m tos --tos 0x10'), ('filter', '-A INPUT -m dscp --dscp 0x20'), ('filter', '-A INPUT -m dscp --dscp-class EF'),
]


SIX_FOR = {'10.9.9.9': '2001:db8::9', '10.9.9.8': '2001:db8::8', '1.1.1.1': '2001:db8:1::1', '2.2.2.2': '2001:db8:2::2'}


def in_six(text):
    for four, six in SIX_FOR.items():
        text = text.replace(four, six)
    return text


def cases():
    """(family, text) of every form."""
    both = FILES + [HEAD + line + '\nCOMMIT\n' for line in CHAIN_LINES + COMMANDS]
    both += [f'*{table}\n{line}\nCOMMIT\n' for table, line in ELSEWHERE]
    for text in both:
        yield 4, text
        yield 6, in_six(text)
    for rule in FOUR:
        yield 4, HEAD + '-A INPUT ' + rule + '\nCOMMIT\n'
    for rule in SIX:
        yield 6, in_six(HEAD) + '-A INPUT ' + rule + '\nCOMMIT\n'
