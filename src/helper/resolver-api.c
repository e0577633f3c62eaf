/* SPDX-License-Identifier: MIT */
/*
 * The public calls (<lwsd/lws-dns.h>): a query goes to thread 0 as an attachment, is looked up
 * there, and its result goes to the thread that wants it as another.
 *
 * A query is in one table of the process from its making until its callback has run, or it is
 * cancelled: what is in the table may still be called back. Three may hold it (the attachment under
 * way, the look-up, whoever ends it), each with a reference.
 */
#include "helper/resolver-private.h"
#include <lwsd/lws-dns.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define BUCKETS      64
#define QUERIES_MAX  16384
#define NAME_MAX_LEN 1024
#define FLAGS_KNOWN                                                                                \
        (LWS_DNS_NO_CACHE | LWS_DNS_NO_CNAME | LWS_DNS_NO_SEARCH | LWS_DNS_NO_NETWORK |            \
                LWS_DNS_VALIDATE)

_Static_assert((int) LWS_DNS_NO_CACHE == LOOKUP_NO_CACHE &&
                       (int) LWS_DNS_NO_CNAME == LOOKUP_NO_CNAME &&
                       (int) LWS_DNS_NO_SEARCH == LOOKUP_NO_SEARCH &&
                       (int) LWS_DNS_NO_NETWORK == LOOKUP_NO_NETWORK,
        "the flags are passed on as they are");

typedef struct Query Query;
struct Query {
        /* under `table.lock` */
        Query *next;
        uint64_t id; /* 0: not in the table */
        bool running;
        pthread_t runner;

        _Atomic unsigned refs;
        struct lws_context *cx;
        int tsi, family;
        uint16_t type; /* 0: addresses */
        unsigned flags;
        lws_usec_t deadline;
        lws_dns_cb_t *cb;
        void *opaque;
        Lookup *lookup; /* thread 0 */
        Timer timer;    /* there too */
        lws_dns_result_t result;
        SockAddr server;
        void *storage; /* what `result` points into */
        char name[];
};

static struct {
        pthread_mutex_t lock;
        pthread_cond_t returned; /* a callback has */
        Query *buckets[BUCKETS];
        uint64_t last_id;
        unsigned n;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER, .returned = PTHREAD_COND_INITIALIZER };

/* -- the table --------------------------------------------------------------------------------- */

static int table_link(Query *q)
{
        int r = -EAGAIN;

        pthread_mutex_lock(&table.lock);
        if (table.n < QUERIES_MAX) {
                q->id = ++table.last_id;
                q->next = table.buckets[q->id % BUCKETS];
                table.buckets[q->id % BUCKETS] = q;
                table.n++;
                r = 0;
        }
        pthread_mutex_unlock(&table.lock);
        return r;
}

static Query **table_find(uint64_t id)
{
        Query **at = &table.buckets[id % BUCKETS];

        while (*at && (*at)->id != id)
                at = &(*at)->next;
        return at;
}

/* Under the lock; harmless for one that is not there. */
static void table_unlink(Query *q)
{
        if (q->id == 0)
                return;
        *table_find(q->id) = q->next;
        q->id = 0;
        table.n--;
}

static Query *query_ref(Query *q)
{
        atomic_fetch_add(&q->refs, 1);
        return q;
}

static void query_unref(void *opaque)
{
        Query *q = opaque;

        if (atomic_fetch_sub(&q->refs, 1) > 1)
                return;
        free(q->storage);
        free(q);
}

/* -- the answer, on the thread that wants it --------------------------------------------------- */

/* Calls back, unless that was done or is no longer wanted. */
static void deliver(Query *q)
{
        bool wanted;

        pthread_mutex_lock(&table.lock);
        wanted = q->id != 0 && !q->running;
        if (wanted) {
                q->running = true;
                q->runner = pthread_self();
        }
        pthread_mutex_unlock(&table.lock);
        if (!wanted)
                return;
        q->cb(q->cx, q->tsi, &q->result, q->opaque);
        pthread_mutex_lock(&table.lock);
        table_unlink(q);
        pthread_cond_broadcast(&table.returned);
        pthread_mutex_unlock(&table.lock);
}

