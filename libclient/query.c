/* SPDX-License-Identifier: MIT */
#include "dbus/names.h"
#include "libclient/client-private.h"
#include <string.h>
#include <sys/socket.h>

/* Look-ups: asked when lwsd is there, asked again when it went away in the middle. */

#define QUERY_TIMEOUT_USEC (UINT64_C(60) * 1000000)
#define QUERY_NAME_MAX     1024u
#define QUERY_ITEMS_MAX    4096u
#define QUERIES_ASKED_MAX  32u /* at a time; the others wait here, not in the queue of sd-bus */
#define DNS_CLASS_IN       1u

static void query_free(lwsd_query *q)
{
        sd_bus_slot_unref(q->call);
        sd_bus_message_unref(q->reply);
        free(q->addresses);
        free(q->record_list);
        free(q->text);
        free(q->name);
        free(q);
}

static void query_set_asked(lwsd_client *client, lwsd_query *q, bool asked)
{
        if (q->phase == QUERY_ASKED && !asked)
                client->queries_asked--;
        else if (q->phase != QUERY_ASKED && asked)
                client->queries_asked++;
        if (!asked)
                q->call = sd_bus_slot_unref(q->call);
}

static void query_unlink(lwsd_client *client, lwsd_query *q)
{
        query_set_asked(client, q, false);
        q->phase = QUERY_DONE;
        client_not_due(client, &q->due);
        TAILQ_REMOVE(&client->queries, q, link);
        q->client = NULL;
}

static void query_run(lwsd_client *client, Due *due)
{
        lwsd_query *q = (lwsd_query *) due;

        query_unlink(client, q);
        q->busy = true;
        q->cb(q, &q->answer, q->opaque);
        q->busy = false;
        if (q->dead || !q->owned)
                query_free(q);
}

static void query_finish(lwsd_client *client, lwsd_query *q, int result, const char *text)
{
        query_set_asked(client, q, false);
        q->phase = QUERY_DONE;
        q->answer.result = result;
        if (text)
                q->text = strdup(text);
        q->answer.text = q->text ? q->text : result < 0 ? strerror(-result) : "";
        if (!q->answer.canonical)
                q->answer.canonical = "";
        client_due(client, &q->due);
}

static int query_new(lwsd_client *client, lwsd_query **ret, const char *name, int family,
        uint16_t type, bool records, lwsd_query_cb_t cb, void *opaque)
{
        int r = client_check(client);
        lwsd_query *q;

        if (r < 0)
                return r;
        if (!name || !name[0] || strlen(name) > QUERY_NAME_MAX || !cb)
                return -EINVAL;
        q = calloc(1, sizeof *q);
        if (!q)
                return -ENOMEM;
        q->name = strdup(name);
        if (!q->name) {
                query_free(q);
                return -ENOMEM;
        }
        q->client = client;
        q->family = family;
        q->type = type;
        q->records = records;
        q->cb = cb;
        q->opaque = opaque;
        q->owned = ret != NULL;
        q->deadline = client_now() + QUERY_TIMEOUT_USEC;
        q->due.run = query_run;
        TAILQ_INSERT_TAIL(&client->queries, q, link);
        client_kick(client);
        if (ret)
                *ret = q;
        return 0;
}

_public_ int lwsd_client_resolve(lwsd_client *client, lwsd_query **ret_query, const char *name,
        int family, lwsd_query_cb_t cb, void *opaque)
{
        if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6)
                return -EAFNOSUPPORT;
        return query_new(client, ret_query, name, family, 0, false, cb, opaque);
}

_public_ int lwsd_client_resolve_record(lwsd_client *client, lwsd_query **ret_query,
        const char *name, uint16_t rr_type, lwsd_query_cb_t cb, void *opaque)
{
        return query_new(client, ret_query, name, AF_UNSPEC, rr_type, true, cb, opaque);
}

_public_ lwsd_query *lwsd_query_unref(lwsd_query *query)
{
        if (!query)
                return NULL;
        if (query->client)
                query_unlink(query->client, query);
        if (query->busy)
                query->dead = true;
        else
                query_free(query);
        return NULL;
}

/* -- Answers ---------------------------------------------------------------------------------- */

/* Grows an array by one zeroed element at its end; NULL when there is no memory or no end. */
static void *grow(void **array, size_t *n, size_t size)
{
        char *bigger = *n < QUERY_ITEMS_MAX ? reallocarray(*array, *n + 1, size) : NULL;

        if (!bigger)
                return NULL;
        *array = bigger;
        return memset(bigger + (*n)++ * size, 0, size);
}

