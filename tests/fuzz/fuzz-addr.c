/* SPDX-License-Identifier: MIT */
/* Addresses, prefixes and endpoints as text: what is accepted formats to text that parses to the
 * same value. */
#include "fuzz.h"
#include "util/addr.h"
#include <assert.h>
#include <string.h>

static void check_ip(const char *s)
{
        char text[IP_ADDR_STRLEN];
        IpAddr a, b;

        if (ip_parse(s, &a) < 0)
                return;
        assert(ip_parse(ip_format(&a, text), &b) == 0);
        assert(ip_equal(&a, &b));
}

static void check_endpoint(const char *s)
{
        char text[ENDPOINT_STRLEN];
        Endpoint a, b;

        if (endpoint_parse(s, &a) < 0)
                return;
        assert(endpoint_parse(endpoint_format(&a, text), &b) == 0);
        assert(endpoint_equal(&a, &b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char s[512];
        IpPrefix prefix;

        if (size >= sizeof(s))
                return 0;
        memcpy(s, data, size);
        s[size] = '\0';
        check_ip(s);
        check_endpoint(s);
        if (ip_prefix_parse(s, &prefix) == 0)
                assert(prefix.length <= 8 * ip_size(prefix.addr.family));
        return 0;
}
