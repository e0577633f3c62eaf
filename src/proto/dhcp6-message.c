/* SPDX-License-Identifier: MIT */
#include "proto/dhcp6-message.h"
#include "proto/domain.h"
#include "util/error.h"
#include <arpa/inet.h>
#include <string.h>

#define MAX_RT_LOW  60
#define MAX_RT_HIGH 86400

enum { NTP_SERVER_ADDRESS = 1, NTP_SERVER_NAME = 3 };
enum { AUTH_RECONFIGURE_KEY = 3, AUTH_HMAC_MD5 = 1, AUTH_COUNTER = 0 };

bool dhcp6_duid_equal(const Dhcp6Duid *a, const Dhcp6Duid *b)
{
        return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* -- Decoding one option. Each gets the whole value and takes it or leaves it. ----------------- */

static bool next_option(Reader *r, uint16_t *ret_code, Reader *ret_value)
{
        if (reader_left(r) == 0)
                return false;
        *ret_code = reader_u16(r);
        *ret_value = reader_sub(r, reader_u16(r));
        return !r->failed;
}

static struct in6_addr read_address(Reader *r)
{
        struct in6_addr a;

        reader_copy(r, &a, sizeof(a));
        return a;
}

/* An address that a server or a host can have. */
static bool is_unicast(const struct in6_addr *a)
{
        return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_LOOPBACK(a) && !IN6_IS_ADDR_MULTICAST(a);
}

static void decode_duid(Reader *r, Dhcp6Duid *duid)
{
        if (r->size == 0 || r->size > DHCP6_DUID_MAX)
                return;
        duid->size = (uint8_t) r->size;
        reader_copy(r, duid->bytes, r->size);
}

static Dhcp6Status read_status(Reader *r)
{
        uint16_t code = reader_u16(r);

        return r->failed || code > _DHCP6_STATUS_MAX ? _DHCP6_STATUS_MAX : (Dhcp6Status) code;
}

bool dhcp6_address_is_valid(const struct in6_addr *a)
{
        return is_unicast(a) && !IN6_IS_ADDR_LINKLOCAL(a);
}

/* RFC 8415 21.6: more preferred than valid makes an address void, and a status of its own too. */
static void decode_address(Dhcp6Message *m, Reader *r)
{
        Dhcp6Address a = { .address = read_address(r) };
        Reader value;
        uint16_t code;

        a.preferred = reader_u32(r);
        a.valid = reader_u32(r);
        if (r->failed || a.preferred > a.valid || !dhcp6_address_is_valid(&a.address) ||
                m->n_addresses == DHCP6_ADDRESSES_MAX)
                return;
        while (next_option(r, &code, &value))
                if (code == DHCP6_OPTION_STATUS && read_status(&value) != DHCP6_STATUS_SUCCESS)
                        return;
        m->addresses[m->n_addresses++] = a;
}

static void decode_ia(Dhcp6Message *m, Reader *r, uint32_t iaid)
{
        uint32_t id = reader_u32(r), t1 = reader_u32(r), t2 = reader_u32(r);
        Reader value;
        uint16_t code;

        if (r->failed || id != iaid || m->has_ia || (t2 > 0 && t1 > t2))
                return;
        m->has_ia = true;
        m->t1 = t1;
        m->t2 = t2;
        while (next_option(r, &code, &value)) {
                if (code == DHCP6_OPTION_IA_ADDRESS)
                        decode_address(m, &value);
                else if (code == DHCP6_OPTION_STATUS)
                        m->ia_status = read_status(&value);
        }
}

static void decode_dns(Dhcp6Options *o, Reader *r)
{
        if (r->size % 16 != 0)
                return;
        while (reader_left(r) > 0 && o->n_dns < DHCP6_SERVERS_MAX) {
                struct in6_addr a = read_address(r);

                if (is_unicast(&a))
                        o->dns[o->n_dns++] = a;
        }
}

static void add_ntp_address(char *list, size_t size, const struct in6_addr *a)
{
        char text[INET6_ADDRSTRLEN];

        if (is_unicast(a) && inet_ntop(AF_INET6, a, text, sizeof(text)))
                domain_list_add(list, size, text);
}

/* RFC 5908: one server for each option 56. */
static void decode_ntp(Dhcp6Options *o, Reader *r)
{
        char name[DOMAIN_NAME_SIZE];
        struct in6_addr a;
        Reader value;
        uint16_t code;

        while (next_option(r, &code, &value)) {
                if (code == NTP_SERVER_ADDRESS && value.size == 16) {
                        a = read_address(&value);
                        add_ntp_address(o->ntp, sizeof(o->ntp), &a);
                } else if (code == NTP_SERVER_NAME && domain_read(&value, name) && name[0]) {
                        domain_list_add(o->ntp, sizeof(o->ntp), name);
                }
        }
}

static void decode_sntp(char *list, size_t size, Reader *r)
{
        if (r->size % 16 != 0)
                return;
        while (reader_left(r) > 0) {
                struct in6_addr a = read_address(r);

                add_ntp_address(list, size, &a);
        }
}

static uint32_t read_max_rt(Reader *r)
{
        uint32_t v = reader_u32(r);

        return r->size == 4 && v >= MAX_RT_LOW && v <= MAX_RT_HIGH ? v : 0;
}

static void decode_refresh_time(Dhcp6Message *m, Reader *r)
{
        m->has_refresh_time = r->size == 4;
        m->refresh_time = reader_u32(r);
}

static void decode_reconfigure(Dhcp6Message *m, Reader *r)
{
        uint8_t type = reader_u8(r);

        if (r->size == 1 &&
                (type == DHCP6_RENEW || type == DHCP6_REBIND || type == DHCP6_INFORMATION_REQUEST))
                m->reconfigure = (Dhcp6Type) type;
}

/* RFC 8415 21.11: protocol, algorithm, replay detection method and counter; then what 20.4.1 says.
 */
static void decode_auth(Dhcp6Auth *auth, Reader *r, const void *message)
{
        uint8_t protocol = reader_u8(r), algorithm = reader_u8(r), method = reader_u8(r);
        Dhcp6Auth a;

        a.replay = reader_u64(r);
        a.type = reader_u8(r);
        a.value_at = (size_t) (r->data - (const uint8_t *) message) + r->pos;
        reader_copy(r, a.value, sizeof(a.value));
        if (r->failed || reader_left(r) > 0 || protocol != AUTH_RECONFIGURE_KEY ||
                algorithm != AUTH_HMAC_MD5 || method != AUTH_COUNTER)
                a.type = DHCP6_AUTH_NONE;
        *auth = a;
}

static void decode_option(Dhcp6Message *m, uint16_t code, Reader *r, uint32_t iaid,
        char sntp[static sizeof(((Dhcp6Options *) 0)->ntp)])
{
        switch (code) {
        case DHCP6_OPTION_CLIENT_ID:
                decode_duid(r, &m->client);
                return;
        case DHCP6_OPTION_SERVER_ID:
                decode_duid(r, &m->server);
                return;
        case DHCP6_OPTION_IA_NA:
                decode_ia(m, r, iaid);
                return;
        case DHCP6_OPTION_PREFERENCE:
                m->preference = r->size == 1 ? reader_u8(r) : 0;
                return;
        case DHCP6_OPTION_STATUS:
                m->status = read_status(r);
                return;
        case DHCP6_OPTION_RAPID_COMMIT:
                m->rapid_commit = r->size == 0;
                return;
        case DHCP6_OPTION_DNS:
                decode_dns(&m->options, r);
                return;
        case DHCP6_OPTION_DNR:
                dnr_read_v6(&m->options.resolvers, r);
                return;
        case DHCP6_OPTION_SEARCH:
                (void) domain_read_list(r, m->options.search, sizeof(m->options.search));
                return;
        case DHCP6_OPTION_SNTP:
                decode_sntp(sntp, sizeof(m->options.ntp), r);
                return;
        case DHCP6_OPTION_NTP:
                decode_ntp(&m->options, r);
                return;
        case DHCP6_OPTION_REFRESH_TIME:
                decode_refresh_time(m, r);
                return;
        case DHCP6_OPTION_SOL_MAX_RT:
                m->sol_max_rt = read_max_rt(r);
                return;
        case DHCP6_OPTION_INF_MAX_RT:
                m->inf_max_rt = read_max_rt(r);
                return;
        case DHCP6_OPTION_RECONFIGURE:
                decode_reconfigure(m, r);
                return;
        case DHCP6_OPTION_PORTAL:
                (void) option_read_uri(
                        r, m->options.captive_portal, sizeof(m->options.captive_portal));
                return;
        default: /* codes of the wire, not an enum of ours */
                return;
        }
}

int dhcp6_message_parse(const void *data, size_t size, uint32_t iaid, Dhcp6Message *ret)
{
        Reader r = READER_INIT(data, size), value;
        uint32_t word = reader_u32(&r);
        Dhcp6Message m = { .type = (Dhcp6Type) (word >> 24), .xid = word & 0xffffff };
        char sntp[sizeof(m.options.ntp)] = "";
        uint16_t code;

        if (r.failed || m.type == DHCP6_NONE || m.type >= _DHCP6_TYPE_MAX)
                return -EBADMSG;
        while (next_option(&r, &code, &value))
                if (code == DHCP6_OPTION_AUTH)
                        decode_auth(&m.auth, &value, data);
                else
                        decode_option(&m, code, &value, iaid, sntp);
        if (!m.options.ntp[0])
                memcpy(m.options.ntp, sntp, sizeof(sntp));
        *ret = m;
        return 0;
}

/* -- Building ---------------------------------------------------------------------------------- */

static const uint16_t wanted[] = {
        DHCP6_OPTION_DNS,
        DHCP6_OPTION_SEARCH,
        DHCP6_OPTION_SNTP,
        DHCP6_OPTION_NTP,
        DHCP6_OPTION_PORTAL,
        DHCP6_OPTION_DNR,
};

static size_t open_option(Writer *w, uint16_t code)
{
        writer_u16(w, code);
        writer_u16(w, 0);
        return w->pos;
}

static void close_option(Writer *w, size_t start)
{
        writer_patch_u16(w, start - 2, (uint16_t) (w->pos - start));
}

static void put_option(Writer *w, uint16_t code, const void *value, size_t size)
{
        size_t at = open_option(w, code);

        writer_bytes(w, value, size);
        close_option(w, at);
}

/* T1, T2 and lifetimes are the server's business: zero is "no wish" (RFC 8415 21.4, 21.6). */
static void put_ia(Writer *w, const Dhcp6Outgoing *out, uint32_t iaid)
{
        size_t ia = open_option(w, DHCP6_OPTION_IA_NA);

        writer_u32(w, iaid);
        writer_zero(w, 8);
        for (size_t i = 0; i < out->n_addresses; i++) {
                size_t at = open_option(w, DHCP6_OPTION_IA_ADDRESS);

                writer_bytes(w, &out->addresses[i], 16);
                writer_zero(w, 8);
                close_option(w, at);
        }
        close_option(w, ia);
}

static void put_request_list(Writer *w, Dhcp6Type type)
{
        size_t at = open_option(w, DHCP6_OPTION_REQUEST);

        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                writer_u16(w, wanted[i]);
        if (type == DHCP6_INFORMATION_REQUEST) {
                writer_u16(w, DHCP6_OPTION_REFRESH_TIME);
                writer_u16(w, DHCP6_OPTION_INF_MAX_RT);
        } else {
                writer_u16(w, DHCP6_OPTION_SOL_MAX_RT);
        }
        close_option(w, at);
}

/* RFC 8415 18.2: CONFIRM, RELEASE and DECLINE ask for nothing. */
static bool asks(Dhcp6Type type)
{
        return type == DHCP6_SOLICIT || type == DHCP6_REQUEST || type == DHCP6_RENEW ||
               type == DHCP6_REBIND || type == DHCP6_INFORMATION_REQUEST;
}

int dhcp6_message_build(
        const Dhcp6Outgoing *out, const Dhcp6Identity *id, uint8_t *buf, size_t size)
{
        Writer w = WRITER_INIT(buf, size);
        uint8_t elapsed[2] = { (uint8_t) (out->elapsed >> 8), (uint8_t) out->elapsed };

        writer_u32(&w, (uint32_t) out->type << 24 | (out->xid & 0xffffff));
        put_option(&w, DHCP6_OPTION_CLIENT_ID, id->duid.bytes, id->duid.size);
        if (out->server.size > 0)
                put_option(&w, DHCP6_OPTION_SERVER_ID, out->server.bytes, out->server.size);
        put_option(&w, DHCP6_OPTION_ELAPSED, elapsed, sizeof(elapsed));
        if (out->type != DHCP6_INFORMATION_REQUEST)
                put_ia(&w, out, id->iaid);
        if (asks(out->type)) {
                put_request_list(&w, out->type);
                put_option(&w, DHCP6_OPTION_RECONFIGURE_ACCEPT, NULL, 0);
        }
        if (out->type == DHCP6_SOLICIT && id->rapid_commit)
                put_option(&w, DHCP6_OPTION_RAPID_COMMIT, NULL, 0);
        return w.failed ? -EMSGSIZE : (int) w.pos;
}
