/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_DNS_H
#define LWSD_LWS_DNS_H
/*
 * Names, asynchronously, on the loop of a context; pkg-config lws-dns, which brings all of
 * lws-system with it.
 *
 *      static void on_result(struct lws_context *cx, int tsi, const lws_dns_result_t *result,
 *              void *opaque)
 *      {
 *              for (const struct addrinfo *ai = result->addresses; ai; ai = ai->ai_next)
 *                      ...
 *      }
 *
 *      lws_dns_query(cx, 0, "www.example.com", AF_UNSPEC, 0, 0, on_result, opaque, NULL);
 *
 * All queries of a context share one cache and one set of servers: those of lwsd where the context
 * is lwsd's own, else what /etc/resolv.conf says, watched for changes. Sockets live on thread 0,
 * which has to be serviced; queries may be made from any thread, and are answered on thread `tsi`.
 */
#include <lwsd/lws-timer.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo;
struct lws_context;
struct sockaddr;

enum {
        LWS_DNS_NO_CACHE = 1 << 0,   /* ask, whatever is known */
        LWS_DNS_NO_CNAME = 1 << 1,   /* a name that is an alias is an error: -ENODATA */
        LWS_DNS_NO_SEARCH = 1 << 2,  /* as it stands, without the search list */
        LWS_DNS_NO_NETWORK = 1 << 3, /* only what is known already, else -ENETUNREACH */
        LWS_DNS_VALIDATE = 1 << 8,   /* by DNSSEC: -EOPNOTSUPP until that is there */
};

typedef struct lws_dns_record {
        const uint8_t *wire; /* the whole record, no name compressed */
        size_t wire_size;
        const uint8_t *data; /* its data, in there */
        size_t data_size;
        uint32_t ttl; /* seconds that are left */
        uint16_t rr_class, type;
} lws_dns_record_t;

/* Valid inside the callback only; members may be added. */
typedef struct lws_dns_result {
        /* 0, or: -ESRCH no such name, -ENODATA no such record, -ETIMEDOUT, -EIO the servers failed,
         * -ENETUNREACH none is known or within reach, -ECANCELED the context goes away, -ENOMEM */
        int error;
        const char *why; /* of -EIO, where more is known; never NULL */
        /* Of lws_dns_query(): in the order of RFC 6724, ports 0, as from getaddrinfo(). */
        const struct addrinfo *addresses;
        /* Of lws_dns_query_record(). */
        const lws_dns_record_t *records;
        size_t n_records;
        const char *canonical;         /* the name that aliases led to */
        const char *protocol;          /* "udp" "tcp" "dot" "cache" "local" */
        const struct sockaddr *server; /* NULL where none was asked */
        lws_usec_t took;
        int from_cache, stale; /* stale: the servers failed, and this is what they said before */
} lws_dns_result_t;

typedef void lws_dns_cb_t(
        struct lws_context *cx, int tsi, const lws_dns_result_t *result, void *opaque);

/*
 * Asks for the addresses of a name (AF_UNSPEC, AF_INET, AF_INET6) or for its records of one type
 * (1..65535, class IN). Names may be UTF-8; an address is its own answer, and for type PTR (12) it
 * stands for its reverse name. Any thread.
 *
 * The callback runs exactly once, on thread `tsi`, never inside this call: with an answer, or an
 * error after 10 s at the latest, or -ETIMEDOUT at `deadline` (as lws_now_usecs(); 0: none), or
 * -ECANCELED when the context is destroyed first (then on whichever thread ends it). Not after
 * lws_dns_cancel() has returned 1, and not when this fails: -EINVAL (name, family, type, tsi, no
 * callback, unknown flags), -EOPNOTSUPP, -EAGAIN (too many under way), -ENOMEM, -ESHUTDOWN.
 * `handle` may be NULL.
 */
int lws_dns_query(struct lws_context *cx, int tsi, const char *name, int family, unsigned int flags,
        lws_usec_t deadline, lws_dns_cb_t *cb, void *opaque, uint64_t *handle);
int lws_dns_query_record(struct lws_context *cx, int tsi, const char *name, unsigned int type,
        unsigned int flags, lws_usec_t deadline, lws_dns_cb_t *cb, void *opaque, uint64_t *handle);

/*
 * Any thread. 1: the callback will never run. 0: it has run, or the handle names nothing. Where it
 * is running on another thread, this waits until it has returned; inside it, this returns 0.
 */
int lws_dns_cancel(uint64_t handle);

/* A copy of a list of addresses that outlives the callback, in one piece: free() it. NULL for an
 * empty list, or with errno ENOMEM. */
struct addrinfo *lws_dns_addresses_dup(const struct addrinfo *addresses);

#ifdef __cplusplus
}
#endif
#endif
