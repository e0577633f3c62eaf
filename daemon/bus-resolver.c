/* SPDX-License-Identifier: MIT */
#include "daemon/bus-common.h"
#include "helper/resolver.h"
#include "helper/system.h"
#include "util/text.h"
#include <string.h>

/* Flags as org.freedesktop.resolve1 has them. */
#define FLAG_DNS           (UINT64_C(1) << 0)
#define FLAG_NO_CNAME      (UINT64_C(1) << 5)
#define FLAG_NO_SEARCH     (UINT64_C(1) << 8)
#define FLAG_AUTHENTICATED (UINT64_C(1) << 9)
#define FLAG_NO_SYNTHESIZE (UINT64_C(1) << 11)
#define FLAG_NO_CACHE      (UINT64_C(1) << 12)
#define FLAG_NO_NETWORK    (UINT64_C(1) << 15)
#define FLAG_CONFIDENTIAL  (UINT64_C(1) << 18)
#define FLAG_SYNTHETIC     (UINT64_C(1) << 19)
#define FLAG_FROM_CACHE    (UINT64_C(1) << 20)
#define FLAG_FROM_NETWORK  (UINT64_C(1) << 23)
#define FLAG_NO_STALE      (UINT64_C(1) << 24)

/* One call that waits for its answer. */
typedef struct Question Question;
struct Question {
        List link; /* Caller.lookups */
        Caller *caller;
        sd_bus_message *call;
        Lookup *lookup;
        bool records, traced;
        char name[256];
};

static void question_free(Question *q)
{
        list_unlink(&q->link);
        quota_give(&q->caller->manager->quota, q->caller->uid, QUOTA_LOOKUPS, 1);
        sd_bus_message_unref(q->call);
        free(q);
}

void bus_resolver_forget(Caller *caller)
{
        list_foreach_safe (it, &caller->lookups) {
                Question *q = list_entry(it, Question, link);

                lookup_cancel(q->lookup);
                question_free(q);
        }
}

static bool is_traced(sd_bus_message *m)
{
        return strncmp(sd_bus_message_get_member(m), "Trace", strlen("Trace")) == 0;
}

static unsigned lookup_flags(sd_bus_message *m, uint64_t flags)
{
        return (is_traced(m) ? LOOKUP_TRACE : 0u) | (flags & FLAG_NO_CACHE ? LOOKUP_NO_CACHE : 0u) |
               (flags & FLAG_NO_CNAME ? LOOKUP_NO_CNAME : 0u) |
               (flags & FLAG_NO_SEARCH ? LOOKUP_NO_SEARCH : 0u) |
               (flags & FLAG_NO_NETWORK ? LOOKUP_NO_NETWORK : 0u) |
               (flags & FLAG_NO_SYNTHESIZE ? LOOKUP_NO_SYNTHESIZE : 0u) |
               (flags & FLAG_NO_STALE ? LOOKUP_NO_STALE : 0u);
}

static uint64_t result_flags(const LookupResult *result)
{
        const char *protocol = result->protocol ? result->protocol : "";

        /* nobody else had a say in it */
        if (strcmp(protocol, "local") == 0)
                return FLAG_SYNTHETIC | FLAG_AUTHENTICATED | FLAG_CONFIDENTIAL;
        return FLAG_DNS | (result->from_cache ? FLAG_FROM_CACHE : FLAG_FROM_NETWORK) |
               (result->confidential ? FLAG_CONFIDENTIAL : 0);
}

static int append_addresses(sd_bus_message *m, const LookupResult *result, const char *name)
{
        char canonical[1024];
        int r;

        r = sd_bus_message_open_container(m, 'a', "(iiay)");
        for (size_t i = 0; i < result->n_addresses && r >= 0; i++)
                if ((r = sd_bus_message_open_container(m, 'r', "iiay")) >= 0 &&
                        (r = sd_bus_message_append(
                                 m, "i", (int32_t) result->addresses[i].ifindex)) >= 0 &&
                        (r = bus_append_address(m, &result->addresses[i].addr, false)) >= 0)
                        r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        text_copy(canonical, sizeof(canonical), result->canonical ? result->canonical : name);
        return r < 0 ? r : sd_bus_message_append(m, "s", canonical);
}

