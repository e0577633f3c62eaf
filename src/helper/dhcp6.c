/* SPDX-License-Identifier: MIT */
/* proto/dhcp6-machine bound to a UDP socket, a timer and the link, as helper/dhcp4.c does it. */
#include "helper/dhcp6.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "helper/apply.h"
#include "helper/duid.h"
#include "helper/lease-store.h"
#include "helper/link.h"
#include "proto/dhcp6-machine.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/message-id.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define PACKETS_PER_TURN 16
#define RECEIVE_SIZE     4096
#define TRAFFIC_CLASS    0xc0 /* CS6, network control */

struct Dhcp6Client {
        Link *link;
        Dhcp6Machine machine;
        Timer timer;
        struct lws *wsi; /* NULL: off */
        IpAddr source;   /* what it is bound to */
        IpAddr server;   /* who answered last */
        Timer save_timer;
        bool leased, save_failed;
};

static usec_t now_of(const Dhcp6Client *c)
{
        return thread_now(network_thread(c->link->network));
}

/* -- The socket -------------------------------------------------------------------------------- */

/* Port 546 of a link-local address (REQ_DHCP 34). */
static int open_socket(const Link *link, const IpAddr *source)
{
        struct sockaddr_in6 sa = { .sin6_family = AF_INET6,
                .sin6_port = htons(DHCP6_CLIENT_PORT),
                .sin6_addr = source->v6,
                .sin6_scope_id = (uint32_t) link->ifindex };
        _cleanup_fd_ int fd = -EBADF;
        int on = 1, class = TRAFFIC_CLASS;

        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0 ||
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
                setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class)) < 0 ||
                setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, link->name,
                        (socklen_t) strlen(link->name) + 1) < 0 ||
                bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                return -errno;
        return fd_take(&fd);
}

static void run(Dhcp6Client *c);

static void on_readable(struct lws *wsi, uint32_t revents)
{
        Dhcp6Client *c = wsi_userdata(wsi);
        uint8_t buf[RECEIVE_SIZE];

        for (int i = 0; i < PACKETS_PER_TURN; i++) {
                SockAddr from;
                socklen_t len = sizeof(from);
                ssize_t n = recvfrom(
                        wsi_fd(wsi), buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC, &from.sa, &len);

                if (n < 0 && errno == EAGAIN)
                        break;
                if (n <= 0 || (size_t) n > sizeof(buf))
                        continue;
                c->server = endpoint_from_sockaddr(&from, len).addr;
                dhcp6_machine_receive(&c->machine, now_of(c), buf, (size_t) n);
        }
        run(c);
}

static int listen_at(Dhcp6Client *c, const IpAddr *source)
{
        Network *network = c->link->network;
        int fd, r;

        if (c->wsi && ip_equal(&c->source, source))
                return 0;
        c->wsi = wsi_free(c->wsi);
        fd = open_socket(c->link, source);
        if (fd < 0)
                return fd;
        r = wsi_new(&c->wsi, network_vhost(network), network_thread(network), fd, EPOLLIN,
                on_readable, c);
        if (r < 0) {
                fd_close(fd);
                return r;
        }
        c->source = *source;
        return 0;
}

/* All_DHCP_Relay_Agents_and_Servers */
static void send_message(Dhcp6Client *c, const Dhcp6Outgoing *out)
{
        struct sockaddr_in6 to = { .sin6_family = AF_INET6,
                .sin6_port = htons(DHCP6_SERVER_PORT),
                .sin6_scope_id = (uint32_t) c->link->ifindex };
        uint8_t buf[DHCP6_SIZE_MAX];
        int n = dhcp6_message_build(out, &c->machine.identity, buf, sizeof(buf));

        if (n < 0 || !c->wsi)
                return;
        inet_pton(AF_INET6, "ff02::1:2", &to.sin6_addr);
        /* It is sent again in its time. */
        if (sendto(wsi_fd(c->wsi), buf, (size_t) n, MSG_NOSIGNAL, (struct sockaddr *) &to,
                    sizeof(to)) < 0)
                log_debug("%s: cannot send to DHCPv6 servers: %m", c->link->name);
}

