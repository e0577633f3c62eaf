/* SPDX-License-Identifier: MIT */
/* Attach(), AttachMany(), Detach() and the list of attachments, of org.lwsd1.Manager. */
#include "daemon/bus-common.h"
#include "daemon/encode.h"
#include "state/table.h"
#include <string.h>

static int read_option(sd_bus_message *m, const char *key, const char *name, char type, void *ret,
        sd_bus_error *error)
{
        const char contents[2] = { type, 0 };
        int r;

        if (strcmp(key, name) != 0)
                return 0;
        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r == -ENXIO)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                        "Option \"%s\" is of type %s", name, contents);
        if (r >= 0)
                r = sd_bus_message_read_basic(m, type, ret);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

/* s, a{sv} */
static int parse_request(sd_bus_message *m, BrokerRequest *ret, sd_bus_error *error)
{
        const char *state, *key;
        uint64_t timeout = 0;
        int persistent = 0;
        int r;

        r = sd_bus_message_read(m, "s", &state);
        if (r >= 0)
                r = bus_parse_state(state, &ret->state, error);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = read_option(m, key, "persistent", 'b', &persistent, error);
                if (r == 0)
                        r = read_option(m, key, "timeout-usec", 't', &timeout, error);
                if (r == 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        ret->persistent = persistent;
        ret->timeout_usec = timeout;
        return r;
}

static int attach_error(const Caller *caller, int r, sd_bus_error *error)
{
        const Quota *quota = &caller->manager->quota;

        if (r != -EDQUOT)
                return r;
        return sd_bus_error_setf(error, LWSD_ERROR_QUOTA_EXCEEDED,
                "User %u has %llu of its %llu attachments in use and asks for more than are left; "
                "detach some, or raise QuotaAttachments= in lwsd.conf",
                (unsigned) caller->uid,
                (unsigned long long) quota_used(quota, caller->uid, QUOTA_ATTACHMENTS),
                (unsigned long long) quota_limit(quota, caller->uid, QUOTA_ATTACHMENTS));
}

static int attach_reply(Caller *caller, sd_bus_message *m, const uint64_t *ids, size_t n, bool many)
{
        const char *state = state_to_string(caller->manager->view.state);
        Encoded bytes;
        uint64_t call;
        int r;

        if (sd_bus_message_get_expect_reply(m) == 0)
                return 0;
        r = sd_bus_message_get_cookie(m, &call);
        if (r >= 0)
                r = encode_attach_reply(&bytes, caller->name, (uint32_t) call, ids, n, many, state);
        if (r >= 0)
                conn_send_bytes(caller->conn, bytes.data, bytes.size);
        return r;
}

/* All of them or none: what nobody can be told of does not stay. Behind the reply, what holds
 * already is told at once: a turn of the loop would cost as much as the rest of the way. */
static int attach(Caller *caller, sd_bus_message *m, const BrokerRequest *requests, size_t n,
        uint64_t *ids, bool many, sd_bus_error *error)
{
        Manager *manager = caller->manager;
        usec_t now = thread_now(manager->thread);
        int r;

        r = broker_attach(caller->owner, requests, n, now, ids);
        if (r < 0)
                return attach_error(caller, r, error);
        r = attach_reply(caller, m, ids, n, many);
        if (r < 0) {
                (void) broker_detach(caller->owner, ids, n, false);
                return r;
        }
        timer_cancel(&manager->broker_timer); /* set anew where it is still needed */
        broker_process(manager->broker, now);
        return 1;
}

int bus_attach(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        BrokerRequest request = { 0 };
        uint64_t id;
        int r;

        r = parse_request(m, &request, error);
        return r < 0 ? r : attach(caller, m, &request, 1, &id, false, error);
}

static int parse_requests(
        Caller *caller, sd_bus_message *m, BrokerRequest **ret, size_t *ret_n, sd_bus_error *error)
{
        uint64_t limit = quota_limit(&caller->manager->quota, caller->uid, QUOTA_ATTACHMENTS);
        _cleanup_(freep) BrokerRequest *requests = NULL;
        size_t n = 0, capacity = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(sa{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sa{sv}")) > 0) {
                if (n >= limit)
                        return attach_error(caller, -EDQUOT, error);
                if (n == capacity) {
                        BrokerRequest *p;

                        capacity = capacity ? 2 * capacity : 16;
                        p = reallocarray(requests, capacity, sizeof(*p));
                        if (!p)
                                return -ENOMEM;
                        requests = p;
                }
                requests[n] = (BrokerRequest){ 0 };
                r = parse_request(m, &requests[n++], error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(requests);
        *ret_n = n;
        return 0;
}

int bus_attach_many(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        _cleanup_(freep) BrokerRequest *requests = NULL;
        _cleanup_(freep) uint64_t *ids = NULL;
        size_t n = 0;
        int r;

        r = parse_requests(caller, m, &requests, &n, error);
        if (r < 0)
                return r;
        ids = calloc(n + 1, sizeof(*ids));
        return ids ? attach(caller, m, requests, n, ids, true, error) : -ENOMEM;
}

int bus_detach(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        uint64_t limit = quota_limit(&caller->manager->quota, caller->uid, QUOTA_ATTACHMENTS);
        _cleanup_(freep) void *copy = NULL;
        const void *ids;
        size_t size;
        int r;

        r = bus_read_array(m, 't', limit * sizeof(uint64_t), &ids, &size, &copy);
        if (r == -E2BIG) /* more than it can have */
                r = -ENOENT;
        else if (r >= 0)
                r = broker_detach(caller->owner, ids, size / sizeof(uint64_t), caller->uid == 0);
        if (r == -ENOENT)
                return sd_bus_error_set(error, LWSD_ERROR_NO_SUCH_ATTACHMENT,
                        "One of these is no attachment of this connection, or has ended; none was "
                        "detached");
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int append_attachment(void *userdata, const BrokerInfo *info)
{
        BusList *arg = userdata;

        arg->size += 64;
        return sd_bus_message_append(arg->m, "(tssbuu)", info->id, state_to_string(info->state),
                broker_owner_name(info->owner), info->persistent,
                (uint32_t) broker_owner_uid(info->owner), (uint32_t) broker_owner_pid(info->owner));
}

static int append_attachments(Manager *manager, BusList *list)
{
        return broker_foreach(manager->broker, append_attachment, list);
}

int method_list_attachments(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return bus_reply_list(userdata, m, "(tssbuu)", append_attachments);
}
