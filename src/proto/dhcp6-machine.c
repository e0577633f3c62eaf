/* SPDX-License-Identifier: MIT */
#include "proto/dhcp6-machine.h"
#include "util/error.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* RFC 8415 7.6. Random delays before the first message of a link are for machines that all boot at
 * once; a link that comes up alone does not wait (SOL, CNF and INF_MAX_DELAY allow 0). */
#define SOL_TIMEOUT     (1 * USEC_PER_SEC)
#define SOL_MAX_RT      3600 /* seconds, as option 82 counts */
#define REQ_TIMEOUT     (1 * USEC_PER_SEC)
#define REQ_MAX_RT      (30 * USEC_PER_SEC)
#define REQ_MAX_RC      10
#define CNF_TIMEOUT     (1 * USEC_PER_SEC)
#define CNF_MAX_RT      (4 * USEC_PER_SEC)
#define CNF_MAX_RD      (10 * USEC_PER_SEC)
#define REN_TIMEOUT     (10 * USEC_PER_SEC)
#define REN_MAX_RT      (600 * USEC_PER_SEC)
#define REB_TIMEOUT     (10 * USEC_PER_SEC)
#define REB_MAX_RT      (600 * USEC_PER_SEC)
#define INF_TIMEOUT     (1 * USEC_PER_SEC)
#define INF_MAX_RT      3600
#define BYE_TIMEOUT     (1 * USEC_PER_SEC)
#define BYE_MAX_RC      4
#define REFRESH_DEFAULT 86400
#define REFRESH_MIN     600
#define PREFERENCE_MAX  255
#define SPARE_WAIT      (1 * USEC_PER_SEC)
#define RESTARTS_FREE   2
#define HELD_ENOUGH     (10 * USEC_PER_SEC)
#define RESTART_MAX     (120 * USEC_PER_SEC)

/* -- Events ------------------------------------------------------------------------------------ */

static Dhcp6Event *push_event(Dhcp6Machine *m, Dhcp6EventType type)
{
        Dhcp6Event *e = &m->events[(m->first_event + m->n_events) % DHCP6_EVENTS_MAX];

        /* One call makes a handful, and the owner takes all of them before the next. */
        assert(m->n_events < DHCP6_EVENTS_MAX);
        m->n_events++;
        *e = (Dhcp6Event){ .type = type };
        return e;
}

bool dhcp6_machine_pop_event(Dhcp6Machine *m, Dhcp6Event *ret)
{
        if (m->n_events == 0)
                return false;
        *ret = m->events[m->first_event];
        m->first_event = (m->first_event + 1) % DHCP6_EVENTS_MAX;
        m->n_events--;
        return true;
}

/* -- Messages out ------------------------------------------------------------------------------ */

static void send_message(Dhcp6Machine *m, usec_t now)
{
        Dhcp6Outgoing *out = &push_event(m, DHCP6_EVENT_SEND)->send;
        usec_t since = m->retry.sent > 0 ? usec_sub(now, m->retry.first) : 0;

        *out = dhcp6_machine_outgoing(m);
        out->xid = m->xid;
        out->elapsed = (uint16_t) MIN(since / (USEC_PER_SEC / 100), UINT16_MAX);
        m->next = dhcp6_retry_sent(&m->retry, now, m->rng);
}

/* -- States ------------------------------------------------------------------------------------ */

/* The only place that changes the state. */
static void set_state(Dhcp6Machine *m, Dhcp6State state)
{
        m->state = state;
        m->next = USEC_INFINITY;
}

static void prepare_exchange(Dhcp6Machine *m, Dhcp6State state, Dhcp6Retry retry)
{
        set_state(m, state);
        m->xid = rng_u32(m->rng) & 0xffffff;
        m->retry = retry;
}

static void begin_exchange(Dhcp6Machine *m, usec_t now, Dhcp6State state, Dhcp6Retry retry)
{
        prepare_exchange(m, state, retry);
        send_message(m, now);
}

/* RFC 8415 14.1: a server that offers and then takes back, or addresses that are found to be in use
 * time after time, must not make a storm of us. The first time around costs nothing. */
static usec_t restart_pause(Dhcp6Machine *m, usec_t now)
{
        unsigned n;

        /* a server that gives and never renews is one all the same */
        if (m->held_since > 0 && now >= m->held_since + HELD_ENOUGH)
                m->restarts = 0;
        m->held_since = 0;
        n = m->restarts++;
        return n < RESTARTS_FREE ? 0 : MIN(USEC_PER_SEC << MIN(n - RESTARTS_FREE, 7u), RESTART_MAX);
}

