/* SPDX-License-Identifier: MIT */
/*
 * The pattern of a binding: the machine of proto/dhcp4-machine decides, this file moves bytes and
 * time between it and the world. Whatever comes in (a packet, a deadline, a word from link.c) is
 * handed to the machine and followed by run(), which does what the machine wants done.
 */
#include "helper/dhcp4.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "helper/dhcp4-apply.h"
#include "helper/dhcp4-socket.h"
#include "helper/duid.h"
#include "helper/lease-store.h"
#include "helper/link.h"
#include "net/packet.h"
#include "proto/dhcp4-machine.h"
#include "proto/domain.h"
#include "proto/ipudp.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/message-id.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PACKETS_PER_TURN 16
#define RECEIVE_SIZE     4096 /* more than any link's MTU that DHCP is spoken on, but jumbo */
/* A RELEASE that waits for ARP goes with its address: it is looked after so often and so long. */
#define FAREWELL_EVERY (10 * USEC_PER_MSEC)
#define FAREWELL_MAX   (2 * USEC_PER_SEC)

struct Dhcp4Client {
        Link *link;
        Dhcp4Machine machine;
        Timer timer, save_timer, farewell_timer;
        usec_t farewell_end;
        struct lws *packet, *arp, *udp;          /* NULL: not needed yet */
        struct in_addr udp_address;              /* what `udp` is bound to */
        struct in_addr arp_address, arp_gateway; /* what `arp` listens for */
        Dhcp4Lease stored;                       /* of the file, until the first start */
        bool has_stored;
        bool save_failed;
        bool unwanted; /* the file: goes with the next save, when nobody waits for anything */
};

static usec_t now_of(const Dhcp4Client *c)
{
        return thread_now(network_thread(c->link->network));
}

/* -- Identity ---------------------------------------------------------------------------------- */

static void set_host_name(Dhcp4Identity *id, const LinkSettings *s)
{
        char name[DOMAIN_NAME_SIZE] = "";

        if (!s->send_hostname || gethostname(name, sizeof(name) - 1) < 0)
                return;
        name[strcspn(name, ".")] = 0;
        if (domain_is_valid(name) && strcmp(name, "localhost") != 0)
                snprintf(id->host_name, sizeof(id->host_name), "%.64s", name);
}

/* REQ_DHCP 3: `ff` IAID DUID, or 01 MAC (RFC 4361 6.1). */
static void set_client_id(Dhcp4Identity *id, const Link *link)
{
        Writer w = WRITER_INIT(id->client_id, sizeof(id->client_id));
        uint8_t duid[DUID_SIZE_MAX];

        if (link->settings->client_identifier == CLIENT_IDENTIFIER_MAC && link->mac_len <= 16) {
                writer_u8(&w, (uint8_t) link->arp_type);
                writer_bytes(&w, link->mac, link->mac_len);
        } else {
                writer_u8(&w, 255);
                writer_u32(&w, iaid_get(link));
                writer_bytes(&w, duid, duid_get(link, duid));
        }
        id->client_id_size = (uint8_t) w.pos;
}

/* Whether this host may be told to do without IPv4 (RFC 8925). */
static bool may_be_v6only(const Link *link)
{
        RequireFamily need = network_settings(link->network)->require_family;

        if (need == REQUIRE_FAMILY_IPV4 || need == REQUIRE_FAMILY_BOTH)
                return false;
        return link->settings->dhcp == DHCP_MODE_YES;
}

static AcdMode acd_mode(const Link *link)
{
        if (link->mac_len != 6 || (link->flags & IFF_NOARP))
                return ACD_NO;
        switch (link->settings->conflict_detection) {
        case CONFLICT_DETECTION_FAST:
                return ACD_FAST;
        case CONFLICT_DETECTION_STRICT:
                return ACD_STRICT;
        case CONFLICT_DETECTION_NO:
                return ACD_NO;
        }
        return ACD_FAST;
}

