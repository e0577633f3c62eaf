/* SPDX-License-Identifier: MIT */
#include "proto/arp.h"
#include "util/error.h"

#define ARP_HARDWARE_ETHERNET 1
#define ARP_PROTOCOL_IPV4     0x0800

int arp_parse(const void *data, size_t size, ArpPacket *ret)
{
        Reader r = READER_INIT(data, size);
        ArpPacket arp;

        if (reader_u16(&r) != ARP_HARDWARE_ETHERNET || reader_u16(&r) != ARP_PROTOCOL_IPV4 ||
                reader_u8(&r) != 6 || reader_u8(&r) != 4)
                return -EBADMSG;
        arp.op = reader_u16(&r);
        reader_copy(&r, arp.sender_mac, 6);
        reader_copy(&r, &arp.sender, 4);
        reader_copy(&r, arp.target_mac, 6);
        reader_copy(&r, &arp.target, 4);
        if (r.failed || (arp.op != ARP_REQUEST && arp.op != ARP_REPLY))
                return -EBADMSG;
        *ret = arp;
        return 0;
}

void arp_build(const ArpPacket *arp, uint8_t ret[static ARP_SIZE])
{
        Writer w = WRITER_INIT(ret, ARP_SIZE);

        writer_u16(&w, ARP_HARDWARE_ETHERNET);
        writer_u16(&w, ARP_PROTOCOL_IPV4);
        writer_u8(&w, 6);
        writer_u8(&w, 4);
        writer_u16(&w, arp->op);
        writer_bytes(&w, arp->sender_mac, 6);
        writer_bytes(&w, &arp->sender, 4);
        writer_bytes(&w, arp->target_mac, 6);
        writer_bytes(&w, &arp->target, 4);
}
