/* SPDX-License-Identifier: MIT */
#include "daemon/properties.h"
#include "util/hash.h"
#include <assert.h>
#include <string.h>

static size_t basic_size(char type)
{
        switch (type) {
        case 'y':
                return 1;
        case 'n':
        case 'q':
                return 2;
        case 'b':
        case 'i':
        case 'u':
                return 4;
        default:
                return 8;
        }
}

/* Goes through a value of any type; our own, so it is as deep as our signatures are. */
static int digest_values(sd_bus_message *m, uint64_t *hash)
{
        const char *contents;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
                union {
                        uint64_t u64;
                        const char *string;
                } v = { 0 };

                *hash = hash_mix(*hash, &type, 1);
                if (strchr("avre", type)) {
                        r = sd_bus_message_enter_container(m, type, contents);
                        if (r >= 0)
                                r = digest_values(m, hash);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(m);
                        *hash = hash_mix(*hash, ")", 1);
                } else {
                        r = sd_bus_message_read_basic(m, type, &v);
                        if (r >= 0 && strchr("sog", type))
                                *hash = hash_mix(*hash, v.string, strlen(v.string) + 1);
                        else if (r >= 0)
                                *hash = hash_mix(*hash, &v, basic_size(type));
                }
                if (r < 0)
                        return r;
        }
        return r;
}

static int append_variant(
        sd_bus_message *m, const PropertiesChanged *c, const sd_bus_vtable *property)
{
        int r;

        r = sd_bus_message_open_container(m, 'v', property->x.property.signature);
        if (r >= 0)
                r = property->x.property.get(sd_bus_message_get_bus(m), c->path, c->interface,
                        property->x.property.member, m, c->context, NULL);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int digest(
        sd_bus *bus, const PropertiesChanged *c, const sd_bus_vtable *property, uint64_t *ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        uint64_t hash = HASH_INIT;
        int r;

        if ((r = sd_bus_message_new_signal(bus, &m, c->path, c->interface, "Digest")) < 0 ||
                (r = append_variant(m, c, property)) < 0 ||
                (r = sd_bus_message_seal(m, 1, 0)) < 0 || (r = sd_bus_message_rewind(m, 1)) < 0 ||
                (r = digest_values(m, &hash)) < 0)
                return r;
        *ret = hash;
        return 0;
}

/* The entries of a vtable have the size that its first one says. */
static const sd_bus_vtable *next_property(const sd_bus_vtable *vtable, const sd_bus_vtable *v)
{
        do
                v = (const sd_bus_vtable *) ((const char *) v + vtable->x.start.element_size);
        while (v->type != _SD_BUS_VTABLE_PROPERTY && v->type != _SD_BUS_VTABLE_END);
        return v->type == _SD_BUS_VTABLE_END ? NULL : v;
}

size_t properties_diff(sd_bus *bus, PropertiesChanged *c, uint64_t digests[static PROPERTIES_MAX])
{
        size_t i = 0;

        c->n_changed = 0;
        for (const sd_bus_vtable *v = next_property(c->vtable, c->vtable); v;
                v = next_property(c->vtable, v), i++) {
                uint64_t d;

                assert(i < PROPERTIES_MAX);
                if (!(v->flags & SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE))
                        continue;
                if (digest(bus, c, v, &d) < 0 || d == digests[i])
                        continue;
                digests[i] = d;
                c->changed[c->n_changed++] = v;
        }
        return c->n_changed;
}

static int append_entry(
        sd_bus_message *m, const PropertiesChanged *c, const sd_bus_vtable *property)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", property->x.property.member);
        if (r >= 0)
                r = append_variant(m, c, property);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int properties_build_changed(sd_bus_message *m, const void *arg)
{
        const PropertiesChanged *c = arg;
        int r;

        r = sd_bus_message_append(m, "s", c->interface);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; i < c->n_changed && r >= 0; i++)
                r = append_entry(m, c, c->changed[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_append(m, "as", 0);
}

int properties_append_all(sd_bus_message *m, const PropertiesChanged *c)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (const sd_bus_vtable *v = next_property(c->vtable, c->vtable); v && r >= 0;
                v = next_property(c->vtable, v))
                r = append_entry(m, c, v);
        return r < 0 ? r : sd_bus_message_close_container(m);
}
