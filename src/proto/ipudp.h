/* SPDX-License-Identifier: MIT */
#pragma once
/* IPv4 and UDP headers by hand (RFC 791, 768), for a host that has no address yet. */
#include "util/buf.h"
#include <netinet/in.h>

#define IPUDP_HEADER_SIZE 28

typedef struct IpUdp IpUdp;
struct IpUdp {
        struct in_addr source, destination;
        uint16_t source_port, destination_port;
        uint16_t id; /* IP identification */
        uint8_t tos;
};

/* Writes both headers and the payload; the size, or -EMSGSIZE. */
int ipudp_build(
        const IpUdp *h, const void *payload, size_t payload_size, uint8_t *buf, size_t size);
/*
 * Takes them off again. `checksum_ready` is false for a frame whose UDP checksum was left to the
 * hardware and so never computed (TP_STATUS_CSUMNOTREADY, as on veth and tap); it is then not
 * looked at. 0 or -EBADMSG: not whole, a fragment, not UDP, or a bad checksum.
 */
int ipudp_parse(const void *data, size_t size, bool checksum_ready, IpUdp *ret,
        const uint8_t **ret_payload, size_t *ret_payload_size);
