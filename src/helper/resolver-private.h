/* SPDX-License-Identifier: MIT */
#pragma once
/* What the files of the resolver share. resolver.c owns the object and its look-ups; the others
 * give the machine (proto/dns-client.h) its sockets, its servers, its files and its voice. */
#include "core/context.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "helper/resolver.h"
#include "net/stream.h"
#include "proto/dns-client.h"
#include "util/fd.h"
#include "util/log.h"

typedef struct ResolverStub ResolverStub;
typedef struct ResolverFiles ResolverFiles;

struct Resolver {
        struct lws_context *cx;
        Network *network; /* may be NULL */
        const Settings *settings;
        Thread *thread;
        struct lws_vhost *vhost;
        DnsClient *client;
        Timer timer, kick; /* the machine's deadline; at the next turn */
        NetworkWatch watch;
        ResolverFiles *files;
        ResolverStub *stub;
        TlsConfig *tls;
        uint8_t pins[TLS_PINS_MAX][32];
        size_t n_pins;
        List closing;       /* sockets that are done with, see transport_settle() */
        List streams;       /* those that lost their server and wait for the last to let go */
        List lookups, done; /* under way; to be told */
        unsigned busy;      /* callbacks on the stack */
        bool dead;          /* freed inside one */
        char why[200];      /* the last trouble with a server, in words */
        bool why_dates;     /* it was the dates of a certificate */
};

struct Lookup {
        List link;
        Resolver *resolver;
        DnsLookup *dns;
        LookupResult *literal; /* an address given as a name: no look-up at all */
        LookupAddress literal_address;
        LookupFn fn;
        void (*raw)(void *userdata, const DnsResult *result); /* in place of `fn` */
        void *userdata;
        int ifindex;
        bool records;
};

/* -- resolver.c -- */
/* Does what the machine asks for; results go to their callbacks only where `deliver`. */
void resolver_pump(Resolver *r, bool deliver);
/* A look-up that gives the machine's own result. */
int resolver_lookup_raw(Resolver *r, Lookup **ret, const DnsQuestion *q,
        void (*raw)(void *userdata, const DnsResult *result), void *userdata);
/* What is known without a packet: see dns_client_peek(). */
int resolver_peek_raw(Resolver *r, const DnsQuestion *q, DnsResult *ret);
/* resolver_pump() at the next turn of the loop. */
void resolver_kick(Resolver *r);

/* -- resolver-transport.c -- */
/* Sends; a failure is told to the machine at once. */
void transport_send(Resolver *r, DnsAttempt *a);
void transport_close(Resolver *r, void *binding, DnsTransport transport);
/* Closes what is done with: after the next questions are out, whose servers work meanwhile. */
void transport_settle(Resolver *r);
void transport_server_gone(Resolver *r, void *binding);
void transport_free_all(Resolver *r);

/* -- resolver-servers.c -- */
/* From settings, links and resolv.conf to the machine's servers and routes. */
void servers_update(Resolver *r);

/* -- resolver-files.c -- */
int files_new(Resolver *r);
void files_free(Resolver *r);
/* What /etc/resolv.conf says, or NULL when it is ours or is not there. */
const DnsResolvConf *files_resolvconf(const Resolver *r);
/* Writes resolv.conf and stub-resolv.conf in the runtime folder where they differ. */
void files_write(Resolver *r, const DnsResolvConf *c);

/* -- resolver-result.c -- */
/* Calls `fn` with what `result` says. */
void result_deliver(Resolver *r, Lookup *l, const DnsResult *result, bool records, int ifindex,
        LookupFn fn, void *userdata);

/* -- resolver-name.c -- */
/* To a name for the wire: UTF-8 by IDNA, escapes, a dot at the end. -EINVAL. */
int name_from_user(const char *text, DnsName *ret, bool *ret_absolute);
/* 0 for a name or an address, else -EINVAL. */
int name_check(const char *text);
/* True for an address in text; the scope's link in `ret_ifindex`. */
bool name_is_literal(const char *text, IpAddr *ret, int *ret_ifindex);

/* -- resolver-stub.c -- */
int stub_new(Resolver *r);
void stub_free(Resolver *r);