static int append_records(sd_bus_message *m, const LookupResult *result)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "(iqqay)");
        for (size_t i = 0; i < result->n_records && r >= 0; i++) {
                const LookupRecord *rr = &result->records[i];

                if ((r = sd_bus_message_open_container(m, 'r', "iqqay")) >= 0 &&
                        (r = sd_bus_message_append(
                                 m, "iqq", (int32_t) rr->ifindex, rr->class, rr->type)) >= 0 &&
                        (r = sd_bus_message_append_array(m, 'y', rr->wire, rr->wire_size)) >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static const char *server_text(const Endpoint *server, char buf[static ENDPOINT_STRLEN])
{
        buf[0] = 0;
        return server->addr.family == AF_UNSPEC ? buf : endpoint_format(server, buf);
}

static int append_steps(sd_bus_message *m, const LookupResult *result)
{
        char server[ENDPOINT_STRLEN];
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "steps");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(tqsss)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(tqsss)");
        for (size_t i = 0; i < result->n_steps && r >= 0; i++) {
                const LookupStep *step = &result->steps[i];

                r = sd_bus_message_append(m, "(tqsss)", (uint64_t) step->at, step->type,
                        server_text(&step->server, server), step->protocol, step->what);
        }
        for (unsigned depth = 0; depth < 3 && r >= 0; depth++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_detail(
        sd_bus_message *m, const char *key, const char *signature, const void *value)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', signature);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, signature[0], value);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Where it comes from. */
static int append_details(sd_bus_message *m, const LookupResult *result)
{
        const uint64_t took = result->took_usec;
        const int stale = result->stale;
        char server[ENDPOINT_STRLEN];
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = append_detail(m, "protocol", "s", result->protocol ? result->protocol : "");
        if (r >= 0)
                r = append_detail(m, "server", "s", server_text(&result->server, server));
        if (r >= 0)
                r = append_detail(m, "usec", "t", &took);
        if (r >= 0)
                r = append_detail(m, "stale", "b", &stale);
        if (r >= 0)
                r = append_steps(m, result);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* What a reply counts for in its caller's queue: about its size. */
static size_t reply_size(const Question *q, const LookupResult *result)
{
        size_t steps = q->traced ? result->n_steps : 0, words = result->error < 0 ? 256 : 0;

        return 256 + words + 64 * (result->n_addresses + 16 * result->n_records + 2 * steps);
}

static int answer(Question *q, const LookupResult *result)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_return(q->call, &m);
        if (r >= 0)
                r = q->records ? append_records(m, result) : append_addresses(m, result, q->name);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", result_flags(result));
        if (r >= 0 && q->traced)
                r = append_details(m, result);
        if (r < 0)
                return r;
        conn_send(q->caller->conn, m, reply_size(q, result));
        return 0;
}

static int set_error(sd_bus_error *error, const Question *q, int code, const char *why)
{
        switch (code) {
        case -ESRCH:
                return sd_bus_error_setf(
                        error, LWSD_ERROR_NO_SUCH_NAME, "The name %s does not exist", q->name);
        case -ENODATA:
                return sd_bus_error_setf(error, LWSD_ERROR_NO_SUCH_RECORD,
                        "The name %s has no such record", q->name);
        case -ETIMEDOUT:
                return sd_bus_error_setf(error, LWSD_ERROR_TIMEOUT,
                        "No DNS server answered in time for %s", q->name);
        case -ENETUNREACH:
                return sd_bus_error_setf(error, LWSD_ERROR_NO_SERVERS,
                        "There is no DNS server within reach for %s; see Servers in "
                        "org.lwsd1.Resolver",
                        q->name);
        case -EIO:
                return sd_bus_error_setf(error, LWSD_ERROR_SERVERS_FAILED,
                        "Every DNS server failed to answer for %s%s%s", q->name, why[0] ? ": " : "",
                        why);
        case -ECANCELED:
                return sd_bus_error_set(error, LWSD_ERROR_CANCELLED, "The resolver was stopped");
        case -ELIBACC:
                return sd_bus_error_setf(error, LWSD_ERROR_NOT_AVAILABLE,
                        "What names like %s need cannot be loaded; the log of lwsd says why",
                        q->name);
        default:
                return sd_bus_error_set_errno(error, code);
        }
}

static void reply(Question *q, const LookupResult *result)
{
        int r = result->error;

        if (r >= 0)
                r = answer(q, result);
        if (r < 0) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                sd_bus_error error = SD_BUS_ERROR_NULL;

                (void) set_error(&error, q, r, result->why ? result->why : "");
                r = sd_bus_message_new_method_error(q->call, &m, &error);
                /* behind the words of an error there is room for more */
                if (r >= 0 && q->traced)
                        r = append_details(m, result);
                if (r >= 0)
                        conn_send(q->caller->conn, m, reply_size(q, result));
                sd_bus_error_free(&error);
        }
}

/* Known at once: inside the call, while the loop is in it anyway. */
static void on_known(Lookup *lookup, const LookupResult *result, void *userdata)
{
        (void) lookup;
        reply(userdata, result);
}

static void on_answer(Lookup *lookup, const LookupResult *result, void *userdata)
{
        Question *q = userdata;

        (void) lookup;
        reply(q, result);
        question_free(q);
}

/* Takes the quota and remembers the call. */
static int question_new(Question **ret, Caller *caller, sd_bus_message *m, const char *name,
        bool records, sd_bus_error *error)
{
        Manager *manager = caller->manager;
        Question *q;

        if (!system_resolver(manager->system))
                return sd_bus_error_set(error, LWSD_ERROR_NOT_AVAILABLE,
                        "This lwsd was built without its resolver");
        if (quota_take(&manager->quota, caller->uid, QUOTA_LOOKUPS, 1) < 0)
                return sd_bus_error_setf(error, LWSD_ERROR_QUOTA_EXCEEDED,
                        "User %u has all of its %llu look-ups in flight; wait for an answer",
                        (unsigned) caller->uid,
                        (unsigned long long) quota_limit(
                                &manager->quota, caller->uid, QUOTA_LOOKUPS));
        q = calloc(1, sizeof(*q));
        if (!q) {
                quota_give(&manager->quota, caller->uid, QUOTA_LOOKUPS, 1);
                return -ENOMEM;
        }
        q->caller = caller;
        q->call = sd_bus_message_ref(m);
        q->records = records;
        q->traced = is_traced(m);
        text_copy(q->name, sizeof(q->name), name);
        list_link_tail(&caller->lookups, &q->link);
        *ret = q;
        return 0;
}

static int question_asked(Question *q, int r, sd_bus_error *error)
{
        if (r >= 0)
                return 1;
        if (r == -EINVAL || r == -EOPNOTSUPP) /* the latter: types that no query can have */
                r = sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                        "\"%s\" cannot be looked up: not a name, or not such a family or type",
                        q->name);
        else
                r = set_error(error, q, r, "");
        question_free(q);
        return r;
}

static int do_resolve_hostname(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        int32_t ifindex, family;
        Resolver *resolver = system_resolver(caller->manager->system);
        const char *name;
        uint64_t flags;
        Question *q;
        int r;

        r = sd_bus_message_read(m, "isit", &ifindex, &name, &family, &flags);
        if (r < 0)
                return r;
        if (ifindex < 0 || (family != AF_UNSPEC && family != AF_INET && family != AF_INET6))
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                        "The family is 0 (any), 2 (IPv4) or 10 (IPv6), the link at least 0");
        if (resolver) {
                Question known = { .caller = caller, .call = m, .traced = is_traced(m) };

                text_copy(known.name, sizeof(known.name), name);
                if (resolver_peek_host(resolver, ifindex, name, family, lookup_flags(m, flags),
                            on_known, &known) == 1)
                        return 1;
        }
        r = question_new(&q, caller, m, name, false, error);
        if (r < 0)
                return r;
        r = resolver_lookup_host(
                resolver, &q->lookup, ifindex, name, family, lookup_flags(m, flags), on_answer, q);
        return question_asked(q, r, error);
}