static void enter_soliciting(Dhcp6Machine *m, usec_t now)
{
        usec_t pause = restart_pause(m, now);
        Dhcp6Retry retry = {
                .irt = SOL_TIMEOUT, .mrt = m->sol_max_rt * USEC_PER_SEC, .never_short = true
        };

        m->advertised.type = DHCP6_NONE;
        if (pause == 0) {
                begin_exchange(m, now, DHCP6_STATE_SOLICITING, retry);
                return;
        }
        prepare_exchange(m, DHCP6_STATE_SOLICITING, retry);
        m->next = now + pause;
}

static void enter_requesting(Dhcp6Machine *m, usec_t now)
{
        begin_exchange(m, now, DHCP6_STATE_REQUESTING,
                (Dhcp6Retry){ .irt = REQ_TIMEOUT, .mrt = REQ_MAX_RT, .mrc = REQ_MAX_RC });
}

static void enter_bound(Dhcp6Machine *m)
{
        if (m->remembered)
                push_event(m, DHCP6_EVENT_LEASE);
        m->remembered = false;
        set_state(m, DHCP6_STATE_BOUND);
        m->next = m->lease.t1;
}

static void enter_renewing(Dhcp6Machine *m, usec_t now)
{
        begin_exchange(m, now, DHCP6_STATE_RENEWING,
                (Dhcp6Retry){ .irt = REN_TIMEOUT, .mrt = REN_MAX_RT });
        m->next = MIN(m->next, m->lease.t2);
}

static void enter_rebinding(Dhcp6Machine *m, usec_t now)
{
        begin_exchange(m, now, DHCP6_STATE_REBINDING,
                (Dhcp6Retry){ .irt = REB_TIMEOUT, .mrt = REB_MAX_RT });
}

static void enter_confirming(Dhcp6Machine *m, usec_t now)
{
        begin_exchange(m, now, DHCP6_STATE_CONFIRMING,
                (Dhcp6Retry){ .irt = CNF_TIMEOUT, .mrt = CNF_MAX_RT, .mrd = CNF_MAX_RD });
}

/* A lease that there is, is renewed in its time. */
static usec_t next_question(const Dhcp6Machine *m)
{
        return m->stateful ? MIN(m->next, m->lease.t1) : m->next;
}

static void enter_informing(Dhcp6Machine *m, usec_t now)
{
        begin_exchange(m, now, DHCP6_STATE_INFORMING,
                (Dhcp6Retry){ .irt = INF_TIMEOUT, .mrt = m->inf_max_rt * USEC_PER_SEC });
        m->next = next_question(m);
}

static void enter_farewell(Dhcp6Machine *m, usec_t now, Dhcp6State state)
{
        begin_exchange(m, now, state, (Dhcp6Retry){ .irt = BYE_TIMEOUT, .mrc = BYE_MAX_RC });
}

static void lose_addresses(Dhcp6Machine *m)
{
        if (m->lease.n_addresses == 0)
                return;
        m->lease.n_addresses = 0;
        m->remembered = false;
        push_event(m, DHCP6_EVENT_LEASE);
}

static void farewell_done(Dhcp6Machine *m, usec_t now)
{
        if (m->state == DHCP6_STATE_RELEASING)
                dhcp6_machine_stop(m);
        else if (m->lease.n_addresses > 0)
                enter_bound(m);
        else
                enter_soliciting(m, now);
}

/* -- Messages in ------------------------------------------------------------------------------- */

static void take_options(Dhcp6Machine *m, const Dhcp6Message *reply)
{
        if (memcmp(&m->options, &reply->options, sizeof(m->options)) == 0)
                return;
        m->options = reply->options;
        push_event(m, DHCP6_EVENT_INFO);
}

/* RFC 8415 18.2.2: another server, where there is one. */
static void give_up_server(Dhcp6Machine *m, usec_t now)
{
        m->avoided = m->advertised.server;
        enter_soliciting(m, now);
}