/* -- The lease file ---------------------------------------------------------------------------- */

static LeaseOwner owner_of(const Dhcp6Client *c)
{
        const Dhcp6Identity *id = &c->machine.identity;
        LeaseOwner owner = { .kind = "dhcp6" };
        Writer w = WRITER_INIT(owner.id, sizeof(owner.id));

        writer_u32(&w, id->iaid);
        writer_bytes(&w, id->duid.bytes, id->duid.size);
        owner.size = w.pos;
        return owner;
}

static void save_now(Dhcp6Client *c)
{
        const Dhcp6Machine *m = &c->machine;
        LeaseClocks at = lease_store_clocks();
        LeaseOwner owner = owner_of(c);
        char buf[LEASE_TEXT_SIZE];
        LeaseText text = { .buf = buf, .size = sizeof(buf) };

        timer_cancel(&c->save_timer);
        dhcp6_lease_format(&m->lease, &m->options, &at, &text);
        lease_store_save(c->link, &owner, &text, &c->save_failed);
}

static void save_pending(Dhcp6Client *c)
{
        if (timer_is_set(&c->save_timer))
                save_now(c);
}

static void on_save_timer(Timer *t, usec_t now)
{
        save_now(container_of(t, Dhcp6Client, save_timer));
}

static bool has_any(const Link *link, const Dhcp6Lease *lease)
{
        for (size_t i = 0; i < lease->n_addresses; i++) {
                IpAddr a = ip_from_bytes(AF_INET6, &lease->addresses[i].address, 16);

                if (link_has_address(link, &a))
                        return true;
        }
        return false;
}

/* What an earlier run was given is confirmed before it is used, unless the kernel has it still. */
static void load(Dhcp6Client *c)
{
        _cleanup_(freep) char *text = NULL;
        LeaseClocks at = lease_store_clocks();
        LeaseOwner owner = owner_of(c);
        Dhcp6Options options;
        Dhcp6Lease lease;

        if (lease_store_load(c->link, &owner, &text) >= 0 &&
                dhcp6_lease_parse(text, &at, &lease, &options) >= 0)
                dhcp6_machine_restore(&c->machine, &lease, &options, has_any(c->link, &lease));
}

/* -- What the machine wants done --------------------------------------------------------------- */

static void add_words(char *words, int (*add)(void *list, const char *word), void *list)
{
        char *save = NULL;

        for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
                (void) add(list, word);
}

static int add_domain(void *list, const char *name)
{
        return string_list_add(list, name);
}

static int add_ntp(void *list, const char *host)
{
        return host_port_list_add(list, host, 0, 0);
}

static usec_t last_expiry(const Dhcp6Lease *lease)
{
        usec_t last = 0;

        for (size_t i = 0; i < lease->n_addresses; i++)
                last = MAX(last, lease->addresses[i].valid_until);
        return last;
}

static void tell_facts(Dhcp6Client *c)
{
        const LinkSettings *s = c->link->settings;
        Dhcp6Options o = c->machine.options;
        LinkFacts facts = { .server = c->server, .expires_usec = last_expiry(&c->machine.lease) };

        for (size_t i = 0; s->use_dns && i < o.n_dns; i++) {
                Endpoint e = { .addr = ip_from_bytes(AF_INET6, &o.dns[i], 16) };

                if (ip_is_link_local(&e.addr))
                        e.ifindex = c->link->ifindex;
                (void) endpoint_list_add(&facts.dns, &e);
        }
        for (size_t i = 0; s->use_dns && i < o.resolvers.n; i++) {
                Endpoint *e = &o.resolvers.items[i];

                if (ip_is_link_local(&e->addr))
                        e->ifindex = c->link->ifindex;
                (void) endpoint_list_add(&facts.resolvers, e);
        }
        if (s->use_ntp)
                add_words(o.ntp, add_ntp, &facts.ntp);
        if (s->use_domains)
                add_words(o.search, add_domain, &facts.domains);
        if (o.captive_portal[0])
                facts.captive_portal = strdup(o.captive_portal);
        network_set_facts(c->link, FACT_SOURCE_DHCP6, &facts);
}

