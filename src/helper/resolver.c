/* SPDX-License-Identifier: MIT */
#include "helper/resolver-private.h"
#include "util/base64.h"
#include <string.h>

/* -- the pump ---------------------------------------------------------------------------------- */

static void lookup_free(Lookup *l)
{
        list_unlink(&l->link);
        dns_lookup_free(l->dns);
        free(l->literal);
        free(l);
}

/* Calls back; true when the resolver is gone afterwards. */
static bool deliver(Resolver *r, Lookup *l)
{
        LookupFn fn = l->fn;

        /* a cancel of this one inside its callback has nothing left to do */
        l->fn = NULL;
        r->busy++;
        if (l->raw)
                l->raw(l->userdata, dns_lookup_result(l->dns));
        else if (l->literal)
                fn(l, l->literal, l->userdata);
        else
                result_deliver(
                        r, l, dns_lookup_result(l->dns), l->records, l->ifindex, fn, l->userdata);
        r->busy--;
        if (r->dead) {
                free(l->literal);
                free(l);
                if (r->busy == 0)
                        free(r);
                return true;
        }
        lookup_free(l);
        return false;
}

/* A deadline that moves away leaves the timer where it is: it then finds nothing due and looks
 * again. So a busy resolver does not set a timer for each packet. */
static void arm(Resolver *r)
{
        usec_t deadline = dns_client_deadline(r->client);

        if (!timer_is_set(&r->timer) || deadline < r->timer.deadline)
                timer_set(&r->timer, deadline);
}

void resolver_kick(Resolver *r)
{
        /* inside a callback the pump is on the stack and comes back to it */
        if (r->busy == 0)
                timer_set(&r->kick, 0);
}

static void pop_events(Resolver *r)
{
        DnsEvent e;

        while (dns_client_pop_event(r->client, &e)) {
                Lookup *l;

                switch (e.kind) {
                case DNS_EVENT_CLOSE:
                        transport_close(r, e.binding, e.transport);
                        break;
                case DNS_EVENT_GONE:
                        transport_server_gone(r, e.binding);
                        break;
                case DNS_EVENT_SEND:
                        transport_send(r, e.attempt);
                        break;
                case DNS_EVENT_DONE:
                        l = dns_lookup_userdata(e.lookup);
                        list_unlink(&l->link);
                        list_link_tail(&r->done, &l->link);
                        break;
                }
        }
}

void resolver_pump(Resolver *r, bool may_deliver)
{
        size_t n = 0;

        pop_events(r);
        /* those that callbacks add have their turn next time */
        list_foreach (it, &r->done)
                n++;
        for (; may_deliver && n > 0 && !list_is_empty(&r->done); n--) {
                Lookup *l = list_entry(list_first(&r->done), Lookup, link);

                list_unlink(&l->link);
                if (deliver(r, l))
                        return;
        }
        if (may_deliver)
                pop_events(r);
        transport_settle(r);
        arm(r);
        if (!list_is_empty(&r->done))
                resolver_kick(r);
}

static void on_timer(Timer *t, usec_t now)
{
        Resolver *r = container_of(t, Resolver, timer);

        dns_client_timeout(r->client, now);
        resolver_pump(r, true);
}

static void on_kick(Timer *t, usec_t now)
{
        (void) now;
        resolver_pump(container_of(t, Resolver, kick), true);
}

/* -- look-ups ---------------------------------------------------------------------------------- */

static int start(Resolver *r, Lookup **ret, const DnsQuestion *q, const Lookup *template)
{
        Lookup *l = malloc(sizeof(*l));
        int error;

        if (!l)
                return -ENOMEM;
        *l = *template;
        l->resolver = r;
        l->ifindex = q->ifindex;
        error = dns_client_lookup(r->client, &l->dns, q, l, clock_boottime_usec());
        if (error < 0) {
                free(l);
                return error;
        }
        list_link_tail(&r->lookups, &l->link);
        resolver_kick(r);
        if (ret)
                *ret = l;
        return 0;
}

static void fill_literal(LookupResult *res, LookupAddress *a, int family, const char *canonical)
{
        *res = (LookupResult){
                .protocol = "local", .canonical = canonical, .why = "", .confidential = true
        };
        if (family != AF_UNSPEC && family != a->addr.family) {
                res->error = -ENODATA;
                return;
        }
        res->addresses = a;
        res->n_addresses = 1;
}

/* REQ_DNS 5: an address is its own answer. */
static int start_literal(Resolver *r, Lookup **ret, const char *name, const LookupAddress *a,
        int family, LookupFn fn, void *userdata)
{
        Lookup *l = calloc(1, sizeof(*l));
        size_t size = strlen(name) + 1;
        char *text;

        if (!l)
                return -ENOMEM;
        l->literal = malloc(sizeof(*l->literal) + size);
        if (!l->literal) {
                free(l);
                return -ENOMEM;
        }
        text = memcpy(l->literal + 1, name, size);
        l->resolver = r;
        l->fn = fn;
        l->userdata = userdata;
        l->literal_address = *a;
        fill_literal(l->literal, &l->literal_address, family, text);
        list_link_tail(&r->done, &l->link);
        resolver_kick(r);
        if (ret)
                *ret = l;
        return 0;
}