static void on_answered(struct lws_context *cx, int tsi, void *opaque)
{
        (void) cx;
        (void) tsi;
        deliver(opaque);
}

static void result_error(Query *q, int error)
{
        q->result = (lws_dns_result_t){
                .error = error, .why = "", .canonical = "", .protocol = "local"
        };
}

/* The attachment is over; where it never ran, the context is. */
static void drop(void *opaque)
{
        Query *q = opaque;

        /* whoever was called back is not in the table any more */
        result_error(q, -ECANCELED);
        deliver(q);
        query_unref(q);
}

static void answer(Query *q)
{
        if (q->tsi == 0) {
                deliver(q);
                return;
        }
        query_ref(q);
        if (lws_system_attach_ext(
                    q->cx, q->tsi, on_answered, LWS_SYSTATE_CONTEXT_CREATED, q, drop, 0, NULL) < 0)
                drop(q);
}

/* -- the look-up, on thread 0 ------------------------------------------------------------------ */

static void *take(Writer *w, size_t size)
{
        size_t start = (w->pos + 15) & ~(size_t) 15;

        w->pos = start + size;
        return w->data + start;
}

/* All of it, so that it can go to another thread, in one piece: addresses, records, words. */
static size_t storage_size(const LookupResult *res)
{
        size_t size = strlen(res->canonical) + strlen(res->why) + 64;

        size += res->n_addresses * (sizeof(struct addrinfo) + sizeof(SockAddr) + 32);
        for (size_t i = 0; i < res->n_records; i++)
                size += sizeof(lws_dns_record_t) + res->records[i].wire_size + 32;
        return size;
}

static struct addrinfo *add_address(Writer *w, const LookupAddress *from, char *canonical)
{
        struct addrinfo *ai = take(w, sizeof(*ai));
        SockAddr *sa = take(w, sizeof(*sa));
        Endpoint e = { .addr = from->addr, .ifindex = from->ifindex };

        *ai = (struct addrinfo){ .ai_family = from->addr.family,
                .ai_addrlen = endpoint_to_sockaddr(&e, 0, sa),
                .ai_addr = &sa->sa,
                .ai_canonname = canonical };
        return ai;
}

static void add_records(Query *q, Writer *w, const LookupResult *res)
{
        lws_dns_record_t *out = take(w, res->n_records * sizeof(*out));

        for (size_t i = 0; i < res->n_records; i++) {
                const LookupRecord *rr = &res->records[i];
                uint8_t *wire = memcpy(take(w, rr->wire_size), rr->wire, rr->wire_size);
                Reader r = READER_INIT(wire, rr->wire_size);
                DnsAnswerRecord parts;

                if (!dns_answer_next(&r, &parts))
                        continue;
                out[q->result.n_records++] = (lws_dns_record_t){ .wire = wire,
                        .wire_size = rr->wire_size,
                        .data = parts.data,
                        .data_size = parts.data_size,
                        .ttl = rr->ttl,
                        .rr_class = rr->class,
                        .type = rr->type };
        }
        q->result.records = out;
}

static void result_copy(Query *q, const LookupResult *res)
{
        size_t size = storage_size(res);
        struct addrinfo **tail = (struct addrinfo **) &q->result.addresses;
        char *canonical, *why;
        Writer w;

        q->storage = malloc(size);
        if (!q->storage) {
                result_error(q, -ENOMEM);
                return;
        }
        w = WRITER_INIT(q->storage, size);
        canonical = strcpy(take(&w, strlen(res->canonical) + 1), res->canonical);
        why = strcpy(take(&w, strlen(res->why) + 1), res->why);
        q->result = (lws_dns_result_t){ .error = res->error,
                .why = why,
                .canonical = canonical,
                .protocol = res->protocol,
                .took = (lws_usec_t) res->took_usec,
                .from_cache = res->from_cache,
                .stale = res->stale };
        if (res->server.addr.family != AF_UNSPEC &&
                endpoint_to_sockaddr(&res->server, 53, &q->server) > 0)
                q->result.server = &q->server.sa;
        for (size_t i = 0; i < res->n_addresses; i++) {
                *tail = add_address(&w, &res->addresses[i], i == 0 ? canonical : NULL);
                tail = &(*tail)->ai_next;
        }
        if (res->n_records > 0)
                add_records(q, &w, res);
}