static Dhcp4Config make_config(const Link *link)
{
        Dhcp4Config config = { .conflict = acd_mode(link) };
        Dhcp4Identity *id = &config.identity;

        id->htype = (uint8_t) link->arp_type;
        id->mac_size = link->mac_len;
        memcpy(id->mac, link->mac, link->mac_len);
        id->rapid_commit = link->settings->rapid_commit;
        id->v6only = may_be_v6only(link);
        set_host_name(id, link->settings);
        set_client_id(id, link);
        return config;
}

/* -- The lease file ---------------------------------------------------------------------------- */

static LeaseOwner owner_of(const Dhcp4Client *c)
{
        const Dhcp4Identity *id = &c->machine.config.identity;
        LeaseOwner owner = { .kind = "dhcp4", .size = id->client_id_size };

        memcpy(owner.id, id->client_id, id->client_id_size);
        return owner;
}

static void save_now(Dhcp4Client *c)
{
        const Dhcp4Lease *used = dhcp4_machine_lease(&c->machine);
        LeaseClocks at = lease_store_clocks();
        LeaseOwner owner = owner_of(c);
        Dhcp4Lease lease;
        char buf[LEASE_TEXT_SIZE];
        LeaseText text = { .buf = buf, .size = sizeof(buf) };

        timer_cancel(&c->save_timer);
        if (!used) {
                if (c->unwanted)
                        lease_store_remove(c->link, "dhcp4");
                return;
        }
        lease = *used;
        lease.mtu_before = c->link->state->mtu_before;
        dhcp4_lease_format(&lease, &at, &text);
        lease_store_save(c->link, &owner, &text, &c->save_failed);
}

static void load(Dhcp4Client *c)
{
        _cleanup_(freep) char *text = NULL;
        LeaseClocks at = lease_store_clocks();
        LeaseOwner owner = owner_of(c);

        c->has_stored = lease_store_load(c->link, &owner, &text) >= 0 &&
                        dhcp4_lease_parse(text, &at, &c->stored) >= 0;
}

static void on_save_timer(Timer *t, usec_t now)
{
        save_now(container_of(t, Dhcp4Client, save_timer));
}

/* -- Words for people -------------------------------------------------------------------------- */

static void log_lease(const Dhcp4Client *c)
{
        const Dhcp4Lease *l = dhcp4_machine_lease(&c->machine);
        char ip[INET_ADDRSTRLEN], server[INET_ADDRSTRLEN], life[32] = "ever";

        inet_ntop(AF_INET, &l->address, ip, sizeof(ip));
        inet_ntop(AF_INET, &l->server, server, sizeof(server));
        if (l->lifetime != DHCP4_INFINITE)
                snprintf(life, sizeof(life), "%" PRIu32 " s", l->lifetime);
        log_event(LOG_SEV_INFO,
                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_LEASE }, { "LWSD_LINK", c->link->name },
                        { "LWSD_HELPER", "dhcp" }, { "LWSD_ADDRESS", ip },
                        { "LWSD_SERVER", server }),
                "%s: %s/%u leased from %s for %s", c->link->name, ip, l->options.prefix_length,
                server, life);
}

static void log_lost(const Dhcp4Client *c, Dhcp4Lost why)
{
        char ip[INET_ADDRSTRLEN];

        inet_ntop(AF_INET, &c->machine.lease.address, ip, sizeof(ip));
        log_event(why == DHCP4_LOST_RELEASED ? LOG_SEV_INFO : LOG_SEV_WARNING,
                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_LEASE_LOST }, { "LWSD_LINK", c->link->name },
                        { "LWSD_HELPER", "dhcp" }, { "LWSD_ADDRESS", ip }),
                "%s: lost the lease of %s: %s", c->link->name, ip, dhcp4_lost_to_string(why));
}

