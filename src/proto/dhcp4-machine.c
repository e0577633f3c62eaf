/* SPDX-License-Identifier: MIT */
#include "proto/dhcp4-machine.h"
#include "util/error.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_GIVE_UP (60 * USEC_PER_SEC) /* RFC 2131 3.1.5: 4 tries */
#define REBOOT_TRIES    2
#define REBOOT_WAIT     (2 * USEC_PER_SEC) /* for both of them */
#define NAK_PAUSE_MAX   (60 * USEC_PER_SEC)
#define SPARE_WAIT      (1 * USEC_PER_SEC)
#define DECLINE_PAUSE   (10 * USEC_PER_SEC)
#define CONFLICTS_MAX   10 /* RFC 5227 1.1 */
#define CONFLICTS_PAUSE (60 * USEC_PER_SEC)
#define V6ONLY_WAIT_MIN 300 /* seconds, RFC 8925 3.4 */

static const uint8_t everyone[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* -- Packets out ------------------------------------------------------------------------------- */

static void send_message(Dhcp4Machine *c, Dhcp4Type type, usec_t now)
{
        dhcp4_machine_push(c, DHCP4_EVENT_SEND)->send = dhcp4_machine_outgoing(c, type, now);
}

static void send_discover(Dhcp4Machine *c, usec_t now)
{
        c->secs = dhcp4_secs(c->begun, now);
        send_message(c, DHCP4_DISCOVER, now);
        c->next = dhcp4_retry_sent(&c->retry, now, c->rng);
}

static void send_request(Dhcp4Machine *c, usec_t now)
{
        send_message(c, DHCP4_REQUEST, now);
        c->next = dhcp4_retry_sent(&c->retry, now, c->rng);
}

/* -- States ------------------------------------------------------------------------------------ */

/* The only place that changes the state. */
static void set_state(Dhcp4Machine *c, Dhcp4State state)
{
        c->state = state;
        c->next = USEC_INFINITY;
}

/* A message of a new exchange: nothing that answers an older one is heard from here on. */
static void begin_exchange(Dhcp4Machine *c, usec_t now, bool eager)
{
        c->xid = rng_u32(c->rng);
        c->begun = now;
        dhcp4_retry_start(&c->retry, eager);
}

static void lose(Dhcp4Machine *c, Dhcp4Lost why)
{
        acd_stop(&c->acd);
        dna_stop(&c->dna);
        if (c->use == DHCP4_USE_ACTIVE)
                dhcp4_machine_push(c, DHCP4_EVENT_LOST)->why = why;
        else if (!dhcp4_lost_is_remembered(why))
                dhcp4_machine_push(c, DHCP4_EVENT_FORGET);
        c->use = DHCP4_USE_NONE;
        c->hint = (struct in_addr){ 0 };
        c->in_place = c->confirmed = false;
        if (!dhcp4_lost_is_remembered(why))
                return;
        c->hint = c->lease.address;
        if (why != DHCP4_LOST_EXPIRED)
                c->use = DHCP4_USE_KNOWN;
}

static void enter_selecting(Dhcp4Machine *c, usec_t now)
{
        set_state(c, DHCP4_STATE_SELECTING);
        c->has_spare = false;
        begin_exchange(c, now, c->eager);
        send_discover(c, now);
}

static void enter_init(Dhcp4Machine *c, usec_t now, usec_t pause, const char *code)
{
        if (pause == 0) {
                enter_selecting(c, now);
                return;
        }
        set_state(c, DHCP4_STATE_INIT);
        snprintf(c->pause_code, sizeof(c->pause_code), "%s", code);
        c->next = now + pause;
}

/* With `server` and `offered` set. */
static void enter_requesting(Dhcp4Machine *c, usec_t now)
{
        set_state(c, DHCP4_STATE_REQUESTING);
        dhcp4_retry_start(&c->retry, c->eager);
        send_request(c, now);
}

/* RFC 4436: the gateway is asked beside the server, whichever answers first counts. */
static void enter_rebooting(Dhcp4Machine *c, usec_t now)
{
        struct in_addr gateway = dhcp4_lease_gateway(&c->lease);

        set_state(c, DHCP4_STATE_REBOOTING);
        begin_exchange(c, now, true);
        send_request(c, now);
        acd_stop(&c->acd);
        dna_stop(&c->dna);
        c->confirmed = false;
        if (c->lease.has_gateway_mac && gateway.s_addr && c->config.identity.mac_size == 6) {
                dna_check(&c->dna, now, c->lease.address, gateway, c->config.identity.mac,
                        c->lease.gateway_mac);
                dhcp4_machine_timeout(c, now);
        }
}

/* Where the clock of a lease that is in use stands. */
static void enter_bound(Dhcp4Machine *c)
{
        set_state(c, DHCP4_STATE_BOUND);
        c->eager = false;
        c->next = c->lease.t1;
}

static void enter_renewing(Dhcp4Machine *c, usec_t now)
{
        set_state(c, DHCP4_STATE_RENEWING);
        begin_exchange(c, now, false);
        send_request(c, now);
        c->next = MIN(dhcp4_retry_half(now, c->lease.t2), c->lease.t2);
}

static void enter_rebinding(Dhcp4Machine *c, usec_t now)
{
        set_state(c, DHCP4_STATE_REBINDING);
        begin_exchange(c, now, false);
        send_request(c, now);
        c->next = dhcp4_retry_half(now, c->lease.expires);
}

/* The same question again, as an exchange of its own: they are a minute or more apart, and the
 * lease that an answer brings counts from this REQUEST (RFC 2131 4.4.5). */
static void ask_again(Dhcp4Machine *c, usec_t now, usec_t end)
{
        usec_t begun = c->begun;

        begin_exchange(c, now, false);
        c->begun = begun;
        send_request(c, now);
        c->next = dhcp4_retry_half(now, end);
}

static void learn_gateway(Dhcp4Machine *c, usec_t now)
{
        struct in_addr gateway = dhcp4_lease_gateway(&c->lease);

        /* While the address is probed for, it must not speak up as ours (RFC 5227 2.1.1). */
        if (c->acd.state == ACD_STATE_PROBING || c->config.identity.mac_size != 6)
                return;
        if (gateway.s_addr && !(c->lease.has_gateway_mac && c->confirmed))
                dna_learn(&c->dna, now, c->lease.address, gateway, c->config.identity.mac);
}

/* The lease may be used. Conflict detection goes on where it is. */
static void use_lease(Dhcp4Machine *c, usec_t now)
{
        c->use = DHCP4_USE_ACTIVE;
        dhcp4_machine_push(c, DHCP4_EVENT_LEASE);
        learn_gateway(c, now);
}

/* An address that is in the kernel already is not taken out again to be probed for. */
static AcdMode acd_mode_in_use(const Dhcp4Machine *c)
{
        return c->config.conflict == ACD_STRICT ? ACD_FAST : c->config.conflict;
}

static void start_acd(Dhcp4Machine *c, usec_t now, AcdMode mode)
{
        acd_start(&c->acd, now, mode, c->lease.address, c->config.identity.mac, c->rng);
}

/* -- Conflicts and the known network ----------------------------------------------------------- */

static void conflict(Dhcp4Machine *c, usec_t now)
{
        dhcp4_words_conflict(c, c->pause_why, sizeof(c->pause_why));
        /* The address goes first: nothing may leave with it any more. */
        lose(c, DHCP4_LOST_CONFLICT);
        send_message(c, DHCP4_DECLINE, now);
        c->conflicts++;
        enter_init(c, now, c->conflicts >= CONFLICTS_MAX ? CONFLICTS_PAUSE : DECLINE_PAUSE,
                "address-conflict");
}

static void probing_done(Dhcp4Machine *c, usec_t now)
{
        if (now >= c->lease.expires) { /* shorter than the probing took */
                lose(c, DHCP4_LOST_EXPIRED);
                enter_selecting(c, now);
                return;
        }
        enter_bound(c);
        use_lease(c, now);
}

static void acd_did(Dhcp4Machine *c, usec_t now, AcdAction action)
{
        switch (action) {
        case ACD_NOTHING:
                return;
        case ACD_DEFEND:
                memcpy(dhcp4_machine_push(c, DHCP4_EVENT_DEFENDED)->mac, c->acd.other_mac, 6);
                _fallthrough_;
        case ACD_SEND:
                dhcp4_machine_push_arp(c, acd_packet(&c->acd), everyone);
                if (c->acd.state == ACD_STATE_ANNOUNCING && c->acd.sent == 1)
                        learn_gateway(c, now);
                return;
        case ACD_USABLE:
                if (c->state == DHCP4_STATE_PROBING)
                        probing_done(c, now);
                return;
        case ACD_CONFLICT:
                conflict(c, now);
                return;
        }
}

static void dna_did(Dhcp4Machine *c, usec_t now, DnaAction action)
{
        switch (action) {
        case DNA_NOTHING:
                return;
        case DNA_SEND:
                dhcp4_machine_push_arp(c, dna_packet(&c->dna),
                        c->dna.state == DNA_STATE_LEARNING ? everyone : c->dna.gateway_mac);
                return;
        case DNA_LEARNED:
                c->confirmed = true;
                memcpy(c->lease.gateway_mac, c->dna.gateway_mac, 6);
                c->lease.has_gateway_mac = true;
                dhcp4_machine_push(c, DHCP4_EVENT_SAVE);
                return;
        case DNA_CONFIRMED:
                c->confirmed = true;
                /* Strict means that nothing is used before it was probed for. */
                if (c->use == DHCP4_USE_KNOWN && c->config.conflict != ACD_STRICT) {
                        start_acd(c, now, c->config.conflict);
                        use_lease(c, now);
                }
                return;
        }
}

void dhcp4_machine_receive_arp(Dhcp4Machine *c, usec_t now, const void *data, size_t size)
{
        ArpPacket arp;

        if (arp_parse(data, size, &arp) < 0)
                return;
        dna_did(c, now, dna_receive(&c->dna, &arp));
        acd_did(c, now, acd_receive(&c->acd, now, &arp));
}

/* -- Packets in -------------------------------------------------------------------------------- */

/* RFC 8925 3.2: this network does without IPv4, and so can we. */
static bool is_v6only(const Dhcp4Machine *c, const Dhcp4Message *m)
{
        return c->config.identity.v6only && m->has_v6only;
}

static void pause_v6only(Dhcp4Machine *c, usec_t now, uint32_t seconds)
{
        lose(c, DHCP4_LOST_V6ONLY);
        snprintf(c->pause_why, sizeof(c->pause_why), "the network asks for IPv6 only");
        enter_init(c, now, MAX(seconds, V6ONLY_WAIT_MIN) * USEC_PER_SEC, "ipv6-only");
}

/* When the lease of an ACK that comes now began. With several copies of the question out, the first
 * is the safe one to count from, unless the lease is so short that it would be over by now. */
static usec_t lease_begin(const Dhcp4Machine *c, usec_t now, const Dhcp4Message *m)
{
        if (c->state == DHCP4_STATE_SELECTING || /* rapid commit: DISCOVER may be minutes old */
                now >= c->retry.first + m->lease_time * USEC_PER_SEC)
                return c->retry.last;
        return c->retry.first;
}

/* An ACK that counts, in any state. */
static void accept_ack(Dhcp4Machine *c, usec_t now, const Dhcp4Message *m)
{
        Dhcp4Lease lease = dhcp4_lease_from_message(m, lease_begin(c, now, m), c->rng);
        bool keeps = c->use == DHCP4_USE_ACTIVE && lease.address.s_addr == c->lease.address.s_addr;

        if (now >= lease.expires)
                return;
        if (keeps && !m->has_mask) /* the class of an address says less than what was told before */
                lease.options.prefix_length = c->lease.options.prefix_length;
        if (c->use != DHCP4_USE_NONE)
                dhcp4_lease_keep_known(&lease, &c->lease);
        if (c->state == DHCP4_STATE_RENEWING || c->state == DHCP4_STATE_REBINDING)
                c->conflicts = 0;
        c->naks = 0;
        c->avoided.s_addr = 0;
        c->in_place = false;
        if (c->config.conflict == ACD_STRICT && !keeps) {
                if (c->use == DHCP4_USE_ACTIVE)
                        lose(c, DHCP4_LOST_REPLACED);
                c->use = DHCP4_USE_NONE;
                c->lease = lease;
                set_state(c, DHCP4_STATE_PROBING);
                start_acd(c, now, ACD_STRICT);
        } else {
                c->lease = lease;
                enter_bound(c);
                if (!keeps || c->acd.state == ACD_STATE_IDLE)
                        start_acd(c, now, acd_mode_in_use(c));
                use_lease(c, now);
        }
        dhcp4_machine_timeout(c, now);
}

static void accept_nak(Dhcp4Machine *c, usec_t now, const Dhcp4Message *m)
{
        usec_t pause = 0;

        lose(c, DHCP4_LOST_REFUSED);
        /* REQ_DHCP 25: the first costs nothing, a server that keeps saying no does. */
        if (c->naks > 0)
                pause = MIN(USEC_PER_SEC << MIN(c->naks - 1, 6u), NAK_PAUSE_MAX);
        c->naks++;
        dhcp4_words_refused(m, c->pause_why, sizeof(c->pause_why));
        enter_init(c, now, pause, "refused");
}

static void receive_offer(Dhcp4Machine *c, usec_t now, const Dhcp4Message *m)
{
        bool again = c->avoided.s_addr && m->server.s_addr == c->avoided.s_addr;

        if (is_v6only(c, m)) {
                pause_v6only(c, now, m->v6only);
                return;
        }
        if (!dhcp4_message_has_lease(m) || (again && c->has_spare))
                return;
        c->server = m->server;
        c->offered = m->yiaddr;
        if (!again) {
                enter_requesting(c, now);
                return;
        }
        c->has_spare = true;
        c->next = MIN(c->next, now + SPARE_WAIT);
}

static void receive_ack(Dhcp4Machine *c, usec_t now, const Dhcp4Message *m)
{
        switch (c->state) {
        case DHCP4_STATE_STOPPED:
        case DHCP4_STATE_DOWN:
        case DHCP4_STATE_INIT:
        case DHCP4_STATE_PROBING:
        case DHCP4_STATE_BOUND:
        case _DHCP4_STATE_MAX:
                return;
        case DHCP4_STATE_SELECTING:
                /* RFC 4039 3.1: only as an answer to our own option 80 */
                if (!c->config.identity.rapid_commit || !m->rapid_commit)
                        return;
                break;
        case DHCP4_STATE_REQUESTING:
                if (m->server.s_addr != c->server.s_addr)
                        return;
                break;
        case DHCP4_STATE_RENEWING:
                if (m->server.s_addr != c->lease.server.s_addr)
                        return;
                break;
        case DHCP4_STATE_REBOOTING:
        case DHCP4_STATE_REBINDING:
                break; /* everyone was asked */
        }
        if (!dhcp4_message_has_lease(m))
                return;
        if (is_v6only(c, m) &&
                (c->state == DHCP4_STATE_SELECTING || c->state == DHCP4_STATE_REBOOTING))
                pause_v6only(c, now, m->v6only);
        else
                accept_ack(c, now, m);
}

static void receive_nak(Dhcp4Machine *c, usec_t now, const Dhcp4Message *m)
{
        switch (c->state) {
        case DHCP4_STATE_STOPPED:
        case DHCP4_STATE_DOWN:
        case DHCP4_STATE_INIT:
        case DHCP4_STATE_SELECTING:
        case DHCP4_STATE_PROBING:
        case DHCP4_STATE_BOUND:
        case _DHCP4_STATE_MAX:
                return;
        case DHCP4_STATE_REQUESTING:
                if (m->server.s_addr != c->server.s_addr)
                        return;
                c->avoided = c->server;
                accept_nak(c, now, m);
                return;
        case DHCP4_STATE_RENEWING:
                if (m->server.s_addr == c->lease.server.s_addr)
                        accept_nak(c, now, m);
                return;
        case DHCP4_STATE_REBOOTING:
        case DHCP4_STATE_REBINDING:
                accept_nak(c, now, m);
                return;
        }
}

void dhcp4_machine_receive(Dhcp4Machine *c, usec_t now, const void *data, size_t size)
{
        Dhcp4Message m;

        if (dhcp4_message_parse(data, size, &m) < 0 ||
                !dhcp4_reply_is_for(&m, &c->config.identity, c->xid))
                return;
        switch (m.type) {
        case DHCP4_OFFER:
                if (c->state == DHCP4_STATE_SELECTING)
                        receive_offer(c, now, &m);
                return;
        case DHCP4_ACK:
                receive_ack(c, now, &m);
                return;
        case DHCP4_NAK:
                receive_nak(c, now, &m);
                return;
        case DHCP4_NONE: /* BOOTP (REQ_DHCP 11) */
        case DHCP4_DISCOVER:
        case DHCP4_REQUEST:
        case DHCP4_DECLINE:
        case DHCP4_RELEASE:
        case DHCP4_INFORM:
        case DHCP4_FORCERENEW: /* not without its nonce (RFC 6704) */
        case _DHCP4_TYPE_MAX:
                return;
        }
}

/* -- Time -------------------------------------------------------------------------------------- */

/* The end of a lease: out of use in every state, and asked for anew where it was the state's aim.
 */
static void expire(Dhcp4Machine *c, usec_t now)
{
        lose(c, DHCP4_LOST_EXPIRED);
        switch (c->state) {
        case DHCP4_STATE_STOPPED:
        case DHCP4_STATE_DOWN:
        case DHCP4_STATE_INIT:
        case DHCP4_STATE_SELECTING:
        case DHCP4_STATE_REQUESTING:
        case _DHCP4_STATE_MAX:
                return;
        case DHCP4_STATE_PROBING:
        case DHCP4_STATE_REBOOTING:
        case DHCP4_STATE_BOUND:
        case DHCP4_STATE_RENEWING:
        case DHCP4_STATE_REBINDING:
                enter_selecting(c, now);
                return;
        }
}

static void reboot_failed(Dhcp4Machine *c, usec_t now)
{
        dna_stop(&c->dna);
        /* A server that is away for a moment takes nothing back (RFC 2131 3.2, 4). */
        if (c->use == DHCP4_USE_ACTIVE && (c->in_place || c->confirmed)) {
                enter_bound(c);
                if (c->acd.state == ACD_STATE_IDLE)
                        start_acd(c, now, acd_mode_in_use(c));
                return;
        }
        lose(c, DHCP4_LOST_UNCONFIRMED);
        enter_selecting(c, now);
}

static void state_timeout(Dhcp4Machine *c, usec_t now)
{
        switch (c->state) {
        case DHCP4_STATE_STOPPED:
        case DHCP4_STATE_DOWN:
        case DHCP4_STATE_PROBING:
        case _DHCP4_STATE_MAX:
                return;
        case DHCP4_STATE_INIT:
                enter_selecting(c, now);
                return;
        case DHCP4_STATE_SELECTING:
                if (c->has_spare)
                        enter_requesting(c, now);
                else
                        send_discover(c, now);
                return;
        case DHCP4_STATE_REQUESTING:
                if (now >= c->retry.first + REQUEST_GIVE_UP) {
                        c->avoided = c->server;
                        c->eager = false;
                        enter_selecting(c, now);
                        return;
                }
                send_request(c, now);
                c->next = MIN(c->next, c->retry.first + REQUEST_GIVE_UP);
                return;
        case DHCP4_STATE_REBOOTING:
                if (c->retry.sent >= REBOOT_TRIES) {
                        reboot_failed(c, now);
                        return;
                }
                send_request(c, now);
                c->next = c->retry.first + REBOOT_WAIT;
                return;
        case DHCP4_STATE_BOUND:
                if (now >= c->lease.t2)
                        enter_rebinding(c, now);
                else
                        enter_renewing(c, now);
                return;
        case DHCP4_STATE_RENEWING:
                if (now >= c->lease.t2) {
                        enter_rebinding(c, now);
                        return;
                }
                ask_again(c, now, c->lease.t2);
                c->next = MIN(c->next, c->lease.t2);
                return;
        case DHCP4_STATE_REBINDING:
                ask_again(c, now, c->lease.expires);
                return;
        }
}

static usec_t expiry(const Dhcp4Machine *c)
{
        return c->use == DHCP4_USE_NONE ? USEC_INFINITY : c->lease.expires;
}

usec_t dhcp4_machine_deadline(const Dhcp4Machine *c)
{
        usec_t arp = MIN(acd_deadline(&c->acd), dna_deadline(&c->dna));

        if (c->state == DHCP4_STATE_STOPPED)
                return USEC_INFINITY;
        return MIN(arp, MIN(c->next, expiry(c)));
}

void dhcp4_machine_timeout(Dhcp4Machine *c, usec_t now)
{
        if (c->state == DHCP4_STATE_STOPPED)
                return;
        if (now >= expiry(c))
                expire(c, now);
        /* one packet each, or strict probing that ends and announces at once */
        for (unsigned i = 0; i < 2 && now >= acd_deadline(&c->acd); i++)
                acd_did(c, now, acd_timeout(&c->acd, now, c->rng));
        if (now >= dna_deadline(&c->dna))
                dna_did(c, now, dna_timeout(&c->dna, now));
        if (now >= c->next)
                state_timeout(c, now);
}

/* -- What the owner asks for ------------------------------------------------------------------- */

void dhcp4_machine_init(Dhcp4Machine *c, const Dhcp4Config *config, Rng *rng)
{
        *c = (Dhcp4Machine){ .config = *config, .rng = rng, .next = USEC_INFINITY };
        acd_stop(&c->acd);
        dna_stop(&c->dna);
}

/* A link came up, or may be another one than it was. */
static void attach(Dhcp4Machine *c, usec_t now)
{
        c->eager = true;
        c->naks = 0;
        c->avoided.s_addr = 0;
        if (c->use != DHCP4_USE_NONE && now < c->lease.expires)
                enter_rebooting(c, now);
        else
                enter_selecting(c, now);
}

void dhcp4_machine_start(Dhcp4Machine *c, usec_t now, const Dhcp4Lease *known, bool in_place)
{
        if (c->state != DHCP4_STATE_STOPPED)
                return;
        if (known) {
                c->lease = *known;
                c->hint = known->address;
                c->use = now < known->expires ? DHCP4_USE_KNOWN : DHCP4_USE_NONE;
        }
        if (in_place && c->use == DHCP4_USE_KNOWN) {
                c->use = DHCP4_USE_ACTIVE;
                c->in_place = true;
                dhcp4_machine_push(c, DHCP4_EVENT_LEASE);
        }
        attach(c, now);
}

void dhcp4_machine_stop(Dhcp4Machine *c)
{
        acd_stop(&c->acd);
        dna_stop(&c->dna);
        set_state(c, DHCP4_STATE_STOPPED);
        c->use = c->use == DHCP4_USE_NONE ? DHCP4_USE_NONE : DHCP4_USE_KNOWN;
}

void dhcp4_machine_carrier(Dhcp4Machine *c, usec_t now, bool up)
{
        if (c->state == DHCP4_STATE_STOPPED)
                return;
        if (up) {
                if (c->state == DHCP4_STATE_DOWN)
                        attach(c, now);
                return;
        }
        if (c->state == DHCP4_STATE_DOWN)
                return;
        acd_stop(&c->acd);
        dna_stop(&c->dna);
        c->in_place = false;
        c->conflicts = 0;
        set_state(c, DHCP4_STATE_DOWN);
}

void dhcp4_machine_resume(Dhcp4Machine *c, usec_t now)
{
        if (c->state == DHCP4_STATE_STOPPED || c->state == DHCP4_STATE_DOWN)
                return;
        attach(c, now);
}

bool dhcp4_machine_address_lost(Dhcp4Machine *c, usec_t now)
{
        if (c->use != DHCP4_USE_ACTIVE || c->state == DHCP4_STATE_STOPPED ||
                c->state == DHCP4_STATE_DOWN)
                return false;
        lose(c, DHCP4_LOST_REMOVED);
        /* that this is still the same network is no answer here */
        c->lease.has_gateway_mac = false;
        attach(c, now);
        return true;
}

bool dhcp4_machine_renew(Dhcp4Machine *c, usec_t now)
{
        switch (c->state) {
        case DHCP4_STATE_BOUND:
        case DHCP4_STATE_RENEWING:
                enter_renewing(c, now);
                return true;
        case DHCP4_STATE_REBINDING:
                enter_rebinding(c, now);
                return true;
        case DHCP4_STATE_INIT:
        case DHCP4_STATE_SELECTING:
        case DHCP4_STATE_REQUESTING:
        case DHCP4_STATE_PROBING:
        case DHCP4_STATE_REBOOTING:
                return true; /* under way */
        case DHCP4_STATE_STOPPED:
        case DHCP4_STATE_DOWN:
        case _DHCP4_STATE_MAX:
                return false;
        }
        return false;
}

bool dhcp4_machine_release(Dhcp4Machine *c, usec_t now)
{
        bool had = c->use == DHCP4_USE_ACTIVE;

        if (had && c->state != DHCP4_STATE_DOWN)
                send_message(c, DHCP4_RELEASE, now);
        lose(c, DHCP4_LOST_RELEASED);
        set_state(c, DHCP4_STATE_STOPPED);
        return had;
}

const Dhcp4Lease *dhcp4_machine_lease(const Dhcp4Machine *c)
{
        return c->use == DHCP4_USE_ACTIVE ? &c->lease : NULL;
}