/* A REPLY that gives addresses. Lifetimes count from when the question left: early, never late. */
static void accept_reply(Dhcp6Machine *m, usec_t now, const Dhcp6Message *reply)
{
        for (size_t i = 0; i < reply->n_addresses; i++)
                dhcp6_lease_merge(&m->lease, m->retry.last, &reply->addresses[i]);
        if (m->lease.n_addresses == 0) {
                push_event(m, DHCP6_EVENT_LEASE);
                if (m->state == DHCP6_STATE_REQUESTING)
                        give_up_server(m, now);
                else
                        enter_soliciting(m, now);
                return;
        }
        if (m->held_since == 0)
                m->held_since = now;
        m->avoided.size = 0;
        m->lease.server = reply->server;
        dhcp6_reconfigure_learn(&m->reconfigure, reply);
        dhcp6_lease_set_times(&m->lease, m->retry.last, reply);
        take_options(m, reply);
        push_event(m, DHCP6_EVENT_LEASE);
        m->remembered = false;
        enter_bound(m);
}

static bool has_usable_address(const Dhcp6Message *msg)
{
        if (!msg->has_ia || msg->ia_status != DHCP6_STATUS_SUCCESS)
                return false;
        for (size_t i = 0; i < msg->n_addresses; i++)
                if (msg->addresses[i].valid > 0)
                        return true;
        return false;
}

static void receive_advertise(Dhcp6Machine *m, usec_t now, const Dhcp6Message *msg)
{
        bool first_wait = m->retry.sent == 1;
        bool again = dhcp6_duid_equal(&msg->server, &m->avoided);

        if (msg->status != DHCP6_STATUS_SUCCESS || !has_usable_address(msg)) {
                m->refused = msg->status != DHCP6_STATUS_SUCCESS      ? msg->status
                             : msg->ia_status != DHCP6_STATUS_SUCCESS ? msg->ia_status
                                                                      : DHCP6_STATUS_NO_ADDRS_AVAIL;
                return;
        }
        if (m->advertised.type == DHCP6_NONE ||
                dhcp6_duid_equal(&m->advertised.server, &m->avoided) ||
                (!again && msg->preference > m->advertised.preference))
                m->advertised = *msg;
        /* RFC 8415 18.2.1: others get the whole first wait, unless nobody can be better; a later
         * wait may be an hour */
        if (again)
                m->next = MIN(m->next, now + SPARE_WAIT);
        else if (!first_wait || msg->preference == PREFERENCE_MAX)
                enter_requesting(m, now);
}

/* What a REPLY that does not simply give addresses means (RFC 8415 18.2.10). */
static void receive_lease_reply(Dhcp6Machine *m, usec_t now, const Dhcp6Message *msg)
{
        Dhcp6Status status = msg->status != DHCP6_STATUS_SUCCESS ? msg->status : msg->ia_status;

        m->refused = status;
        switch (status) {
        case DHCP6_STATUS_SUCCESS:
                /* A renewal without our IA, or with nothing in it, is no answer: ask on. */
                if (has_usable_address(msg) || (msg->has_ia && msg->n_addresses > 0))
                        accept_reply(m, now, msg);
                else if (m->state == DHCP6_STATE_REQUESTING)
                        give_up_server(m, now);
                return;
        case DHCP6_STATUS_NO_BINDING:
                if (m->state != DHCP6_STATE_RENEWING && m->state != DHCP6_STATE_REBINDING)
                        return;
                /* This server knows nothing of it but may give it (18.2.10.1). */
                m->advertised = *msg;
                m->advertised.n_addresses = 0;
                for (size_t i = 0; i < m->lease.n_addresses; i++)
                        m->advertised.addresses[m->advertised.n_addresses++].address =
                                m->lease.addresses[i].address;
                enter_requesting(m, now);
                return;
        case DHCP6_STATUS_NOT_ON_LINK:
                lose_addresses(m);
                if (m->state == DHCP6_STATE_REQUESTING)
                        give_up_server(m, now);
                else
                        enter_soliciting(m, now);
                return;
        case DHCP6_STATUS_NO_ADDRS_AVAIL:
                if (m->state == DHCP6_STATE_REQUESTING)
                        give_up_server(m, now);
                return;
        case DHCP6_STATUS_USE_MULTICAST: /* as all we send is */
        case DHCP6_STATUS_UNSPEC_FAIL:
        case _DHCP6_STATUS_MAX:
                return; /* asked again in its time */
        }
}

static void receive_confirm_reply(Dhcp6Machine *m, usec_t now, const Dhcp6Message *msg)
{
        if (msg->status == DHCP6_STATUS_SUCCESS) {
                enter_bound(m);
        } else if (msg->status == DHCP6_STATUS_NOT_ON_LINK) {
                lose_addresses(m);
                enter_soliciting(m, now);
        }
}