static usec_t to_monotonic(usec_t boottime, usec_t now)
{
        return boottime == USEC_INFINITY ? 0 : clock_monotonic_usec() + usec_sub(boottime, now);
}

/* A lease that is asked about again but known to hold is as good as bound to everyone else. */
static Dhcp4State shown_state(const Dhcp4Machine *m)
{
        bool holds = dhcp4_machine_lease(m) && (m->confirmed || m->in_place);

        return m->state == DHCP4_STATE_REBOOTING && holds ? DHCP4_STATE_BOUND : m->state;
}

static void tell_waiting(Dhcp4Client *c, usec_t now)
{
        const char *state = dhcp4_state_to_string(shown_state(&c->machine)), *code;
        char why[sizeof(c->link->wait_why) - IFNAMSIZ - 2], text[sizeof(c->link->wait_why)];
        Link *link = c->link;
        usec_t next;

        code = dhcp4_machine_waiting(&c->machine, why, sizeof(why), &next);
        snprintf(text, sizeof(text), "%s: %s", link->name, why);
        if (!code[0])
                text[0] = 0;
        if (strcmp(link->dhcp_state, state) == 0 && strcmp(link->wait_code, code) == 0 &&
                strcmp(link->wait_why, text) == 0)
                return;
        link->dhcp_state = state;
        snprintf(link->wait_code, sizeof(link->wait_code), "%s", code);
        snprintf(link->wait_why, sizeof(link->wait_why), "%s", text);
        link->wait_next_try_usec = code[0] ? to_monotonic(next, now) : 0;
        network_touch(link->network);
}

/* -- Packets ----------------------------------------------------------------------------------- */

static void run(Dhcp4Client *c);

static void on_packet(struct lws *wsi, uint32_t revents)
{
        Dhcp4Client *c = wsi_userdata(wsi);
        uint8_t frame[RECEIVE_SIZE];
        const uint8_t *payload;
        size_t payload_size;
        bool ready;
        IpUdp h;

        for (int i = 0; i < PACKETS_PER_TURN; i++) {
                ssize_t n = packet_receive(wsi_fd(wsi), frame, sizeof(frame), &ready);

                if (n == -EAGAIN)
                        break;
                if (n < 0 || ipudp_parse(frame, (size_t) n, ready, &h, &payload, &payload_size) < 0)
                        continue;
                if (h.destination_port == DHCP4_CLIENT_PORT)
                        dhcp4_machine_receive(&c->machine, now_of(c), payload, payload_size);
        }
        run(c);
}

/* The packet socket hears the same datagrams; this one has those that came in fragments, too. */
static void on_udp(struct lws *wsi, uint32_t revents)
{
        Dhcp4Client *c = wsi_userdata(wsi);
        uint8_t buf[RECEIVE_SIZE];

        for (int i = 0; i < PACKETS_PER_TURN; i++) {
                ssize_t n = recv(wsi_fd(wsi), buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);

                if (n < 0 && errno == EAGAIN)
                        break;
                if (n > 0 && (size_t) n <= sizeof(buf))
                        dhcp4_machine_receive(&c->machine, now_of(c), buf, (size_t) n);
        }
        run(c);
}

static void on_arp(struct lws *wsi, uint32_t revents)
{
        Dhcp4Client *c = wsi_userdata(wsi);
        uint8_t frame[128];
        bool ready;

        for (int i = 0; i < PACKETS_PER_TURN; i++) {
                ssize_t n = packet_receive(wsi_fd(wsi), frame, sizeof(frame), &ready);

                if (n == -EAGAIN)
                        break;
                if (n > 0)
                        dhcp4_machine_receive_arp(&c->machine, now_of(c), frame, (size_t) n);
        }
        run(c);
}

/* Makes a wsi of a descriptor that an open function gave, or of its error. */
static int listen_on(Dhcp4Client *c, struct lws **ret, int fd, WsiFn fn)
{
        Network *network = c->link->network;
        int r;

        if (fd < 0)
                return fd;
        r = wsi_new(ret, network_vhost(network), network_thread(network), fd, EPOLLIN, fn, c);
        if (r < 0)
                fd_close(fd);
        return r;
}