static int do_resolve_record(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        uint16_t class, type;
        const char *name;
        int32_t ifindex;
        uint64_t flags;
        Question *q;
        int r;

        r = sd_bus_message_read(m, "isqqt", &ifindex, &name, &class, &type, &flags);
        if (r < 0)
                return r;
        if (ifindex < 0)
                return sd_bus_error_set(
                        error, SD_BUS_ERROR_INVALID_ARGS, "The link is at least 0 (any)");
        r = question_new(&q, caller, m, name, true, error);
        if (r < 0)
                return r;
        r = resolver_lookup_record(system_resolver(caller->manager->system), &q->lookup, ifindex,
                name, class, type, lookup_flags(m, flags), on_answer, q);
        return question_asked(q, r, error);
}

static int do_flush_caches(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        Resolver *resolver = system_resolver(caller->manager->system);

        if (resolver)
                resolver_flush(resolver);
        return sd_bus_reply_method_return(m, NULL);
}

METHOD(resolve_hostname, do_resolve_hostname);
METHOD(resolve_record, do_resolve_record);
METHOD_PRIVILEGED(flush_caches, do_flush_caches);

static ResolverStatistics statistics_of(void *userdata)
{
        Resolver *resolver = system_resolver(MANAGER(userdata)->system);
        ResolverStatistics s = { 0 };

        if (resolver)
                resolver_statistics(resolver, &s);
        return s;
}

