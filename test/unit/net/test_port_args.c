// Device strings: what is refused, what is found in them, what is added to them.
#include <stdio.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "net/port_args.h"

static int
parse(struct net_dev_args *a, const char *device, uint32_t mtu, unsigned queues, char why[256])
{
	struct cfg_port p = {.name = "lan", .device = (char *)device, .mtu = mtu};

	why[0] = '\0';
	return net_dev_args_parse(a, &p, queues, why, 256);
}

Test(net_port_args, refuses_what_is_no_device_string)
{
	static const struct {
		const char *device, *word;
	} row[] = {
		{"", "no device name"},
		{",iface=veth0", "no device name"},
		{"net_af_packet0,iface=veth0 ", "blanks"},
		{"net_af_packet0,,iface=veth0", "empty argument"},
		{"net_af_packet0,=veth0", "empty argument"},
		{"net_af_packet0,iface=", "not the name of an interface"},
		{"net_af_packet0,iface", "not the name of an interface"},
		{"net_af_packet0,iface=abcdefghijklmnop", "not the name of an interface"},
		{"net_pcap0,iface=a,rx_iface=b,tx_iface=c,rx_iface_in=d,iface=e", "more than 4"},
		{"a23456789012345678901234567890123456789012345678901234567890abcd",
		 "no device name"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct net_dev_args a = {.name = "untouched"};
		char why[256];

		cr_expect(lt(int, parse(&a, row[i].device, 1500, 1, why), 0), "%s", row[i].device);
		cr_expect_not_null(strstr(why, row[i].word), "%s: %s", row[i].device, why);
		cr_expect(eq(str, a.name, "untouched"), "%s", row[i].device);
	}
}

static const char *
with_count(const char *device)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s,framecnt=2048", device);
	return text;
}

// The file's rx-descriptors are this driver's frames; a block of two is filled.
Test(net_port_args, descriptors_are_frames_of_the_ring)
{
	struct cfg_port p = {.name = "lan",
			     .device = "net_af_packet0,iface=v",
			     .mtu = 1500,
			     .rx_descriptors = 4095};
	struct net_dev_args a;
	char why[256];

	cr_assert(eq(int, net_dev_args_parse(&a, &p, 1, why, sizeof(why)), 0));
	cr_expect(eq(str, a.probe, "net_af_packet0,iface=v,framecnt=4096"));
}

Test(net_port_args, finds_name_kind_and_interfaces)
{
	static const struct {
		const char *device, *name;
		enum net_dev_kind kind;
		unsigned n_iface;
		const char *iface;
		bool args;
	} row[] = {
		{"0000:03:00.0", "0000:03:00.0", NET_DEV_OTHER, 0, "", false},
		{"net_af_packet0,iface=veth-lan", "net_af_packet0", NET_DEV_AF_PACKET, 1,
		 "veth-lan", true},
		{"eth_af_packet1,qpairs=1,iface=v.1", "eth_af_packet1", NET_DEV_AF_PACKET, 1, "v.1",
		 true},
		{"net_af_packet7", "net_af_packet7", NET_DEV_AF_PACKET, 0, "", false},
		{"net_af_xdp0,iface=e0,start_queue=1", "net_af_xdp0", NET_DEV_AF_XDP, 1, "e0",
		 true},
		{"net_pcap0,iface=a,tx_iface=a", "net_pcap0", NET_DEV_PCAP, 1, "a", true},
		{"net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap", "net_pcap0", NET_DEV_PCAP, 0, "",
		 true},
		{"net_tap0,iface=dtap0", "net_tap0", NET_DEV_OTHER, 0, "", true},
		{"net_vhost0,iface=/run/v.sock", "net_vhost0", NET_DEV_OTHER, 0, "", true},
		{"net_null0", "net_null0", NET_DEV_OTHER, 0, "", false},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct net_dev_args a;
		char why[256];

		cr_assert(eq(int, parse(&a, row[i].device, 1500, 1, why), 0), "%s: %s",
			  row[i].device, why);
		cr_expect(eq(str, a.name, (char *)row[i].name));
		cr_expect(eq(int, a.kind, row[i].kind), "%s", row[i].device);
		cr_expect(eq(uint, a.n_iface, row[i].n_iface), "%s", row[i].device);
		cr_expect(eq(str, a.iface[0], (char *)row[i].iface), "%s", row[i].device);
		cr_expect(eq(int, a.has_args, row[i].args), "%s", row[i].device);
		cr_expect(eq(str, a.probe,
			     row[i].kind == NET_DEV_AF_PACKET && row[i].args
				     ? (char *)with_count(row[i].device)
				     : (char *)row[i].device));
	}
}

Test(net_port_args, adds_what_af_packet_needs)
{
	static const struct {
		const char *device;
		uint32_t mtu;
		unsigned queues;
		const char *probe;
	} row[] = {
		{"net_af_packet0,iface=v", 1500, 4,
		 "net_af_packet0,iface=v,qpairs=4,framecnt=2048"},
		{"net_af_packet0,iface=v", 1500, 64,
		 "net_af_packet0,iface=v,qpairs=16,framecnt=2048"},
		{"net_af_packet0,iface=v,qpairs=2", 1500, 4,
		 "net_af_packet0,iface=v,qpairs=2,framecnt=2048"},
		{"net_af_packet0,iface=v", 2000, 1,
		 "net_af_packet0,iface=v,framecnt=2048,framesz=4096,blocksz=4096"},
		{"net_af_packet0,iface=v", 9000, 1,
		 "net_af_packet0,iface=v,framecnt=2048,framesz=12288,blocksz=12288"},
		{"net_af_packet0,iface=v,framecnt=64,framesz=32768", 9000, 1,
		 "net_af_packet0,iface=v,framecnt=64,framesz=32768"},
		{"net_tap0,iface=v", 9000, 4, "net_tap0,iface=v"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct net_dev_args a;
		char why[256];

		cr_assert(eq(int, parse(&a, row[i].device, row[i].mtu, row[i].queues, why), 0),
			  "%s", why);
		cr_expect(eq(str, a.probe, (char *)row[i].probe));
	}
}

Test(net_port_args, a_frame_of_the_mtu_fits)
{
	for (uint32_t mtu = 68; mtu <= 9216; mtu++) {
		uint32_t frame = net_af_packet_frame(mtu);

		cr_assert(ge(u32, frame, mtu + 14 + 8 + 52), "mtu %u", mtu);
		cr_assert(frame == 2048 || frame % 4096 == 0, "mtu %u", mtu);
	}
}