static int open_packet(Dhcp4Client *c)
{
        return c->packet ? 0 : listen_on(c, &c->packet, dhcp4_socket_packet(c->link), on_packet);
}

static int send_broadcast(Dhcp4Client *c, const Dhcp4Outgoing *out, const uint8_t *buf, size_t size)
{
        int r = open_packet(c);

        if (r < 0)
                return r;
        return dhcp4_socket_send_broadcast(wsi_fd(c->packet), c->link, out, buf, size);
}

static int send_unicast(Dhcp4Client *c, const Dhcp4Outgoing *out, const uint8_t *buf, size_t size)
{
        int r = 0;

        if (c->udp && c->udp_address.s_addr != out->ciaddr.s_addr)
                c->udp = wsi_free(c->udp);
        if (!c->udp)
                r = listen_on(c, &c->udp, dhcp4_socket_udp(c->link, out->ciaddr), on_udp);
        if (r < 0)
                return r;
        c->udp_address = out->ciaddr;
        return dhcp4_socket_send_unicast(wsi_fd(c->udp), out->to, buf, size);
}

static void send_message(Dhcp4Client *c, const Dhcp4Outgoing *out)
{
        uint8_t buf[DHCP4_SIZE_MAX];
        int n = dhcp4_message_build(out, &c->machine.config.identity, buf, sizeof(buf)), r = n;

        if (n >= 0)
                r = out->broadcast ? send_broadcast(c, out, buf, (size_t) n)
                                   : send_unicast(c, out, buf, (size_t) n);
        /* It is sent again in its time. */
        if (r < 0 && r != -ENETDOWN && r != -ENETUNREACH)
                log_warning("%s: cannot send to the DHCP server: %s", c->link->name, strerror(-r));
}

/* Keeps the ARP filter at what the machine wants to hear now, so that nothing else wakes us. */
static int listen_to_arp(Dhcp4Client *c)
{
        const Acd *acd = &c->machine.acd;
        const Dna *dna = &c->machine.dna;
        bool detects = acd->state != ACD_STATE_IDLE, asks = dna->state != DNA_STATE_IDLE;
        struct in_addr address = { INADDR_BROADCAST }, gateway = { 0 }; /* nobody */
        int r;

        if (detects || asks)
                address = detects ? acd->address : dna->address;
        else if (!c->arp)
                return 0;
        if (asks)
                gateway = dna->gateway;
        if (c->arp && address.s_addr == c->arp_address.s_addr &&
                gateway.s_addr == c->arp_gateway.s_addr)
                return 0;
        if (c->arp)
                r = dhcp4_socket_arp_filter(wsi_fd(c->arp), address, gateway);
        else
                r = listen_on(c, &c->arp, dhcp4_socket_arp(c->link, address, gateway), on_arp);
        if (r < 0)
                return r;
        c->arp_address = address;
        c->arp_gateway = gateway;
        return 0;
}

static void send_arp(Dhcp4Client *c, const Dhcp4Event *e)
{
        int r = listen_to_arp(c);

        if (r >= 0)
                r = dhcp4_socket_send_arp(wsi_fd(c->arp), c->link, &e->arp, e->arp_to);
        if (r < 0 && r != -ENETDOWN)
                log_debug("%s: cannot send ARP: %s", c->link->name, strerror(-r));
}

/* -- What the machine wants done --------------------------------------------------------------- */

static void save_later(Dhcp4Client *c)
{
        timer_set(&c->save_timer, usec_add(now_of(c), LEASE_SAVE_DELAY));
}

