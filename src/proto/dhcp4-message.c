/* SPDX-License-Identifier: MIT */
#include "proto/dhcp4-message.h"
#include "proto/domain.h"
#include "util/error.h"
#include <string.h>

#define MAGIC_COOKIE    0x63825363
#define BOOTP_REPLY     2
#define BOOTP_REQUEST   1
#define BROADCAST_FLAG  0x8000
#define SNAME_SIZE      64
#define FILE_SIZE       128
#define SIZE_PADDED     300
#define OPTION_SIZE_MAX 2048 /* of one option put together (RFC 3396) */

enum { OVERLOAD_FILE = 1, OVERLOAD_SNAME = 2 };

/* Where options stand, in the order in which they are put together (RFC 3396 5). */
typedef struct Fields Fields;
struct Fields {
        Reader field[3];
        size_t n;
};

/* -- Decoding one option. Each gets the whole value and takes it or leaves it. ----------------- */

/* The prefix length of a mask with all ones in front, or -EINVAL. */
static int mask_to_length(struct in_addr mask)
{
        uint32_t m = ntohl(mask.s_addr), inverted = ~m;

        if (inverted & (inverted + 1))
                return -EINVAL;
        return __builtin_popcount(m);
}

struct in_addr dhcp4_length_to_mask(uint8_t length)
{
        return (struct in_addr){ htonl(length ? UINT32_MAX << (32 - length) : 0) };
}

bool dhcp4_address_is_valid(struct in_addr a)
{
        uint8_t first = (uint8_t) (ntohl(a.s_addr) >> 24);

        return first != 0 && first != 127 && first < 224;
}

static uint8_t class_length(struct in_addr a)
{
        uint8_t first = (uint8_t) (ntohl(a.s_addr) >> 24);

        return first < 128 ? 8 : first < 192 ? 16 : 24;
}

static struct in_addr read_address(Reader *r)
{
        struct in_addr a;

        reader_copy(r, &a, sizeof(a));
        return a;
}

/* A value of four octets. A server that says it twice is put together to eight (RFC 3396): that
 * counts where it says the same both times. */
static bool read_word(Reader *r, uint32_t *ret)
{
        uint32_t word = reader_u32(r);

        if (r->failed || r->size % 4 != 0)
                return false;
        while (reader_left(r) > 0)
                if (reader_u32(r) != word)
                        return false;
        *ret = word;
        return true;
}

static bool read_one_address(Reader *r, struct in_addr *ret)
{
        uint32_t word;

        if (!read_word(r, &word))
                return false;
        ret->s_addr = htonl(word);
        return true;
}

static void decode_type(Dhcp4Message *m, Reader *r)
{
        uint8_t type = reader_u8(r);

        if (r->size == 1 && type < _DHCP4_TYPE_MAX)
                m->type = (Dhcp4Type) type;
}

static void decode_server(Dhcp4Message *m, Reader *r)
{
        (void) read_one_address(r, &m->server);
}

static void decode_requested(Dhcp4Message *m, Reader *r)
{
        (void) read_one_address(r, &m->requested);
}

static void decode_lease_time(Dhcp4Message *m, Reader *r)
{
        m->has_lease_time = read_word(r, &m->lease_time);
}

static void decode_t1(Dhcp4Message *m, Reader *r)
{
        m->has_t1 = read_word(r, &m->t1);
}

static void decode_t2(Dhcp4Message *m, Reader *r)
{
        m->has_t2 = read_word(r, &m->t2);
}

static void decode_v6only(Dhcp4Message *m, Reader *r)
{
        m->has_v6only = read_word(r, &m->v6only);
}

static void decode_rapid_commit(Dhcp4Message *m, Reader *r)
{
        m->rapid_commit = r->size == 0;
}

static void decode_client_id(Dhcp4Message *m, Reader *r)
{
        if (r->size == 0 || r->size > sizeof(m->client_id))
                return;
        m->client_id_size = (uint8_t) r->size;
        reader_copy(r, m->client_id, r->size);
}

