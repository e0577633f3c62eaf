/* SPDX-License-Identifier: MIT */
#include "proto/ipudp.h"
#include "util/error.h"

#define IPV4_HEADER_SIZE 20
#define UDP_HEADER_SIZE  8
#define IP_FRAGMENT_MASK 0x3fff /* more fragments, and the offset */
#define TIME_TO_LIVE     64
#define IP_CHECKSUM_AT   10
#define UDP_CHECKSUM_AT  (IPV4_HEADER_SIZE + 6)
#define PSEUDO_SIZE      12

static uint32_t sum_words(const uint8_t *p, size_t size, uint32_t sum)
{
        for (; size > 1; p += 2, size -= 2)
                sum += (uint32_t) (p[0] << 8 | p[1]);
        if (size > 0)
                sum += (uint32_t) p[0] << 8;
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return sum;
}

/* The sum over pseudo header, UDP header and payload; 0xffff over a packet that is whole. */
static uint32_t udp_sum(const IpUdp *h, const uint8_t *udp, size_t size)
{
        uint8_t pseudo[PSEUDO_SIZE];
        Writer w = WRITER_INIT(pseudo, sizeof(pseudo));

        writer_bytes(&w, &h->source, 4);
        writer_bytes(&w, &h->destination, 4);
        writer_u16(&w, IPPROTO_UDP);
        writer_u16(&w, (uint16_t) size);
        return sum_words(udp, size, sum_words(pseudo, w.pos, 0));
}

int ipudp_build(const IpUdp *h, const void *payload, size_t payload_size, uint8_t *buf, size_t size)
{
        Writer w = WRITER_INIT(buf, size);
        size_t udp_size = UDP_HEADER_SIZE + payload_size;
        uint16_t sum;

        if (IPV4_HEADER_SIZE + udp_size > UINT16_MAX)
                return -EMSGSIZE;
        writer_u8(&w, 0x45);
        writer_u8(&w, h->tos);
        writer_u16(&w, (uint16_t) (IPV4_HEADER_SIZE + udp_size));
        writer_u16(&w, h->id);
        writer_u16(&w, 0);
        writer_u8(&w, TIME_TO_LIVE);
        writer_u8(&w, IPPROTO_UDP);
        writer_u16(&w, 0);
        writer_bytes(&w, &h->source, 4);
        writer_bytes(&w, &h->destination, 4);
        writer_u16(&w, h->source_port);
        writer_u16(&w, h->destination_port);
        writer_u16(&w, (uint16_t) udp_size);
        writer_u16(&w, 0);
        writer_bytes(&w, payload, payload_size);
        if (w.failed)
                return -EMSGSIZE;
        writer_patch_u16(&w, IP_CHECKSUM_AT, (uint16_t) ~sum_words(buf, IPV4_HEADER_SIZE, 0));
        sum = (uint16_t) ~udp_sum(h, buf + IPV4_HEADER_SIZE, udp_size);
        writer_patch_u16(&w, UDP_CHECKSUM_AT, sum ? sum : 0xffff);
        return (int) w.pos;
}

/* The IP header: on success `packet` is what it says follows it. */
static int parse_ip(Reader *packet, IpUdp *h)
{
        const uint8_t *start = packet->data;
        uint8_t version = reader_u8(packet), protocol;
        uint16_t total, fragment;
        size_t header = (version & 0xfu) * 4u;

        h->tos = reader_u8(packet);
        total = reader_u16(packet);
        h->id = reader_u16(packet);
        fragment = reader_u16(packet);
        reader_skip(packet, 1);
        protocol = reader_u8(packet);
        reader_skip(packet, 2);
        reader_copy(packet, &h->source, 4);
        reader_copy(packet, &h->destination, 4);
        if (packet->failed || version >> 4 != 4 || header < IPV4_HEADER_SIZE || total < header ||
                total > packet->size)
                return -EBADMSG;
        if ((fragment & IP_FRAGMENT_MASK) || protocol != IPPROTO_UDP)
                return -EBADMSG;
        if (sum_words(start, header, 0) != 0xffff)
                return -EBADMSG;
        *packet = READER_INIT(start + header, total - header);
        return 0;
}

int ipudp_parse(const void *data, size_t size, bool checksum_ready, IpUdp *ret,
        const uint8_t **ret_payload, size_t *ret_payload_size)
{
        Reader r = READER_INIT(data, size);
        const uint8_t *udp;
        uint16_t length, checksum;
        IpUdp h;

        if (parse_ip(&r, &h) < 0)
                return -EBADMSG;
        udp = r.data;
        h.source_port = reader_u16(&r);
        h.destination_port = reader_u16(&r);
        length = reader_u16(&r);
        checksum = reader_u16(&r);
        if (r.failed || length < UDP_HEADER_SIZE || length > r.size)
                return -EBADMSG;
        if (checksum_ready && checksum != 0 && udp_sum(&h, udp, length) != 0xffff)
                return -EBADMSG;
        *ret = h;
        *ret_payload = udp + UDP_HEADER_SIZE;
        *ret_payload_size = length - UDP_HEADER_SIZE;
        return 0;
}