static void forget(Dhcp6Client *c)
{
        LinkFacts none = { 0 };

        apply_flush(c->link, FACT_SOURCE_DHCP6);
        network_set_facts(c->link, FACT_SOURCE_DHCP6, &none);
}

static void log_lease(Dhcp6Client *c)
{
        const Dhcp6Lease *l = &c->machine.lease;
        const LogField *fields =
                LOG_FIELDS({ "MESSAGE_ID", l->n_addresses ? MESSAGE_LEASE : MESSAGE_LEASE_LOST },
                        { "LWSD_LINK", c->link->name }, { "LWSD_HELPER", "dhcp6" });
        char ip[INET6_ADDRSTRLEN], server[IP_ADDR_STRLEN];

        if (l->n_addresses == 0 && c->leased) {
                log_event(LOG_SEV_WARNING, fields, "%s: lost the DHCPv6 lease", c->link->name);
        } else if (l->n_addresses > 0 && !c->leased) {
                inet_ntop(AF_INET6, &l->addresses[0].address, ip, sizeof(ip));
                log_event(LOG_SEV_INFO, fields, "%s: %s leased from %s", c->link->name, ip,
                        c->server.family == AF_UNSPEC ? "a server of an earlier run"
                                                      : ip_format(&c->server, server));
        }
        c->leased = l->n_addresses > 0;
}

static void on_lease(Dhcp6Client *c)
{
        const Dhcp6Lease *l = &c->machine.lease;
        ApplyAddress addresses[DHCP6_ADDRESSES_MAX];
        ApplyConfig config = { .addresses = addresses, .n_addresses = l->n_addresses };
        int r;

        for (size_t i = 0; i < l->n_addresses; i++) {
                const Dhcp6LeaseAddress *a = &l->addresses[i];

                addresses[i] = (ApplyAddress){
                        .prefix = { ip_from_bytes(AF_INET6, &a->address, 16), 128 },
                        .valid_until_usec = a->valid_until,
                        .preferred_until_usec = a->preferred_until,
                };
        }
        log_lease(c);
        if (l->n_addresses == 0) {
                forget(c);
                timer_cancel(&c->save_timer);
                lease_store_remove(c->link, "dhcp6");
                return;
        }
        timer_set(&c->save_timer, usec_add(now_of(c), LEASE_SAVE_DELAY));
        r = apply_set(c->link, FACT_SOURCE_DHCP6, &config, NULL, NULL);
        if (r < 0)
                log_error("%s: cannot apply the DHCPv6 lease: %s", c->link->name, strerror(-r));
        tell_facts(c);
}

/* The bus shows one state for each link: IPv4's, unless only IPv6 is asked for. */
static void tell_waiting(Dhcp6Client *c, usec_t now)
{
        char why[sizeof(c->link->wait_why) - IFNAMSIZ - 2];
        Link *link = c->link;
        const char *code;
        usec_t next;

        if (link->settings->dhcp != DHCP_MODE_IPV6)
                return;
        code = dhcp6_machine_waiting(&c->machine, why, sizeof(why), &next);
        link->dhcp_state = dhcp6_state_to_string(c->machine.state);
        snprintf(link->wait_code, sizeof(link->wait_code), "%s", code);
        link->wait_why[0] = 0;
        link->wait_next_try_usec = 0;
        if (code[0])
                snprintf(link->wait_why, sizeof(link->wait_why), "%s: %s", link->name, why);
        if (code[0] && next != USEC_INFINITY)
                link->wait_next_try_usec = clock_monotonic_usec() + usec_sub(next, now);
        network_touch(link->network);
}