static void decode_subnet_mask(Dhcp4Message *m, Reader *r)
{
        struct in_addr mask;
        int length;

        if (!read_one_address(r, &mask))
                return;
        length = mask_to_length(mask);
        if (length > 0) {
                m->options.prefix_length = (uint8_t) length;
                m->has_mask = true;
        }
}

static void decode_mtu(Dhcp4Message *m, Reader *r)
{
        if (reader_left(r) == 2)
                m->options.mtu = reader_u16(r);
}

static void add_route(Dhcp4Options *o, Dhcp4Route route)
{
        route.destination.s_addr &= dhcp4_length_to_mask(route.prefix_length).s_addr;
        if (o->n_routes < DHCP4_ROUTES_MAX)
                o->routes[o->n_routes++] = route;
}

/* REQ_DHCP 17: only the significant octets of a destination are there; an entry that is cut or
 * wider than 32 discards the option. */
static void decode_classless(Dhcp4Message *m, Reader *r)
{
        if (r->size == 0 || m->classless)
                return;
        while (reader_left(r) > 0) {
                Dhcp4Route route = { .prefix_length = reader_u8(r) };

                if (route.prefix_length <= 32)
                        reader_copy(r, &route.destination, (route.prefix_length + 7u) / 8);
                route.gateway = read_address(r);
                if (r->failed || route.prefix_length > 32) {
                        m->options.n_routes = 0;
                        return;
                }
                add_route(&m->options, route);
        }
        m->classless = true;
}

static void decode_static_routes(Dhcp4Message *m, Reader *r)
{
        if (m->classless || r->size % 8 != 0)
                return;
        while (reader_left(r) > 0) {
                Dhcp4Route route = { .destination = read_address(r) };

                route.gateway = read_address(r);
                route.prefix_length = class_length(route.destination);
                if (dhcp4_address_is_valid(route.destination) &&
                        dhcp4_address_is_valid(route.gateway))
                        add_route(&m->options, route);
        }
}

static void decode_routers(Dhcp4Message *m, Reader *r)
{
        if (m->classless || r->size % 4 != 0)
                return;
        while (reader_left(r) > 0) {
                struct in_addr router = read_address(r);

                if (dhcp4_address_is_valid(router)) {
                        add_route(&m->options, (Dhcp4Route){ .gateway = router });
                        return;
                }
        }
}

static void decode_servers(Reader *r, struct in_addr list[DHCP4_SERVERS_MAX], uint8_t *n)
{
        if (r->size % 4 != 0)
                return;
        while (reader_left(r) > 0 && *n < DHCP4_SERVERS_MAX) {
                struct in_addr a = read_address(r);
                uint32_t first = ntohl(a.s_addr) >> 24;

                /* a server on the loopback of someone else is a mistake or worse */
                if (first != 0 && first != 127 && a.s_addr != INADDR_BROADCAST)
                        list[(*n)++] = a;
        }
}

static void decode_dns(Dhcp4Message *m, Reader *r)
{
        decode_servers(r, m->options.dns, &m->options.n_dns);
}

static void decode_ntp(Dhcp4Message *m, Reader *r)
{
        decode_servers(r, m->options.ntp, &m->options.n_ntp);
}

static void decode_domain(Dhcp4Message *m, Reader *r)
{
        char name[DOMAIN_NAME_SIZE + 1];

        if (!option_read_text(r, name, sizeof(name)))
                return;
        if (name[strlen(name) - 1] == '.')
                name[strlen(name) - 1] = 0;
        if (domain_is_valid(name))
                domain_list_add(m->options.search, sizeof(m->options.search), name);
}