static int query_read_addresses(lwsd_query *q, sd_bus_message *m)
{
        int r = sd_bus_message_enter_container(m, 'a', "(iiay)");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "iiay")) > 0) {
                lwsd_address *address =
                        grow((void **) &q->addresses, &q->answer.n_addresses, sizeof *address);
                const void *bytes;
                size_t size;

                if (!address)
                        return -ENOMEM;
                r = sd_bus_message_read(m, "ii", &address->ifindex, &address->family);
                if (r >= 0)
                        r = sd_bus_message_read_array(m, 'y', &bytes, &size);
                if (r < 0)
                        return r;
                if (size != (address->family == AF_INET ? 4 : 16))
                        return -EBADMSG;
                memcpy(address->bytes, bytes, size);
                r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "st", &q->answer.canonical, &q->answer.flags);
        q->answer.addresses = q->addresses;
        return r;
}

static int query_read_records(lwsd_query *q, sd_bus_message *m)
{
        int r = sd_bus_message_enter_container(m, 'a', "(iqqay)");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "iqqay")) > 0) {
                lwsd_record *record =
                        grow((void **) &q->record_list, &q->answer.n_records, sizeof *record);

                if (!record)
                        return -ENOMEM;
                r = sd_bus_message_read(
                        m, "iqq", &record->ifindex, &record->rr_class, &record->rr_type);
                if (r >= 0)
                        r = sd_bus_message_read_array(
                                m, 'y', (const void **) &record->wire, &record->wire_size);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &q->answer.flags);
        q->answer.records = q->record_list;
        return r;
}

static int query_on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        lwsd_query *q = userdata;
        lwsd_client *client = q->client;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        int r;

        if (connection_reply_is_loss(client, m))
                return 1;
        if (error) {
                query_finish(client, q, client_errno(error), error->message);
                return 1;
        }
        q->reply = sd_bus_message_ref(m);
        r = q->records ? query_read_records(q, m) : query_read_addresses(q, m);
        if (r < 0) {
                q->answer = (lwsd_answer){ 0 };
                query_finish(client, q, -EBADMSG, "lwsd sent an answer that cannot be read");
        } else {
                query_finish(client, q, 0, NULL);
        }
        return 1;
}

/* -- Asking ----------------------------------------------------------------------------------- */

bool queries_are_unsent(const lwsd_client *client)
{
        const lwsd_query *q;

        if (client->queries_asked >= QUERIES_ASKED_MAX)
                return false;
        TAILQ_FOREACH(q, &client->queries, link)
        if (q->phase == QUERY_UNSENT)
                return true;
        return false;
}

static int query_send(lwsd_client *client, lwsd_query *q)
{
        _cleanup_(message_unrefp) sd_bus_message *m = NULL;
        int r = connection_call(client, &m, LWSD_INTERFACE_RESOLVER,
                q->records ? "ResolveRecord" : "ResolveHostname");

        if (r >= 0 && q->records)
                r = sd_bus_message_append(
                        m, "isqqt", 0, q->name, DNS_CLASS_IN, q->type, UINT64_C(0));
        else if (r >= 0)
                r = sd_bus_message_append(m, "isit", 0, q->name, q->family, UINT64_C(0));
        if (r >= 0)
                r = connection_send(client, m, &q->call, query_on_reply, q, NEVER);
        if (r < 0)
                return r;
        query_set_asked(client, q, true);
        q->phase = QUERY_ASKED;
        return 0;
}

void queries_flush(lwsd_client *client)
{
        lwsd_query *q;

        TAILQ_FOREACH(q, &client->queries, link)
        {
                int r;

                if (client->queries_asked >= QUERIES_ASKED_MAX || !connection_is_ready(client))
                        return;
                if (q->phase != QUERY_UNSENT)
                        continue;
                r = query_send(client, q);
                if (r < 0 && connection_is_ready(client))
                        query_finish(client, q, r, NULL);
        }
}

void queries_lost(lwsd_client *client)
{
        lwsd_query *q;

        TAILQ_FOREACH(q, &client->queries, link)
        if (q->phase == QUERY_ASKED) {
                query_set_asked(client, q, false);
                q->phase = QUERY_UNSENT;
        }
}

uint64_t queries_deadline(const lwsd_client *client)
{
        const lwsd_query *q;

        /* in the order of asking, so the first that is not done is due first */
        TAILQ_FOREACH(q, &client->queries, link)
        if (q->phase != QUERY_DONE)
                return q->deadline;
        return NEVER;
}

void queries_expire(lwsd_client *client, uint64_t now)
{
        lwsd_query *q;

        TAILQ_FOREACH(q, &client->queries, link)
        {
                if (q->phase == QUERY_DONE)
                        continue;
                if (q->deadline > now)
                        return;
                query_finish(client, q, -ETIMEDOUT,
                        client->connection.phase == PHASE_ANSWERED
                                ? "no answer within a minute"
                                : "lwsd could not be reached within a minute");
        }
}

void queries_deinit(lwsd_client *client)
{
        while (!TAILQ_EMPTY(&client->queries)) {
                lwsd_query *q = TAILQ_FIRST(&client->queries);

                query_unlink(client, q);
                if (!q->owned && !q->busy)
                        query_free(q);
        }
}