static int host_question(DnsQuestion *q, int ifindex, const char *name, int family, unsigned flags)
{
        *q = (DnsQuestion){ .class = DNS_CLASS_IN,
                .ifindex = ifindex,
                .flags = flags,
                .types = { DNS_TYPE_A, DNS_TYPE_AAAA } };
        if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6)
                return -EAFNOSUPPORT;
        if (family == AF_INET)
                q->types[1] = 0;
        else if (family == AF_INET6)
                memcpy(q->types, (uint16_t[2]){ DNS_TYPE_AAAA, 0 }, sizeof(q->types));
        return name_from_user(name, &q->name, &q->absolute);
}

int resolver_lookup_host(Resolver *r, Lookup **ret, int ifindex, const char *name, int family,
        unsigned flags, LookupFn fn, void *userdata)
{
        LookupAddress literal = { 0 };
        DnsQuestion q;
        int error;

        if (name_is_literal(name, &literal.addr, &literal.ifindex))
                return start_literal(r, ret, name, &literal, family, fn, userdata);
        error = host_question(&q, ifindex, name, family, flags);
        return error < 0 ? error : start(r, ret, &q, &(Lookup){ .fn = fn, .userdata = userdata });
}

int resolver_peek_raw(Resolver *r, const DnsQuestion *q, DnsResult *ret)
{
        int known = dns_client_peek(r->client, q, clock_boottime_usec(), ret);

        if (dns_client_has_events(r->client))
                resolver_kick(r);
        return known;
}

int resolver_peek_host(Resolver *r, int ifindex, const char *name, int family, unsigned flags,
        LookupFn fn, void *userdata)
{
        LookupAddress literal = { 0 };
        DnsResult result;
        DnsQuestion q;
        int error;

        if (name_is_literal(name, &literal.addr, &literal.ifindex)) {
                LookupResult res;

                fill_literal(&res, &literal, family, name);
                fn(NULL, &res, userdata);
                return 1;
        }
        error = host_question(&q, ifindex, name, family, flags);
        if (error < 0)
                return error;
        if (resolver_peek_raw(r, &q, &result) == 0)
                return 0;
        result_deliver(r, NULL, &result, false, ifindex, fn, userdata);
        dns_result_clear(&result);
        return 1;
}

int resolver_lookup_record(Resolver *r, Lookup **ret, int ifindex, const char *name, uint16_t class,
        uint16_t type, unsigned flags, LookupFn fn, void *userdata)
{
        DnsQuestion q = { .class = class,
                .types = { type, 0 },
                .ifindex = ifindex,
                .flags = flags | LOOKUP_NO_SEARCH };
        int error = 0, scope;
        IpAddr addr;

        if (class == DNS_CLASS_ANY)
                q.class = DNS_CLASS_IN;
        if (type == DNS_TYPE_PTR && name_is_literal(name, &addr, &scope))
                dns_name_for_address(&addr, &q.name);
        else
                error = name_from_user(name, &q.name, &q.absolute);
        return error < 0 ? error
                         : start(r, ret, &q,
                                   &(Lookup){ .fn = fn, .userdata = userdata, .records = true });
}

int resolver_lookup_raw(Resolver *r, Lookup **ret, const DnsQuestion *q,
        void (*raw)(void *userdata, const DnsResult *result), void *userdata)
{
        return start(r, ret, q, &(Lookup){ .raw = raw, .userdata = userdata });
}

Lookup *lookup_cancel(Lookup *l)
{
        Resolver *r;

        if (!l || (!l->fn && !l->raw) || !list_is_linked(&l->link))
                return NULL;
        r = l->resolver;
        lookup_free(l);
        resolver_kick(r);
        return NULL;
}

/* -- the object -------------------------------------------------------------------------------- */

static void on_network(NetworkWatch *watch, bool epoch_changed)
{
        Resolver *r = container_of(watch, Resolver, watch);

        servers_update(r);
        if (epoch_changed)
                dns_client_network_changed(r->client, clock_boottime_usec());
        resolver_kick(r);
}