static void on_lease(Dhcp4Client *c)
{
        const Dhcp4Lease *lease = dhcp4_machine_lease(&c->machine);
        const IpAddr *server = &c->link->facts[FACT_SOURCE_DHCP4].server;
        bool known = server->family == AF_INET && server->v4.s_addr == lease->server.s_addr;
        LinkState *state = c->link->state;
        int r;

        /* the link has the MTU of an earlier run still: the file alone knows what it was before */
        if (state->mtu_before == 0 && lease->options.mtu == c->link->mtu)
                state->mtu_before = lease->mtu_before;
        r = dhcp4_apply(c->link, lease);
        if (r < 0)
                log_error("%s: cannot apply the lease: %s", c->link->name, strerror(-r));
        if (!known)
                log_lease(c);
        c->unwanted = false;
        save_later(c);
}

/* Without the address the kernel would drop what is queued from it. */
static void farewell(Dhcp4Client *c, usec_t now)
{
        bool waits = c->udp && dhcp4_socket_is_sending(wsi_fd(c->udp));

        if (waits && now < c->farewell_end) {
                timer_set(&c->farewell_timer, usec_add(now, FAREWELL_EVERY));
                return;
        }
        timer_cancel(&c->farewell_timer);
        c->udp = wsi_free(c->udp);
        dhcp4_unapply(c->link);
}

static void on_farewell_timer(Timer *t, usec_t now)
{
        farewell(container_of(t, Dhcp4Client, farewell_timer), now);
}

static void forget(Dhcp4Client *c)
{
        c->unwanted = true;
        save_later(c);
}

static void on_lost(Dhcp4Client *c, Dhcp4Lost why)
{
        if (why == DHCP4_LOST_RELEASED) {
                c->farewell_end = usec_add(now_of(c), FAREWELL_MAX);
                farewell(c, now_of(c));
        } else {
                dhcp4_unapply(c->link);
        }
        log_lost(c, why);
        if (dhcp4_lost_is_remembered(why))
                timer_cancel(&c->save_timer);
        else
                forget(c);
}

static void on_event(Dhcp4Client *c, const Dhcp4Event *e)
{
        switch (e->type) {
        case DHCP4_EVENT_SEND:
                send_message(c, &e->send);
                return;
        case DHCP4_EVENT_ARP:
                send_arp(c, e);
                return;
        case DHCP4_EVENT_LEASE:
                on_lease(c);
                return;
        case DHCP4_EVENT_LOST:
                on_lost(c, e->why);
                return;
        case DHCP4_EVENT_SAVE:
                save_later(c);
                return;
        case DHCP4_EVENT_FORGET:
                forget(c);
                return;
        case DHCP4_EVENT_DEFENDED:
                log_warning("%s: %02x:%02x:%02x:%02x:%02x:%02x uses our address, it was told",
                        c->link->name, e->mac[0], e->mac[1], e->mac[2], e->mac[3], e->mac[4],
                        e->mac[5]);
                return;
        }
}

static void run(Dhcp4Client *c)
{
        Dhcp4Event e;
        int r;

        while (dhcp4_machine_pop_event(&c->machine, &e))
                on_event(c, &e);
        r = listen_to_arp(c);
        if (r < 0)
                log_warning("%s: cannot listen to ARP: %s", c->link->name, strerror(-r));
        if (c->udp && c->machine.state != DHCP4_STATE_RENEWING && !timer_is_set(&c->farewell_timer))
                c->udp = wsi_free(c->udp);
        timer_set(&c->timer, dhcp4_machine_deadline(&c->machine));
        tell_waiting(c, now_of(c));
}

static void on_timer(Timer *t, usec_t now)
{
        Dhcp4Client *c = container_of(t, Dhcp4Client, timer);

        dhcp4_machine_timeout(&c->machine, now);
        run(c);
}

/* -- What link.c says -------------------------------------------------------------------------- */

/* All that can be done before there is carrier is done by then: each file and socket less between
 * the carrier and the first packet. */