static void decode_search(Dhcp4Message *m, Reader *r)
{
        char list[DHCP4_SEARCH_SIZE], *save = NULL;

        if (!domain_read_list(r, list, sizeof(list)))
                return;
        for (char *name = strtok_r(list, " ", &save); name; name = strtok_r(NULL, " ", &save))
                domain_list_add(m->options.search, sizeof(m->options.search), name);
}

static void decode_dnr(Dhcp4Message *m, Reader *r)
{
        dnr_read_v4(&m->options.resolvers, r);
}

static void decode_portal(Dhcp4Message *m, Reader *r)
{
        (void) option_read_uri(r, m->options.captive_portal, sizeof(m->options.captive_portal));
}

static void decode_message(Dhcp4Message *m, Reader *r)
{
        size_t n = MIN(r->size, sizeof(m->text) - 1);

        for (size_t i = 0; i < n; i++) {
                uint8_t c = reader_u8(r);

                m->text[i] = c >= ' ' && c < 0x7f ? (char) c : '?';
        }
        m->text[n] = 0;
}

/* -- The message ------------------------------------------------------------------------------- */

typedef struct Decoder Decoder;
struct Decoder {
        uint8_t code;
        void (*decode)(Dhcp4Message *m, Reader *r);
};

/* In this order: 121 is read before what it makes void, and the domain before the search list. */
static const Decoder decoders[] = {
        { DHCP4_OPTION_TYPE, decode_type },
        { DHCP4_OPTION_SERVER, decode_server },
        { DHCP4_OPTION_REQUESTED, decode_requested },
        { DHCP4_OPTION_LEASE_TIME, decode_lease_time },
        { DHCP4_OPTION_T1, decode_t1 },
        { DHCP4_OPTION_T2, decode_t2 },
        { DHCP4_OPTION_CLIENT_ID, decode_client_id },
        { DHCP4_OPTION_RAPID_COMMIT, decode_rapid_commit },
        { DHCP4_OPTION_V6ONLY, decode_v6only },
        { DHCP4_OPTION_MESSAGE, decode_message },
        { DHCP4_OPTION_SUBNET_MASK, decode_subnet_mask },
        { DHCP4_OPTION_CLASSLESS_ROUTE, decode_classless },
        { DHCP4_OPTION_CLASSLESS_ROUTE_MS, decode_classless },
        { DHCP4_OPTION_STATIC_ROUTE, decode_static_routes },
        { DHCP4_OPTION_ROUTER, decode_routers },
        { DHCP4_OPTION_DNS, decode_dns },
        { DHCP4_OPTION_NTP, decode_ntp },
        { DHCP4_OPTION_MTU, decode_mtu },
        { DHCP4_OPTION_DOMAIN, decode_domain },
        { DHCP4_OPTION_SEARCH, decode_search },
        { DHCP4_OPTION_PORTAL, decode_portal },
        { DHCP4_OPTION_DNR, decode_dnr },
};

/* The next option of a field; a length past its end stops there. */
static bool next_option(Reader *r, uint8_t *ret_code, Reader *ret_value)
{
        while (reader_left(r) > 0) {
                uint8_t code = reader_u8(r);

                if (code == DHCP4_OPTION_PAD)
                        continue;
                if (code == DHCP4_OPTION_END)
                        return false;
                *ret_value = reader_sub(r, reader_u8(r));
                *ret_code = code;
                return !r->failed;
        }
        return false;
}

/* Puts the parts of an option together; false when it is absent or longer than we take. */
static bool gather(const Fields *fields, uint8_t wanted, uint8_t *buf, size_t size, Reader *ret)
{
        Writer w = WRITER_INIT(buf, size);
        bool found = false;

        for (size_t i = 0; i < fields->n; i++) {
                Reader field = fields->field[i], value;
                uint8_t code;

                while (next_option(&field, &code, &value)) {
                        if (code != wanted)
                                continue;
                        writer_bytes(&w, value.data, value.size);
                        found = true;
                }
        }
        *ret = READER_INIT(buf, w.pos);
        return found && !w.failed;
}