/* A resolver that only these calls use. */
typedef struct Own Own;
struct Own {
        lws_state_notify_link_t notifier;
        Settings *settings;
        Resolver *resolver;
};

static int on_state(
        lws_state_manager_t *mgr, lws_state_notify_link_t *link, int current, int target)
{
        Own *own = container_of(link, Own, notifier);

        (void) mgr;
        (void) current;
        if (target != LWS_SYSTATE_CONTEXT_DESTROYING)
                return 0;
        lws_state_reg_deregister(link);
        resolver_free(own->resolver);
        settings_free(own->settings);
        free(own);
        return 0;
}

static void on_result(Lookup *lookup, const LookupResult *res, void *userdata)
{
        Query *q = userdata;

        (void) lookup;
        q->lookup = NULL;
        timer_cancel(&q->timer);
        result_copy(q, res);
        answer(q);
        query_unref(q);
}

static void on_deadline(Timer *t, usec_t now)
{
        Query *q = container_of(t, Query, timer);

        (void) now;
        q->lookup = lookup_cancel(q->lookup);
        result_error(q, -ETIMEDOUT);
        answer(q);
        query_unref(q);
}

static void set_deadline(Query *q)
{
        lws_usec_t left = q->deadline - lws_now_usecs();

        timer_init(&q->timer, context_thread(q->cx, 0), on_deadline);
        if (q->deadline != 0)
                timer_set(&q->timer, left > 0 ? usec_add(clock_boottime_usec(), (usec_t) left) : 0);
}

/* The context's, or where it has none one of our own, until the context goes. */
static int resolver_of(struct lws_context *cx, Resolver **ret)
{
        Own *own;
        int r;

        *ret = *context_resolver(cx);
        if (*ret)
                return 0;
        own = calloc(1, sizeof(*own));
        if (!own)
                return -ENOMEM;
        r = settings_new(&own->settings);
        if (r >= 0)
                r = resolver_new(&own->resolver, cx, NULL, own->settings);
        if (r < 0) {
                settings_free(own->settings);
                free(own);
                return r;
        }
        own->notifier = (lws_state_notify_link_t){ .notify_cb = on_state, .name = "dns" };
        lws_state_reg_notifier(lws_system_get_state_manager(cx), &own->notifier);
        *ret = own->resolver;
        return 0;
}

static int look_up(Query *q)
{
        Resolver *r;
        int error = resolver_of(q->cx, &r);

        if (error < 0)
                return error;
        if (q->type > 0)
                return resolver_lookup_record(
                        r, &q->lookup, 0, q->name, DNS_CLASS_IN, q->type, q->flags, on_result, q);
        return resolver_lookup_host(r, &q->lookup, 0, q->name, q->family, q->flags, on_result, q);
}

static void on_asked(struct lws_context *cx, int tsi, void *opaque)
{
        Query *q = opaque;
        int error;

        (void) cx;
        (void) tsi;
        set_deadline(q);
        error = look_up(q);
        if (error >= 0) {
                query_ref(q); /* the look-up's */
                return;
        }
        timer_cancel(&q->timer);
        result_error(q, error);
        answer(q);
}

/* Asked, and given to the look-up or answered; or the context is over before that. */
static void asked_over(void *opaque)
{
        Query *q = opaque;

        if (q->timer.fn)
                query_unref(q);
        else
                drop(q);
}

static void on_cancelled(struct lws_context *cx, int tsi, void *opaque)
{
        Query *q = opaque;

        (void) cx;
        (void) tsi;
        if (!q->lookup)
                return;
        timer_cancel(&q->timer);
        q->lookup = lookup_cancel(q->lookup);
        query_unref(q);
}

/* -- any thread -------------------------------------------------------------------------------- */

static int check(const char *name, int family, unsigned type, unsigned flags, lws_dns_cb_t *cb)
{
        if (!name || strlen(name) > NAME_MAX_LEN || !cb || flags & ~(unsigned) FLAGS_KNOWN ||
                type > UINT16_MAX)
                return -EINVAL;
        if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6)
                return -EINVAL;
        return flags & LWS_DNS_VALIDATE ? -EOPNOTSUPP : name_check(name);
}