static void run(Dhcp6Client *c)
{
        Dhcp6Event e;

        while (dhcp6_machine_pop_event(&c->machine, &e)) {
                switch (e.type) {
                case DHCP6_EVENT_SEND:
                        send_message(c, &e.send);
                        break;
                case DHCP6_EVENT_LEASE:
                        on_lease(c);
                        break;
                case DHCP6_EVENT_INFO:
                        tell_facts(c);
                        break;
                }
        }
        timer_set(&c->timer, dhcp6_machine_deadline(&c->machine));
        tell_waiting(c, now_of(c));
}

static void on_timer(Timer *t, usec_t now)
{
        Dhcp6Client *c = container_of(t, Dhcp6Client, timer);

        dhcp6_machine_timeout(&c->machine, now);
        run(c);
}

/* -- What link.c says -------------------------------------------------------------------------- */

int dhcp6_client_new(Dhcp6Client **ret, Link *link)
{
        Dhcp6Client *c;

        if (link->mac_len == 0)
                return -EOPNOTSUPP;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->link = link;
        timer_init(&c->timer, network_thread(link->network), on_timer);
        timer_init(&c->save_timer, network_thread(link->network), on_save_timer);
        dhcp6_machine_init(&c->machine, &(Dhcp6Identity){ 0 }, &RNG_KERNEL);
        *ret = c;
        return 0;
}

Dhcp6Client *dhcp6_client_free(Dhcp6Client *client)
{
        if (!client)
                return NULL;
        save_pending(client);
        timer_cancel(&client->timer);
        client->wsi = wsi_free(client->wsi);
        free(client);
        return NULL;
}

static void turn_off(Dhcp6Client *c)
{
        if (c->machine.state == DHCP6_STATE_STOPPED)
                return;
        save_pending(c);
        dhcp6_machine_stop(&c->machine);
        c->leased = false;
        forget(c);
        run(c);
        c->wsi = wsi_free(c->wsi);
}

static void set_identity(Dhcp6Client *c)
{
        Dhcp6Identity *id = &c->machine.identity;

        id->duid.size = (uint8_t) duid_get(c->link, id->duid.bytes);
        id->iaid = iaid_get(c->link);
        id->rapid_commit = c->link->settings->rapid_commit;
}

int dhcp6_client_set_mode(Dhcp6Client *client, Dhcp6Mode mode, const IpAddr *source)
{
        int r;

        if (mode == DHCP6_MODE_OFF) {
                turn_off(client);
                return 0;
        }
        r = listen_at(client, source);
        if (r < 0)
                return r;
        if (client->machine.state == DHCP6_STATE_STOPPED) {
                set_identity(client);
                if (mode == DHCP6_MODE_STATEFUL)
                        load(client);
        }
        dhcp6_machine_start(&client->machine, now_of(client), mode == DHCP6_MODE_STATEFUL);
        run(client);
        return 0;
}

bool dhcp6_client_has_answer(const Dhcp6Client *client)
{
        return client->machine.lease.n_addresses > 0 ||
               client->machine.state == DHCP6_STATE_INFORMED;
}

void dhcp6_client_carrier(Dhcp6Client *client, bool up)
{
        dhcp6_machine_carrier(&client->machine, now_of(client), up);
        run(client);
}

void dhcp6_client_dad_failed(Dhcp6Client *client, const IpAddr *addr)
{
        char ip[IP_ADDR_STRLEN];

        if (!dhcp6_machine_decline(&client->machine, now_of(client), &addr->v6))
                return;
        log_warning("%s: %s is in use by another host, declined", client->link->name,
                ip_format(addr, ip));
        run(client);
}

void dhcp6_client_address_lost(Dhcp6Client *client)
{
        if (client->machine.state != DHCP6_STATE_BOUND)
                return;
        log_warning("%s: somebody removed an address that DHCPv6 gave", client->link->name);
        (void) dhcp6_machine_renew(&client->machine, now_of(client));
        run(client);
}

int dhcp6_client_renew(Dhcp6Client *client)
{
        if (!dhcp6_machine_renew(&client->machine, now_of(client)))
                return -ENETDOWN;
        run(client);
        return 0;
}

int dhcp6_client_release(Dhcp6Client *client)
{
        dhcp6_machine_release(&client->machine, now_of(client));
        run(client);
        return 0;
}
