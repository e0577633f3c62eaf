/* SPDX-License-Identifier: MIT */
#include "lib/fake-network.h"
#include "core/wsi.h"

struct Network {
        struct lws_context *cx;
        const Settings *settings;
        List links, watches;
};

int fake_network_new(Network **ret, struct lws_context *cx, const Settings *settings)
{
        Network *n = calloc(1, sizeof(*n));

        if (!n)
                return -ENOMEM;
        n->cx = cx;
        n->settings = settings;
        list_init(&n->links);
        list_init(&n->watches);
        *ret = n;
        return 0;
}

void fake_network_free(Network *network)
{
        free(network);
}

Thread *network_thread(const Network *network)
{
        return context_thread(network->cx, 0);
}

struct lws_vhost *network_vhost(const Network *network)
{
        return context_vhost_system(network->cx);
}

void network_watch_link(Network *network, NetworkWatch *watch)
{
        list_link_tail(&network->watches, &watch->link);
}

void network_watch_unlink(NetworkWatch *watch)
{
        list_unlink(&watch->link);
}

List *network_links(Network *network)
{
        return &network->links;
}