/* Base64 as people paste it, for a decoder of the URL's alphabet without padding. */
static int decode_pin(const char *text, uint8_t pin[static 32])
{
        uint8_t raw[BASE64_DECODED_MAX(64)];
        size_t n = strcspn(text, "="), size = 0;
        char url[64];

        if (n >= sizeof(url))
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                url[i] = (char) (text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
        if (base64url_decode(url, n, raw, &size) < 0 || size != 32)
                return -EINVAL;
        memcpy(pin, raw, 32);
        return 0;
}

static void read_pins(Resolver *r)
{
        const StringList *pins = &r->settings->dns.pins;

        r->n_pins = 0;
        for (size_t i = 0; i < pins->n && r->n_pins < TLS_PINS_MAX; i++) {
                if (decode_pin(pins->items[i], r->pins[r->n_pins]) >= 0)
                        r->n_pins++;
                else
                        log_warning("DNSPins: \"%s\" is not a SHA-256 in base64; ignored",
                                pins->items[i]);
        }
}

static void apply_settings(Resolver *r)
{
        const DnsSettings *dns = &r->settings->dns;

        dns_client_set_cache_limits(
                r->client, dns->cache ? dns->cache_max_bytes : 0, dns->stale_usec);
        read_pins(r);
        r->tls = tls_config_free(r->tls);
}

int resolver_new(Resolver **ret, struct lws_context *cx, Network *network, const Settings *settings)
{
        Resolver *r = calloc(1, sizeof(*r));
        int error;

        if (!r)
                return -ENOMEM;
        r->cx = cx;
        r->network = network;
        r->settings = settings;
        r->thread = context_thread(cx, 0);
        r->vhost = context_vhost_system(cx);
        list_init(&r->closing);
        list_init(&r->streams);
        list_init(&r->lookups);
        list_init(&r->done);
        timer_init(&r->timer, r->thread, on_timer);
        timer_init(&r->kick, r->thread, on_kick);
        error = dns_client_new(&r->client, &RNG_KERNEL);
        if (error >= 0)
                error = files_new(r);
        if (error < 0) {
                resolver_free(r);
                return error;
        }
        apply_settings(r);
        r->watch.changed = on_network;
        if (network)
                network_watch_link(network, &r->watch);
        servers_update(r);
        error = stub_new(r);
        if (error < 0) {
                resolver_free(r);
                return error;
        }
        resolver_kick(r);
        if (!*context_resolver(cx))
                *context_resolver(cx) = r;
        *ret = r;
        return 0;
}

static void cancel_all(Resolver *r, List *lookups)
{
        static const LookupResult over = {
                .error = -ECANCELED, .canonical = "", .protocol = "local", .why = ""
        };

        while (!list_is_empty(lookups)) {
                Lookup *l = list_entry(list_first(lookups), Lookup, link);
                LookupFn fn = l->fn;

                list_unlink(&l->link);
                l->fn = NULL;
                l->dns = dns_lookup_free(l->dns);
                if (fn)
                        fn(l, &over, l->userdata);
                lookup_free(l);
        }
        (void) r;
}

Resolver *resolver_free(Resolver *r)
{
        DnsEvent e;

        if (!r)
                return NULL;
        if (*context_resolver(r->cx) == r)
                *context_resolver(r->cx) = NULL;
        stub_free(r);
        cancel_all(r, &r->lookups);
        cancel_all(r, &r->done);
        if (list_is_linked(&r->watch.link))
                network_watch_unlink(&r->watch);
        if (r->client) {
                static const DnsClientConfig none = { .ndots = 1 };

                /* no server, no packet: what is open is closed */
                (void) dns_client_configure(r->client, &none, clock_boottime_usec());
                while (dns_client_pop_event(r->client, &e)) {
                        if (e.kind == DNS_EVENT_CLOSE)
                                transport_close(r, e.binding, e.transport);
                        else if (e.kind == DNS_EVENT_GONE)
                                transport_server_gone(r, e.binding);
                }
        }
        transport_free_all(r);
        timer_cancel(&r->timer);
        timer_cancel(&r->kick);
        files_free(r);
        dns_client_free(r->client);
        tls_config_free(r->tls);
        r->dead = true;
        if (r->busy == 0)
                free(r);
        return NULL;
}

int resolver_reload(Resolver *r, const Settings *settings)
{
        r->settings = settings;
        apply_settings(r);
        servers_update(r);
        stub_free(r);
        resolver_kick(r);
        return stub_new(r);
}

void resolver_flush(Resolver *r)
{
        dns_client_flush(r->client);
}

void resolver_statistics(const Resolver *r, ResolverStatistics *ret)
{
        DnsClientStatistics s = dns_client_statistics(r->client);

        *ret = (ResolverStatistics){ .cache_entries = s.cache.entries,
                .cache_hits = s.cache.hits,
                .cache_misses = s.cache.misses,
                .transactions_current = s.transactions_current,
                .transactions_total = s.transactions_total };
}

bool resolver_server(const Resolver *r, size_t i, ResolverServer *ret)
{
        const DnsServer *s = dns_client_server(r->client, i);

        if (!s)
                return false;
        ret->endpoint = s->endpoint;
        ret->protocol = dns_transport_to_string(dns_server_transport(s, clock_boottime_usec()));
        return true;
}
