/* SPDX-License-Identifier: MIT */
#include "proto/dns-record.h"
#include "util/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * The shape of the data, a letter a field: 4 and 6 an address, h and w 2 and 4 octets, b one, n a
 * name that may be compressed, p a name that may not, c a character string, C one or more of them
 * to the end, * the rest, whatever it is, + the same but not empty.
 */
typedef struct TypeInfo TypeInfo;
struct TypeInfo {
        uint16_t type;
        const char *name;
        const char *shape;
};

static const TypeInfo types[] = {
        { DNS_TYPE_A, "A", "4" },
        { DNS_TYPE_NS, "NS", "n" },
        { 3, "MD", "n" },
        { 4, "MF", "n" },
        { DNS_TYPE_CNAME, "CNAME", "n" },
        { DNS_TYPE_SOA, "SOA", "nnwwwww" },
        { 7, "MB", "n" },
        { 8, "MG", "n" },
        { 9, "MR", "n" },
        { 10, "NULL", "*" },
        { 11, "WKS", "4b*" },
        { DNS_TYPE_PTR, "PTR", "n" },
        { DNS_TYPE_HINFO, "HINFO", "cc" },
        { 14, "MINFO", "nn" },
        { DNS_TYPE_MX, "MX", "hn" },
        { DNS_TYPE_TXT, "TXT", "C" },
        { 17, "RP", "nn" },
        { 18, "AFSDB", "hn" },
        { 21, "RT", "hn" },
        { DNS_TYPE_AAAA, "AAAA", "6" },
        { 29, "LOC", "*" },
        { DNS_TYPE_SRV, "SRV", "hhhn" },
        { DNS_TYPE_NAPTR, "NAPTR", "hhcccn" },
        { 36, "KX", "hn" },
        { 37, "CERT", "hhb*" },
        { DNS_TYPE_DNAME, "DNAME", "n" },
        { DNS_TYPE_OPT, "OPT", "*" },
        { DNS_TYPE_DS, "DS", "hbb*" },
        { 44, "SSHFP", "bb*" },
        { DNS_TYPE_RRSIG, "RRSIG", "hbbwwwhp*" },
        { DNS_TYPE_NSEC, "NSEC", "p*" },
        { DNS_TYPE_DNSKEY, "DNSKEY", "hbb*" },
        { 50, "NSEC3", "bbhc*" },
        { 51, "NSEC3PARAM", "bbhc" },
        { DNS_TYPE_TLSA, "TLSA", "bbb*" },
        { 53, "SMIMEA", "bbb*" },
        { 61, "OPENPGPKEY", "*" },
        { DNS_TYPE_SVCB, "SVCB", "hp*" },
        { DNS_TYPE_HTTPS, "HTTPS", "hp*" },
        { 99, "SPF", "C" },
        { DNS_TYPE_ANY, "ANY", "*" },
        { 256, "URI", "hh+" },
        { DNS_TYPE_CAA, "CAA", "bc*" },
};

static const TypeInfo *type_info(uint16_t type)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (types[i].type == type)
                        return &types[i];
        return NULL;
}

int dns_type_from_string(const char *s)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (strcasecmp(types[i].name, s) == 0)
                        return types[i].type;
        if (strncasecmp(s, "TYPE", 4) == 0 && s[4] >= '0' && s[4] <= '9') {
                char *end;
                unsigned long v = strtoul(s + 4, &end, 10);

                if (*end == 0 && v <= UINT16_MAX)
                        return (int) v;
        }
        return -EINVAL;
}

bool dns_type_is_meta(uint16_t type)
{
        return type == 0 || type == DNS_TYPE_OPT || (type >= 128 && type <= 255);
}

/* Copies `len` octets through; false when that passes `end`. */
static bool pass(Reader *r, size_t len, size_t end, Writer *out)
{
        const uint8_t *p;

        if (r->failed || r->pos > end || len > end - r->pos)
                return false;
        p = reader_bytes(r, len);
        if (p && out)
                writer_bytes(out, p, len);
        return p != NULL;
}

static bool pass_name(Reader *r, bool compressed, size_t end, Writer *out)
{
        DnsName n;

        if ((compressed ? dns_name_read(r, &n) : dns_name_read_plain(r, &n)) < 0 || r->pos > end)
                return false;
        if (out)
                dns_name_write(out, &n);
        return true;
}

static bool pass_string(Reader *r, size_t end, Writer *out)
{
        Reader peek = *r;
        size_t len = reader_u8(&peek);

        return !peek.failed && pass(r, 1 + len, end, out);
}

static bool pass_strings(Reader *r, size_t end, Writer *out)
{
        do
                if (!pass_string(r, end, out))
                        return false;
        while (r->pos < end);
        return true;
}

static bool pass_field(Reader *r, char shape, size_t end, Writer *out)
{
        switch (shape) {
        case '4':
                return pass(r, 4, end, out);
        case '6':
                return pass(r, 16, end, out);
        case 'b':
                return pass(r, 1, end, out);
        case 'h':
                return pass(r, 2, end, out);
        case 'w':
                return pass(r, 4, end, out);
        case 'n':
                return pass_name(r, true, end, out);
        case 'p':
                return pass_name(r, false, end, out);
        case 'c':
                return pass_string(r, end, out);
        case 'C':
                return pass_strings(r, end, out);
        case '+':
                return r->pos < end && pass(r, end - r->pos, end, out);
        default:
                return pass(r, end - r->pos, end, out);
        }
}

int dns_rdata_read(Reader *r, uint16_t type, size_t len, Writer *out)
{
        const TypeInfo *t = type_info(type);
        size_t end = r->pos + len;

        if (r->failed || len > reader_left(r))
                return -EBADMSG;
        for (const char *shape = t ? t->shape : "*"; *shape; shape++)
                if (!pass_field(r, *shape, end, out))
                        return -EBADMSG;
        if (r->pos != end)
                return -EBADMSG;
        return out && out->failed ? -ENOBUFS : 0;
}