static void receive_information(Dhcp6Machine *m, usec_t now, const Dhcp6Message *msg)
{
        uint32_t refresh = msg->has_refresh_time ? msg->refresh_time : REFRESH_DEFAULT;

        if (msg->status != DHCP6_STATUS_SUCCESS)
                return;
        take_options(m, msg);
        dhcp6_reconfigure_learn(&m->reconfigure, msg);
        if (m->stateful) { /* a RECONFIGURE had us ask, beside a lease */
                enter_bound(m);
                return;
        }
        set_state(m, DHCP6_STATE_INFORMED);
        if (refresh != DHCP6_INFINITE)
                m->next = now + MAX(refresh, REFRESH_MIN) * USEC_PER_SEC;
}

static void receive_reply(Dhcp6Machine *m, usec_t now, const Dhcp6Message *msg)
{
        switch (m->state) {
        case DHCP6_STATE_STOPPED:
        case DHCP6_STATE_DOWN:
        case DHCP6_STATE_BOUND:
        case DHCP6_STATE_INFORMED:
        case _DHCP6_STATE_MAX:
                return;
        case DHCP6_STATE_SOLICITING:
                /* only as an answer to our own option 14 (RFC 8415 18.2.1) */
                if (m->identity.rapid_commit && msg->rapid_commit && has_usable_address(msg) &&
                        msg->status == DHCP6_STATUS_SUCCESS)
                        accept_reply(m, now, msg);
                return;
        case DHCP6_STATE_REQUESTING:
                if (dhcp6_duid_equal(&msg->server, &m->advertised.server))
                        receive_lease_reply(m, now, msg);
                return;
        case DHCP6_STATE_RENEWING:
                if (dhcp6_duid_equal(&msg->server, &m->lease.server))
                        receive_lease_reply(m, now, msg);
                return;
        case DHCP6_STATE_REBINDING:
                receive_lease_reply(m, now, msg);
                return;
        case DHCP6_STATE_CONFIRMING:
                receive_confirm_reply(m, now, msg);
                return;
        case DHCP6_STATE_DECLINING:
        case DHCP6_STATE_RELEASING:
                if (dhcp6_duid_equal(&msg->server, &m->farewell.server))
                        farewell_done(m, now);
                return;
        case DHCP6_STATE_INFORMING:
                receive_information(m, now, msg);
                return;
        }
}

/* REQ_DHCP 41. What is under way already is not begun again (RFC 8415 18.2.11). */
static void receive_reconfigure(
        Dhcp6Machine *m, usec_t now, const Dhcp6Message *msg, const void *data, size_t size)
{
        Dhcp6Type type;

        if (m->state != DHCP6_STATE_BOUND && m->state != DHCP6_STATE_INFORMED)
                return;
        type = dhcp6_reconfigure_check(&m->reconfigure, msg, data, size);
        if (type == DHCP6_INFORMATION_REQUEST)
                enter_informing(m, now);
        else if (type == DHCP6_RENEW && m->state == DHCP6_STATE_BOUND)
                enter_renewing(m, now);
        else if (type == DHCP6_REBIND && m->state == DHCP6_STATE_BOUND)
                enter_rebinding(m, now);
}

void dhcp6_machine_receive(Dhcp6Machine *m, usec_t now, const void *data, size_t size)
{
        Dhcp6Message msg;

        if (dhcp6_message_parse(data, size, m->identity.iaid, &msg) < 0)
                return;
        if (msg.type == DHCP6_RECONFIGURE && dhcp6_duid_equal(&msg.client, &m->identity.duid))
                receive_reconfigure(m, now, &msg, data, size);
        /* REQ_DHCP 36; 16.3 and 16.10 of the RFC */
        if ((msg.type != DHCP6_ADVERTISE && msg.type != DHCP6_REPLY) || msg.xid != m->xid ||
                msg.server.size == 0 || !dhcp6_duid_equal(&msg.client, &m->identity.duid))
                return;
        if (msg.type == DHCP6_ADVERTISE && m->state != DHCP6_STATE_SOLICITING)
                return;
        if (m->state == DHCP6_STATE_STOPPED || m->state == DHCP6_STATE_DOWN)
                return;
        /* These count even where nothing else does (21.24, 21.25). */
        if (msg.sol_max_rt)
                m->sol_max_rt = msg.sol_max_rt;
        if (msg.inf_max_rt)
                m->inf_max_rt = msg.inf_max_rt;
        if (msg.sol_max_rt && m->state == DHCP6_STATE_SOLICITING)
                m->retry.mrt = m->sol_max_rt * USEC_PER_SEC;
        if (msg.inf_max_rt && m->state == DHCP6_STATE_INFORMING)
                m->retry.mrt = m->inf_max_rt * USEC_PER_SEC;
        if (msg.type == DHCP6_ADVERTISE)
                receive_advertise(m, now, &msg);
        else
                receive_reply(m, now, &msg);
}

