/* SPDX-License-Identifier: MIT */
/* No resolver is built in. */
#include "helper/resolver.h"

int resolver_new(Resolver **ret, struct lws_context *cx, Network *network, const Settings *settings)
{
        *ret = NULL;
        return 0;
}

Resolver *resolver_free(Resolver *resolver)
{
        return NULL;
}

int resolver_reload(Resolver *resolver, const Settings *settings)
{
        return 0;
}

int resolver_lookup_host(Resolver *resolver, Lookup **ret, int ifindex, const char *name,
        int family, unsigned flags, LookupFn fn, void *userdata)
{
        return -EOPNOTSUPP;
}

int resolver_peek_host(Resolver *resolver, int ifindex, const char *name, int family,
        unsigned flags, LookupFn fn, void *userdata)
{
        return -EOPNOTSUPP;
}

int resolver_lookup_record(Resolver *resolver, Lookup **ret, int ifindex, const char *name,
        uint16_t class, uint16_t type, unsigned flags, LookupFn fn, void *userdata)
{
        return -EOPNOTSUPP;
}

Lookup *lookup_cancel(Lookup *lookup)
{
        return NULL;
}

void resolver_flush(Resolver *resolver)
{
}

void resolver_statistics(const Resolver *resolver, ResolverStatistics *ret)
{
        *ret = (ResolverStatistics){ 0 };
}

bool resolver_server(const Resolver *resolver, size_t i, ResolverServer *ret)
{
        return false;
}