GETTER(cache_statistics)
{
        ResolverStatistics s = statistics_of(userdata);

        return sd_bus_message_append(m, "(ttt)", s.cache_entries, s.cache_hits, s.cache_misses);
}

GETTER(transaction_statistics)
{
        ResolverStatistics s = statistics_of(userdata);

        return sd_bus_message_append(m, "(tt)", s.transactions_current, s.transactions_total);
}

GETTER(servers)
{
        Resolver *resolver = system_resolver(MANAGER(userdata)->system);
        ResolverServer server;
        int r;

        r = sd_bus_message_open_container(m, 'a', "(iiayss)");
        for (size_t i = 0; resolver && r >= 0 && resolver_server(resolver, i, &server); i++) {
                char name[256];

                text_copy(name, sizeof(name), server.endpoint.name);
                if ((r = sd_bus_message_open_container(m, 'r', "iiayss")) >= 0 &&
                        (r = sd_bus_message_append(m, "i", (int32_t) server.endpoint.ifindex)) >=
                                0 &&
                        (r = bus_append_address(m, &server.endpoint.addr, false)) >= 0 &&
                        (r = sd_bus_message_append(m, "ss", name, server.protocol)) >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

const sd_bus_vtable bus_resolver_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ResolveHostname",
                SD_BUS_ARGS("i", ifindex, "s", name, "i", family, "t", flags),
                SD_BUS_RESULT("a(iiay)", addresses, "s", canonical, "t", flags),
                method_resolve_hostname, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ResolveRecord",
                SD_BUS_ARGS("i", ifindex, "s", name, "q", class, "q", type, "t", flags),
                SD_BUS_RESULT("a(iqqay)", records, "t", flags), method_resolve_record,
                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("TraceHostname",
                SD_BUS_ARGS("i", ifindex, "s", name, "i", family, "t", flags),
                SD_BUS_RESULT("a(iiay)", addresses, "s", canonical, "t", flags, "a{sv}", details),
                method_resolve_hostname, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("TraceRecord",
                SD_BUS_ARGS("i", ifindex, "s", name, "q", class, "q", type, "t", flags),
                SD_BUS_RESULT("a(iqqay)", records, "t", flags, "a{sv}", details),
                method_resolve_record, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "FlushCaches", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_flush_caches, UNPRIVILEGED),
        SD_BUS_PROPERTY("CacheStatistics", "(ttt)", get_cache_statistics, 0, 0),
        SD_BUS_PROPERTY("TransactionStatistics", "(tt)", get_transaction_statistics, 0, 0),
        SD_BUS_PROPERTY("Servers", "a(iiayss)", get_servers, 0, CHANGES),
        SD_BUS_VTABLE_END,
};