/* Option 52 counts only where it says that the other fields hold options (RFC 2132 9.3). */
static Fields find_fields(Reader options, Reader sname, Reader file)
{
        Fields fields = { .field = { options }, .n = 1 };
        uint8_t buf[4], overload = 0;
        Reader value;

        if (gather(&fields, DHCP4_OPTION_OVERLOAD, buf, sizeof(buf), &value) && value.size == 1)
                overload = buf[0];
        if (overload > (OVERLOAD_FILE | OVERLOAD_SNAME))
                return fields;
        if (overload & OVERLOAD_FILE)
                fields.field[fields.n++] = file;
        if (overload & OVERLOAD_SNAME)
                fields.field[fields.n++] = sname;
        return fields;
}

int dhcp4_message_parse(const void *data, size_t size, Dhcp4Message *ret)
{
        Reader r = READER_INIT(data, size), sname, file;
        uint8_t buf[OPTION_SIZE_MAX];
        Dhcp4Message m = { 0 };
        Fields fields;

        m.op = reader_u8(&r);
        m.htype = reader_u8(&r);
        m.hlen = reader_u8(&r);
        reader_skip(&r, 1);
        m.xid = reader_u32(&r);
        m.secs = reader_u16(&r);
        m.flags = reader_u16(&r);
        m.ciaddr = read_address(&r);
        m.yiaddr = read_address(&r);
        m.siaddr = read_address(&r);
        m.giaddr = read_address(&r);
        reader_copy(&r, m.chaddr, sizeof(m.chaddr));
        sname = reader_sub(&r, SNAME_SIZE);
        file = reader_sub(&r, FILE_SIZE);
        if (reader_u32(&r) != MAGIC_COOKIE || r.failed)
                return -EBADMSG;
        fields = find_fields(reader_sub(&r, reader_left(&r)), sname, file);
        for (size_t i = 0; i < ELEMENTSOF(decoders); i++) {
                Reader value;

                if (gather(&fields, decoders[i].code, buf, sizeof(buf), &value))
                        decoders[i].decode(&m, &value);
        }
        if (!m.has_mask)
                m.options.prefix_length = class_length(m.yiaddr);
        *ret = m;
        return 0;
}

bool dhcp4_reply_is_for(const Dhcp4Message *m, const Dhcp4Identity *id, uint32_t xid)
{
        uint8_t hlen = id->mac_size <= 16 ? id->mac_size : 0;

        if (m->op != BOOTP_REPLY || m->xid != xid || m->hlen != hlen)
                return false;
        if (memcmp(m->chaddr, id->mac, hlen) != 0)
                return false;
        if (m->client_id_size > 0 &&
                (m->client_id_size != id->client_id_size ||
                        memcmp(m->client_id, id->client_id, m->client_id_size) != 0))
                return false;
        return dhcp4_address_is_valid(m->server);
}

/* The first and the last address of a subnet are its own and its broadcast (RFC 3021: not those of
 * two). */
static bool is_host_of(struct in_addr a, uint8_t prefix_length)
{
        uint32_t hosts = ~ntohl(dhcp4_length_to_mask(prefix_length).s_addr);
        uint32_t host = ntohl(a.s_addr) & hosts;

        return prefix_length >= 31 || (host != 0 && host != hosts);
}

bool dhcp4_message_has_lease(const Dhcp4Message *m)
{
        return m->has_lease_time && m->lease_time > 0 && dhcp4_address_is_valid(m->yiaddr) &&
               m->yiaddr.s_addr != m->server.s_addr &&
               (!m->has_mask || is_host_of(m->yiaddr, m->options.prefix_length));
}

/* -- Building ---------------------------------------------------------------------------------- */

/* REQ_DHCP 4: byte for byte the same in every message; 121 stands before 33 and 3. The last is
 * asked for only by a host that can do without IPv4. */
