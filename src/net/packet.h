/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Packet sockets (packet(7)) of one EtherType on one link, without the link header. Each has a
 * filter from the start, so that only what may be ours wakes the daemon.
 */
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct PacketTo PacketTo;
struct PacketTo {
        int ifindex;
        uint16_t ethertype;
        uint8_t mac[20];
        size_t mac_size;
};

/* A socket that hears what `filter` lets through, or -errno. */
int packet_open(int ifindex, uint16_t ethertype, const struct sock_filter *filter, size_t n);
/* Another filter; what was queued under the old one is still read. */
int packet_set_filter(int fd, const struct sock_filter *filter, size_t n);
/* 0, or a negative errno; a packet goes whole or not at all. */
int packet_send(int fd, const PacketTo *to, const void *data, size_t size);
/* The size of one packet; -EAGAIN when there is none, -EMSGSIZE for one that is longer than `size`
 * and gone. `ret_checksum_ready` is false when its UDP checksum was never computed. */
ssize_t packet_receive(int fd, void *buf, size_t size, bool *ret_checksum_ready);