static void prepare(Dhcp4Client *c)
{
        Dhcp4Config config = make_config(c->link);

        dhcp4_machine_init(&c->machine, &config, &RNG_KERNEL);
        load(c);
        /* where it fails, the first packet tries again and says so */
        (void) open_packet(c);
}

int dhcp4_client_new(Dhcp4Client **ret, Link *link)
{
        Dhcp4Client *c;

        if ((link->arp_type != ARPHRD_ETHER && link->arp_type != ARPHRD_INFINIBAND) ||
                link->mac_len < 6 || link->mac_len > sizeof(c->machine.config.identity.mac))
                return -EOPNOTSUPP;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->link = link;
        timer_init(&c->timer, network_thread(link->network), on_timer);
        timer_init(&c->save_timer, network_thread(link->network), on_save_timer);
        timer_init(&c->farewell_timer, network_thread(link->network), on_farewell_timer);
        prepare(c);
        *ret = c;
        return 0;
}

static void close_sockets(Dhcp4Client *c)
{
        c->packet = wsi_free(c->packet);
        c->arp = wsi_free(c->arp);
        c->udp = wsi_free(c->udp);
}

static void end_farewell(Dhcp4Client *c)
{
        c->farewell_end = 0;
        if (timer_is_set(&c->farewell_timer))
                farewell(c, now_of(c));
}

Dhcp4Client *dhcp4_client_free(Dhcp4Client *client)
{
        if (!client)
                return NULL;
        if (timer_is_set(&client->save_timer))
                save_now(client);
        timer_cancel(&client->timer);
        end_farewell(client);
        close_sockets(client);
        free(client);
        return NULL;
}

static bool has_address(const Link *link, struct in_addr address)
{
        for (size_t i = 0; i < link->n_addresses; i++)
                if (link->addresses[i].prefix.addr.family == AF_INET &&
                        link->addresses[i].prefix.addr.v4.s_addr == address.s_addr)
                        return true;
        return false;
}

void dhcp4_client_start(Dhcp4Client *client)
{
        const Dhcp4Lease *known = client->has_stored ? &client->stored : NULL;

        dhcp4_machine_start(&client->machine, now_of(client), known,
                known && has_address(client->link, known->address));
        client->has_stored = false;
        run(client);
}

void dhcp4_client_stop(Dhcp4Client *client)
{
        if (timer_is_set(&client->save_timer))
                save_now(client);
        end_farewell(client);
        if (dhcp4_machine_lease(&client->machine))
                dhcp4_unapply(client->link);
        dhcp4_machine_stop(&client->machine);
        run(client);
        close_sockets(client);
}

void dhcp4_client_carrier(Dhcp4Client *client, bool up)
{
        dhcp4_machine_carrier(&client->machine, now_of(client), up);
        run(client);
}

void dhcp4_client_link_changed(Dhcp4Client *client)
{
        const Dhcp4Identity *id = &client->machine.config.identity;
        Link *link = client->link;

        if (id->mac_size == link->mac_len && memcmp(id->mac, link->mac, link->mac_len) == 0)
                return;
        /* Another hardware address is another client. */
        dhcp4_client_stop(client);
        prepare(client);
        if (link->carrier)
                dhcp4_client_start(client);
}

void dhcp4_client_address_lost(Dhcp4Client *client)
{
        if (dhcp4_machine_address_lost(&client->machine, now_of(client)))
                run(client);
}

int dhcp4_client_renew(Dhcp4Client *client)
{
        end_farewell(client);
        if (client->machine.state == DHCP4_STATE_STOPPED && client->link->carrier) {
                dhcp4_client_start(client);
                return 0;
        }
        if (!dhcp4_machine_renew(&client->machine, now_of(client)))
                return -ENETDOWN;
        run(client);
        return 0;
}

int dhcp4_client_release(Dhcp4Client *client)
{
        dhcp4_machine_release(&client->machine, now_of(client));
        run(client);
        return 0;
}