/* -- Time -------------------------------------------------------------------------------------- */

static void expire(Dhcp6Machine *m, usec_t now)
{
        for (size_t i = m->lease.n_addresses; i-- > 0;)
                if (now >= m->lease.addresses[i].valid_until)
                        dhcp6_lease_drop(&m->lease, i);
        m->remembered = m->remembered && m->lease.n_addresses > 0;
        if (!m->remembered)
                push_event(m, DHCP6_EVENT_LEASE);
        if (m->lease.n_addresses > 0)
                return;
        switch (m->state) {
        case DHCP6_STATE_STOPPED:
        case DHCP6_STATE_DOWN:
        case DHCP6_STATE_SOLICITING:
        case DHCP6_STATE_REQUESTING:
        case DHCP6_STATE_DECLINING:
        case DHCP6_STATE_RELEASING:
        case DHCP6_STATE_INFORMED:
        case _DHCP6_STATE_MAX:
                return;
        case DHCP6_STATE_INFORMING:
        case DHCP6_STATE_CONFIRMING:
        case DHCP6_STATE_BOUND:
        case DHCP6_STATE_RENEWING:
        case DHCP6_STATE_REBINDING:
                enter_soliciting(m, now);
                return;
        }
}

static void state_timeout(Dhcp6Machine *m, usec_t now)
{
        bool over = dhcp6_retry_is_over(&m->retry, now);

        switch (m->state) {
        case DHCP6_STATE_STOPPED:
        case DHCP6_STATE_DOWN:
        case _DHCP6_STATE_MAX:
                return;
        case DHCP6_STATE_SOLICITING:
                if (m->advertised.type != DHCP6_NONE)
                        enter_requesting(m, now);
                else
                        send_message(m, now);
                return;
        case DHCP6_STATE_REQUESTING:
                if (over)
                        give_up_server(m, now);
                else
                        send_message(m, now);
                return;
        case DHCP6_STATE_CONFIRMING:
                /* Nobody objects: go on as before (RFC 8415 18.2.3). */
                if (over)
                        enter_bound(m);
                else
                        send_message(m, now);
                return;
        case DHCP6_STATE_BOUND:
                if (now >= m->lease.t2)
                        enter_rebinding(m, now);
                else
                        enter_renewing(m, now);
                return;
        case DHCP6_STATE_RENEWING:
                if (now >= m->lease.t2) {
                        enter_rebinding(m, now);
                        return;
                }
                send_message(m, now);
                m->next = MIN(m->next, m->lease.t2);
                return;
        case DHCP6_STATE_REBINDING:
                send_message(m, now);
                return;
        case DHCP6_STATE_DECLINING:
        case DHCP6_STATE_RELEASING:
                if (over)
                        farewell_done(m, now);
                else
                        send_message(m, now);
                return;
        case DHCP6_STATE_INFORMING:
                if (m->stateful && now >= m->lease.t1) {
                        enter_renewing(m, now);
                        return;
                }
                send_message(m, now);
                m->next = next_question(m);
                return;
        case DHCP6_STATE_INFORMED:
                enter_informing(m, now);
                return;
        }
}

usec_t dhcp6_machine_deadline(const Dhcp6Machine *m)
{
        return m->state == DHCP6_STATE_STOPPED ? USEC_INFINITY
                                               : MIN(m->next, dhcp6_lease_first_expiry(&m->lease));
}

void dhcp6_machine_timeout(Dhcp6Machine *m, usec_t now)
{
        if (m->state == DHCP6_STATE_STOPPED)
                return;
        if (now >= dhcp6_lease_first_expiry(&m->lease))
                expire(m, now);
        if (now >= m->next)
                state_timeout(m, now);
}

/* -- What the owner asks for ------------------------------------------------------------------- */

