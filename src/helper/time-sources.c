/* SPDX-License-Identifier: MIT */
#include "helper/time-nts.h"
#include "helper/time-private.h"
#include "helper/time-socket.h"
#include "util/log.h"
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

const char *time_source_label(
        const TimeName *name, const Endpoint *endpoint, char *buf, size_t size)
{
        char address[IP_ADDR_STRLEN];
        bool scoped = endpoint->ifname[0] != 0;

        ip_format(&endpoint->addr, address);
        if (name->literal)
                snprintf(buf, size, "%s%s%s", address, scoped ? "%" : "", endpoint->ifname);
        else
                snprintf(buf, size, "%s (%s%s%s)", name->host, address, scoped ? "%" : "",
                        endpoint->ifname);
        return buf;
}

/* -- Distance between requests (REQ_NTP 16), over configurations and leases ------------------- */

/* NTS says the port, configurations seldom do. */
static Endpoint with_port(const Endpoint *endpoint)
{
        Endpoint e = *endpoint;

        e.port = e.port ? e.port : NTP_PORT;
        return e;
}

static void note_contact(TimeClient *tc, const Endpoint *endpoint, usec_t now)
{
        TimeContact *oldest = &tc->contacts[0];
        Endpoint e = with_port(endpoint);

        for (size_t i = 0; i < ELEMENTSOF(tc->contacts); i++) {
                TimeContact *c = &tc->contacts[i];

                if (c->at != 0 && endpoint_equal(&c->endpoint, &e)) {
                        c->at = now;
                        return;
                }
                if (c->at < oldest->at)
                        oldest = c;
        }
        *oldest = (TimeContact){ .endpoint = e, .at = now };
}

static usec_t soonest_contact(const TimeClient *tc, const Endpoint *endpoint, usec_t distance)
{
        Endpoint e = with_port(endpoint);

        for (size_t i = 0; i < ELEMENTSOF(tc->contacts); i++)
                if (tc->contacts[i].at != 0 && endpoint_equal(&tc->contacts[i].endpoint, &e))
                        return usec_add(tc->contacts[i].at, distance);
        return 0;
}

/* -- Sources -------------------------------------------------------------------------------- */

int time_source_add(TimeClient *tc, TimeName *name, const Endpoint *endpoint)
{
        const NtpKey *key = ntp_keys_find(&tc->settings->time.keys, name->key);
        char label[NTP_LABEL_SIZE];
        int id;

        /* While a configuration is exchanged for another, a link may still name the old one's. */
        if (name->key && !key)
                return -ENOENT;
        id = ntp_client_add(tc->ntp, time_source_label(name, endpoint, label, sizeof(label)),
                name->nts,
                MAX(thread_now(tc->thread), soonest_contact(tc, endpoint, NTP_BURST_USEC)));
        if (id < 0)
                return id;
        if (name->key)
                ntp_client_set_key(tc->ntp, (unsigned) id, key);
        tc->servers[id] = (TimeServer){ .name = name, .endpoint = *endpoint };
        return id;
}

void time_source_remove(TimeClient *tc, unsigned id)
{
        TimeServer *server = &tc->servers[id];

        server->wsi = wsi_free(server->wsi);
        server->name = NULL;
        ntp_client_remove(tc->ntp, id);
}

/* The stamp must lie between our two readings of the clock; a device that stamps with another
 * clock, or a clock that was set in between, gives one that does not. */
static void take_sent_stamp(TimeClient *tc, unsigned id)
{
        TimeServer *server = &tc->servers[id];
        int64_t stamp;

        for (int i = 0; i < 4 && time_socket_sent_at(server->wsi, &stamp); i++) {
                if (server->stamped || stamp < server->read_before || stamp > time_clock_now_nsec())
                        continue;
                server->stamped = true;
                ntp_client_transmitted(tc->ntp, id, server->read_before, stamp);
        }
}

static void on_reply(struct lws *wsi, uint32_t revents)
{
        TimeClient *tc = wsi_userdata(wsi);
        uint8_t data[NTP_PACKET_MAX * 2];
        unsigned id = 0;

        while (id < NTP_MAX_SOURCES && tc->servers[id].wsi != wsi)
                id++;
        if (id == NTP_MAX_SOURCES)
                return;
        /* The device stamped the request before any answer to it could come. */
        take_sent_stamp(tc, id);
        time_clock_check(&tc->clock);
        for (int i = 0; i < 8 && tc->servers[id].wsi == wsi; i++) {
                TimeArrival arrival;
                ssize_t n = time_socket_receive(wsi, data, sizeof(data), &arrival);
                NtpCheck check;

                if (n == -EAGAIN)
                        break;
                if (n < 0) /* an ICMP error proves nothing about who sent it */
                        continue;
                tc->servers[id].ifindex = arrival.ifindex;
                check = ntp_client_receive(
                        tc->ntp, id, data, (size_t) n, thread_now(tc->thread), arrival.nsec);
                if (check == NTP_CHECK_OK && tc->servers[id].name->nts)
                        time_nts_answered(tc->servers[id].name->key_exchange);
                log_debug("time: %s: answer of %zd octets on interface %d: %s", tc->ntp->labels[id],
                        n, arrival.ifindex, ntp_check_to_string(check));
                if (check == NTP_CHECK_CERTIFICATE)
                        time_nts_contradicted(tc->servers[id].name->key_exchange);
                /* One answer is all that a request gets. */
                if (!tc->ntp->sources[id].pending)
                        tc->servers[id].wsi = wsi_free(tc->servers[id].wsi);
        }
        time_client_drive(tc);
}

/* The loop's idea of now is as old as its turn; the distance to the next request counts from when
 * this one goes. */
static void send_one(TimeClient *tc, unsigned id)
{
        usec_t now = clock_boottime_usec();
        TimeServer *server = &tc->servers[id];
        uint8_t packet[NTP_PACKET_MAX];
        Writer w = WRITER_INIT(packet, sizeof(packet));
        struct lws *wsi = NULL;
        int r;

        if (server->name->nts && !time_nts_before_request(server->name->key_exchange))
                return;
        server->wsi = wsi_free(server->wsi);
        server->stamped = false;
        r = ntp_client_request(tc->ntp, id, &w, now, time_clock_now_nsec());
        if (r < 0) {
                log_debug("time: %s: no request: %s", tc->ntp->labels[id], strerror(-r));
                return;
        }
        r = time_socket_open(&wsi, tc->cx, &server->endpoint, on_reply, tc);
        if (r >= 0) {
                server->wsi = wsi;
                server->read_before = time_clock_now_nsec();
                ntp_client_transmitted(tc->ntp, id, server->read_before, server->read_before);
                r = time_socket_send(wsi, packet, w.pos);
                note_contact(tc, &server->endpoint, now);
        }
        if (r < 0) {
                server->wsi = wsi_free(server->wsi);
                ntp_client_send_failed(tc->ntp, id);
                log_debug("time: %s: cannot send: %s", tc->ntp->labels[id], strerror(-r));
                return;
        }
        take_sent_stamp(tc, id);
}

void time_sources_send(TimeClient *tc)
{
        usec_t now = thread_now(tc->thread);
        int id;

        while ((id = ntp_client_due(tc->ntp, now)) >= 0) {
                /* with and without NTS the same server may be two sources */
                usec_t soonest = soonest_contact(tc, &tc->servers[id].endpoint, NTP_DISTANCE_USEC);

                if (soonest > now)
                        ntp_client_postpone(tc->ntp, (unsigned) id, soonest);
                else
                        send_one(tc, (unsigned) id);
        }
}