static const uint8_t parameters[] = {
        DHCP4_OPTION_SUBNET_MASK,
        DHCP4_OPTION_CLASSLESS_ROUTE,
        DHCP4_OPTION_CLASSLESS_ROUTE_MS,
        DHCP4_OPTION_STATIC_ROUTE,
        DHCP4_OPTION_ROUTER,
        DHCP4_OPTION_DNS,
        DHCP4_OPTION_DOMAIN,
        DHCP4_OPTION_SEARCH,
        DHCP4_OPTION_MTU,
        DHCP4_OPTION_NTP,
        DHCP4_OPTION_LEASE_TIME,
        DHCP4_OPTION_T1,
        DHCP4_OPTION_T2,
        DHCP4_OPTION_PORTAL,
        DHCP4_OPTION_DNR,
        DHCP4_OPTION_V6ONLY,
};

static void put_option(Writer *w, uint8_t code, const void *value, size_t size)
{
        writer_u8(w, code);
        writer_u8(w, (uint8_t) size);
        writer_bytes(w, value, size);
}

static void put_address(Writer *w, uint8_t code, struct in_addr a)
{
        if (a.s_addr != 0)
                put_option(w, code, &a, sizeof(a));
}

static void put_fixed(Writer *w, const Dhcp4Outgoing *out, const Dhcp4Identity *id)
{
        uint8_t hlen = id->mac_size <= 16 ? id->mac_size : 0;

        writer_u8(w, BOOTP_REQUEST);
        writer_u8(w, id->htype);
        writer_u8(w, hlen);
        writer_u8(w, 0);
        writer_u32(w, out->xid);
        writer_u16(w, out->secs);
        /* A packet socket hears unicast to an address that is not there yet (REQ_DHCP 6); without
         * a hardware address in the message only a broadcast can find us (RFC 4390 2.1). */
        writer_u16(w, hlen == 0 && out->ciaddr.s_addr == 0 ? BROADCAST_FLAG : 0);
        writer_bytes(w, &out->ciaddr, 4);
        writer_zero(w, 12);
        writer_bytes(w, id->mac, hlen);
        writer_zero(w, 16u - hlen + SNAME_SIZE + FILE_SIZE);
        writer_u32(w, MAGIC_COOKIE);
}

int dhcp4_message_build(
        const Dhcp4Outgoing *out, const Dhcp4Identity *id, uint8_t *buf, size_t size)
{
        static const uint8_t max_size[] = { 576 >> 8, 576 & 0xff };
        Writer w = WRITER_INIT(buf, size);
        uint8_t type = (uint8_t) out->type;
        bool asks = out->type == DHCP4_DISCOVER || out->type == DHCP4_REQUEST;

        put_fixed(&w, out, id);
        put_option(&w, DHCP4_OPTION_TYPE, &type, 1);
        put_option(&w, DHCP4_OPTION_CLIENT_ID, id->client_id, id->client_id_size);
        put_address(&w, DHCP4_OPTION_REQUESTED, out->requested);
        put_address(&w, DHCP4_OPTION_SERVER, out->server);
        if (asks) {
                put_option(&w, DHCP4_OPTION_MAX_SIZE, max_size, sizeof(max_size));
                put_option(&w, DHCP4_OPTION_PARAMETERS, parameters,
                        sizeof(parameters) - (id->v6only ? 0 : 1));
                if (id->host_name[0])
                        put_option(
                                &w, DHCP4_OPTION_HOST_NAME, id->host_name, strlen(id->host_name));
        }
        if (out->type == DHCP4_DISCOVER && id->rapid_commit)
                put_option(&w, DHCP4_OPTION_RAPID_COMMIT, NULL, 0);
        writer_u8(&w, DHCP4_OPTION_END);
        if (w.pos < SIZE_PADDED)
                writer_zero(&w, SIZE_PADDED - w.pos);
        return w.failed ? -EMSGSIZE : (int) w.pos;
}