void dhcp6_machine_init(Dhcp6Machine *m, const Dhcp6Identity *identity, Rng *rng)
{
        *m = (Dhcp6Machine){ .identity = *identity,
                .rng = rng,
                .next = USEC_INFINITY,
                .sol_max_rt = SOL_MAX_RT,
                .inf_max_rt = INF_MAX_RT };
}

void dhcp6_machine_restore(
        Dhcp6Machine *m, const Dhcp6Lease *lease, const Dhcp6Options *options, bool in_use)
{
        m->lease = *lease;
        m->options = *options;
        m->remembered = !in_use;
        if (in_use)
                push_event(m, DHCP6_EVENT_LEASE);
}

void dhcp6_machine_start(Dhcp6Machine *m, usec_t now, bool stateful)
{
        if (m->state != DHCP6_STATE_STOPPED && m->stateful == stateful)
                return;
        m->stateful = stateful;
        if (stateful && m->lease.n_addresses > 0) {
                enter_confirming(m, now);
        } else if (stateful) {
                enter_soliciting(m, now);
        } else {
                lose_addresses(m);
                enter_informing(m, now);
        }
}

void dhcp6_machine_stop(Dhcp6Machine *m)
{
        set_state(m, DHCP6_STATE_STOPPED);
        m->lease.n_addresses = 0;
        m->remembered = false;
        m->options = (Dhcp6Options){ 0 };
        m->reconfigure = (Dhcp6ReconfigureKey){ 0 };
}

void dhcp6_machine_carrier(Dhcp6Machine *m, usec_t now, bool up)
{
        if (m->state == DHCP6_STATE_STOPPED || up != (m->state == DHCP6_STATE_DOWN))
                return;
        m->restarts = 0; /* it may be another network */
        m->avoided.size = 0;
        if (!up)
                set_state(m, DHCP6_STATE_DOWN);
        else if (!m->stateful)
                enter_informing(m, now);
        else if (m->lease.n_addresses > 0)
                enter_confirming(m, now);
        else
                enter_soliciting(m, now);
}

bool dhcp6_machine_decline(Dhcp6Machine *m, usec_t now, const struct in6_addr *address)
{
        size_t i = dhcp6_lease_find(&m->lease, address);

        if (i == m->lease.n_addresses || m->state == DHCP6_STATE_DOWN ||
                m->state == DHCP6_STATE_RELEASING)
                return false;
        dhcp6_lease_drop(&m->lease, i);
        push_event(m, DHCP6_EVENT_LEASE);
        m->farewell = (Dhcp6Outgoing){ .type = DHCP6_DECLINE,
                .server = m->lease.server,
                .addresses = { *address },
                .n_addresses = 1 };
        enter_farewell(m, now, DHCP6_STATE_DECLINING);
        return true;
}

bool dhcp6_machine_renew(Dhcp6Machine *m, usec_t now)
{
        m->restarts = 0;
        switch (m->state) {
        case DHCP6_STATE_BOUND:
        case DHCP6_STATE_RENEWING:
                enter_renewing(m, now);
                return true;
        case DHCP6_STATE_REBINDING:
                enter_rebinding(m, now);
                return true;
        case DHCP6_STATE_INFORMED:
        case DHCP6_STATE_INFORMING:
                if (m->stateful)
                        enter_renewing(m, now);
                else
                        enter_informing(m, now);
                return true;
        case DHCP6_STATE_SOLICITING:
        case DHCP6_STATE_REQUESTING:
        case DHCP6_STATE_CONFIRMING:
        case DHCP6_STATE_DECLINING:
                return true;      /* under way */
        case DHCP6_STATE_STOPPED: /* after a release, which it takes back */
                dhcp6_machine_start(m, now, m->stateful);
                return true;
        case DHCP6_STATE_RELEASING:
                enter_soliciting(m, now);
                return true;
        case DHCP6_STATE_DOWN:
        case _DHCP6_STATE_MAX:
                return false;
        }
        return false;
}

bool dhcp6_machine_release(Dhcp6Machine *m, usec_t now)
{
        bool had = m->lease.n_addresses > 0;

        if (had && m->state != DHCP6_STATE_DOWN) {
                m->farewell = (Dhcp6Outgoing){ .type = DHCP6_RELEASE, .server = m->lease.server };
                dhcp6_outgoing_put_lease(&m->farewell, &m->lease);
                lose_addresses(m);
                enter_farewell(m, now, DHCP6_STATE_RELEASING);
                return true;
        }
        lose_addresses(m);
        set_state(m, DHCP6_STATE_STOPPED);
        return had;
}