static int ask(struct lws_context *cx, const Query *what, const char *name, uint64_t *handle)
{
        int r = check(name, what->family, what->type, what->flags, what->cb);
        Query *q;

        if (r >= 0 && (what->tsi < 0 || what->tsi >= context_n_threads(cx)))
                r = -EINVAL;
        if (r < 0)
                return r;
        q = malloc(sizeof(*q) + strlen(name) + 1);
        if (!q)
                return -ENOMEM;
        *q = *what;
        strcpy(q->name, name);
        q->cx = cx;
        q->refs = 1;
        r = table_link(q);
        if (r < 0) {
                free(q);
                return r;
        }
        /* the handle first: the callback may want it */
        if (handle)
                *handle = q->id;
        r = lws_system_attach_ext(
                cx, 0, on_asked, LWS_SYSTATE_CONTEXT_CREATED, q, asked_over, 0, NULL);
        if (r < 0) {
                pthread_mutex_lock(&table.lock);
                table_unlink(q);
                pthread_mutex_unlock(&table.lock);
                query_unref(q);
        }
        return r;
}

_public_ int lws_dns_query(struct lws_context *cx, int tsi, const char *name, int family,
        unsigned int flags, lws_usec_t deadline, lws_dns_cb_t *cb, void *opaque, uint64_t *handle)
{
        const Query what = { .tsi = tsi,
                .family = family,
                .flags = flags,
                .deadline = deadline,
                .cb = cb,
                .opaque = opaque };

        return ask(cx, &what, name, handle);
}

_public_ int lws_dns_query_record(struct lws_context *cx, int tsi, const char *name,
        unsigned int type, unsigned int flags, lws_usec_t deadline, lws_dns_cb_t *cb, void *opaque,
        uint64_t *handle)
{
        const Query what = { .tsi = tsi,
                .type = (uint16_t) type,
                .flags = flags,
                .deadline = deadline,
                .cb = cb,
                .opaque = opaque };

        return type == 0 || type > UINT16_MAX ? -EINVAL : ask(cx, &what, name, handle);
}

_public_ int lws_dns_cancel(uint64_t handle)
{
        Query *q;

        pthread_mutex_lock(&table.lock);
        q = *table_find(handle);
        if (q && q->running) {
                while (!pthread_equal(q->runner, pthread_self()) && *table_find(handle) == q)
                        pthread_cond_wait(&table.returned, &table.lock);
                q = NULL;
        }
        if (q) {
                table_unlink(q);
                query_ref(q);
        }
        pthread_mutex_unlock(&table.lock);
        if (!q)
                return 0;
        if (lws_system_attach_ext(q->cx, 0, on_cancelled, LWS_SYSTATE_CONTEXT_CREATED, q,
                    query_unref, 0, NULL) < 0)
                query_unref(q);
        return 1;
}

_public_ struct addrinfo *lws_dns_addresses_dup(const struct addrinfo *addresses)
{
        const char *canonical = addresses && addresses->ai_canonname ? addresses->ai_canonname : "";
        size_t n = 0, words = strlen(canonical) + 1;
        struct addrinfo *copy;
        SockAddr *sa;

        for (const struct addrinfo *ai = addresses; ai; ai = ai->ai_next)
                n++;
        copy = n > 0 ? calloc(1, n * (sizeof(*copy) + sizeof(*sa)) + words) : NULL;
        if (!copy)
                return NULL;
        sa = (SockAddr *) (void *) (copy + n);
        for (size_t i = 0; i < n; i++, addresses = addresses->ai_next) {
                copy[i] = *addresses;
                copy[i].ai_addr = memcpy(&sa[i], addresses->ai_addr, addresses->ai_addrlen);
                copy[i].ai_next = i + 1 < n ? &copy[i + 1] : NULL;
                copy[i].ai_canonname = NULL;
        }
        if (*canonical)
                copy->ai_canonname = strcpy((char *) (sa + n), canonical);
        return copy;
}
