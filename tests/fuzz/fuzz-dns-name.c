/* SPDX-License-Identifier: MIT */
/* Names: from the wire to text and back, and from text to the wire and back. */
#include "fuzz.h"
#include "proto/dns-name.h"
#include <assert.h>
#include <string.h>

static void check(const DnsName *n)
{
        char text[DNS_NAME_TEXT_MAX];
        DnsName back, cut = *n;
        unsigned labels = dns_name_labels(n);

        assert(n->len >= 1 && n->wire[n->len - 1] == 0);
        assert(labels <= 127);
        assert(dns_name_from_text(dns_name_to_text(n, text), &back, NULL) == 0);
        assert(dns_name_same(&back, n));
        for (const char *c = text; *c; c++)
                assert(*c > 0x20 && *c < 0x7f);
        while (dns_name_parent(&cut)) {
                assert(dns_name_is_under(n, &cut));
                labels--;
        }
        assert(labels == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Reader r = READER_INIT(data, size);
        char text[2048];
        DnsName n;

        if (dns_name_read_plain(&r, &n) == 0)
                check(&n);
        /* behind twelve octets of header, pointers may go back into what came before */
        for (size_t pos = 12; pos < size && pos < 64; pos++) {
                r = READER_INIT(data, size);
                reader_seek(&r, pos);
                if (dns_name_read(&r, &n) == 0)
                        check(&n);
        }
        if (size < sizeof(text)) {
                memcpy(text, data, size);
                text[size] = 0;
                if (dns_name_from_text(text, &n, NULL) == 0)
                        check(&n);
        }
        return 0;
}
