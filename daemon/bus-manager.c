/* SPDX-License-Identifier: MIT */
#include "daemon/bus-common.h"
#include "daemon/holds.h"
#include "helper/policy.h"
#include "helper/portal.h"
#include "helper/registration.h"
#include "helper/token.h"
#include "state/table.h"
#include "util/fd.h"
#include "util/memfd.h"
#include "util/text.h"
#include <config.h>
#include <string.h>

/* ReportConnectivity() of one caller starts no more than one check in this time. */
#define REPORT_INTERVAL (10 * USEC_PER_SEC)
#define BLOB_MAX        (32 << 10)

/* -- Holds ------------------------------------------------------------------------------------- */

static int do_hold(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        Manager *manager = caller->manager;
        const char *name, *who, *why;
        _cleanup_fd_ int fd = -EBADF;
        int state = 0, r;

        r = sd_bus_message_read(m, "sss", &name, &who, &why);
        if (r >= 0)
                r = bus_parse_state(name, &state, error);
        if (r < 0)
                return r;
        if (!*who)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                        "A hold needs a name that says who holds");
        if (sd_bus_can_send(sd_bus_message_get_bus(m), 'h') <= 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED,
                        "This connection cannot carry file descriptors");
        r = holds_take(manager->holds, state, who, why, caller->uid, caller->pid, &fd);
        if (r == -EDQUOT)
                return sd_bus_error_setf(error, LWSD_ERROR_QUOTA_EXCEEDED,
                        "User %u has all of its %llu holds in use; let one go, or raise "
                        "QuotaHolds= "
                        "in lwsd.conf",
                        (unsigned) caller->uid,
                        (unsigned long long) quota_limit(
                                &manager->quota, caller->uid, QUOTA_HOLDS));
        if (r < 0)
                return r;
        system_hold_taken(manager->system, state, who);
        return sd_bus_reply_method_return(m, "h", fd);
}

static int append_hold(void *userdata, const HoldRecord *hold)
{
        BusList *arg = userdata;

        arg->size += sizeof(*hold);
        return sd_bus_message_append(arg->m, "(sssuu)", state_to_string(hold->state), hold->who,
                hold->why, (uint32_t) hold->uid, (uint32_t) hold->pid);
}

static int append_holds(Manager *manager, BusList *list)
{
        return holds_foreach(manager->holds, append_hold, list);
}

static int method_list_holds(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return bus_reply_list(userdata, m, "(sssuu)", append_holds);
}

/* -- Links ------------------------------------------------------------------------------------- */

static int append_links(Manager *manager, BusList *list)
{
        int r = 0;

        list_foreach (it, network_links(system_network(manager->system))) {
                const Link *link = list_entry(it, Link, link);
                char path[BUS_LINK_PATH_SIZE], name[IFNAMSIZ * 3];

                bus_link_path(link->ifindex, path);
                text_copy(name, sizeof(name), link->name);
                list->size += sizeof(path);
                if (r >= 0)
                        r = sd_bus_message_append(list->m, "(iso)", link->ifindex, name, path);
        }
        return r;
}

static int method_list_links(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return bus_reply_list(userdata, m, "(iso)", append_links);
}

static int method_get_link_by_name(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        BusContext *context = userdata;
        char path[BUS_LINK_PATH_SIZE];
        const char *name;
        Link *link;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        link = network_link_by_name(system_network(context->manager->system), name);
        if (!link)
                return sd_bus_error_setf(
                        error, LWSD_ERROR_NO_SUCH_LINK, "There is no link \"%s\"", name);
        bus_link_path(link->ifindex, path);
        return sd_bus_reply_method_return(m, "io", link->ifindex, path);
}

/* -- Commands ---------------------------------------------------------------------------------- */

static int do_invalidate_policy(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        system_invalidate_policy(caller->manager->system);
        return sd_bus_reply_method_return(m, NULL);
}

static int do_reload(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        char words[CONFIG_ERROR_SIZE] = "";
        int r;

        r = manager_reload(caller->manager, words);
        if (r < 0 && words[0])
                return sd_bus_error_set(error, LWSD_ERROR_BAD_CONFIGURATION, words);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int do_report_connectivity(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        Manager *manager = caller->manager;
        usec_t now = thread_now(manager->thread);
        PortalCheck *portal = system_portal(manager->system);
        int32_t ifindex;
        int ok, r;

        r = sd_bus_message_read(m, "ib", &ifindex, &ok);
        if (r < 0)
                return r;
        if (ifindex < 0 ||
                (ifindex > 0 && !network_link_by_index(system_network(manager->system), ifindex)))
                return sd_bus_error_setf(
                        error, LWSD_ERROR_NO_SUCH_LINK, "There is no link %d", ifindex);
        /* good news are news only where something else was believed */
        if (!portal || (ok && strcmp(portal_check_result(portal), "internet") == 0))
                return sd_bus_reply_method_return(m, NULL);
        if (caller->report_usec && now - caller->report_usec < REPORT_INTERVAL)
                return sd_bus_error_setf(error, LWSD_ERROR_RATE_LIMITED,
                        "One report in %llu seconds is enough",
                        (unsigned long long) (REPORT_INTERVAL / USEC_PER_SEC));
        caller->report_usec = now;
        portal_check_recheck(portal, ifindex);
        return sd_bus_reply_method_return(m, NULL);
}

/* -- Tokens and identity ----------------------------------------------------------------------- */

static TokenStage *token_stage(Caller *caller, const char *which)
{
        if (strcmp(which, "auth1") == 0)
                return system_token(caller->manager->system, 0);
        return strcmp(which, "auth2") == 0 ? system_token(caller->manager->system, 1) : NULL;
}

static int do_get_token(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        _cleanup_fd_ int fd = -EBADF;
        const char *which, *token;
        TokenStage *stage;
        usec_t expires = 0;
        int r;

        r = sd_bus_message_read(m, "s", &which);
        if (r < 0)
                return r;
        stage = token_stage(caller, which);
        token = stage ? token_stage_current(stage, &expires) : NULL;
        if (!token)
                return sd_bus_error_setf(error, LWSD_ERROR_NO_SUCH_TOKEN,
                        "There is no token \"%s\" now; they are \"auth1\" and \"auth2\", "
                        "see Waiting, and Provider= in lwsd.conf",
                        which);
        fd = memfd_new_sealed("lwsd-token", token, strlen(token));
        return fd < 0 ? fd : sd_bus_reply_method_return(m, "ht", fd, (uint64_t) expires);
}

/* Hands over what a provider of its own has obtained. `why` is filled where there is more to say
 * than that it is no good. */
static int put_blob(Caller *caller, const char *which, const char *data, size_t size,
        usec_t expires, char why[static POLICY_WHY_MAX])
{
        Registration *registration = system_registration(caller->manager->system);
        PolicyStage *policy = system_policy(caller->manager->system);
        TokenStage *stage = token_stage(caller, which);

        if (policy && strcmp(which, "policy-valid") == 0)
                return policy_stage_put(policy, data, size, why);
        if (stage)
                return token_stage_put(stage, data, size, expires);
        if (registration && strcmp(which, "registered") == 0)
                return registration_put(registration, data, size);
        return -EOPNOTSUPP;
}

static int set_blob(Caller *caller, const char *which, const void *data, size_t size,
        usec_t expires, sd_bus_error *error)
{
        char why[POLICY_WHY_MAX] = "";
        int r;

        if (size > BLOB_MAX)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                        "What was given for \"%s\" is longer than %d octets", which, BLOB_MAX);
        r = put_blob(caller, which, data, size, expires, why);
        if (r == -EOPNOTSUPP)
                return sd_bus_error_setf(error, LWSD_ERROR_NOT_AVAILABLE,
                        "\"%s\" is not \"policy-valid\", \"registered\", \"auth1\" or \"auth2\" "
                        "with Provider=hold",
                        which);
        if (r < 0 && why[0])
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, why);
        if (r == -ETIME)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                        "What was given for \"%s\" is not valid any more", which);
        if (r == -EBADMSG || r == -EKEYREJECTED)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                        "What was given for \"%s\" is not %s", which,
                        token_stage(caller, which) ? "a token"
                                                   : "PEM of a key and of the certificate for it");
        return r;
}

static int do_set_blob(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        const char *which;
        const void *data;
        void *copy = NULL;
        uint64_t expires;
        size_t size;
        int r;

        /* its memory is wiped when the message is freed */
        r = sd_bus_message_sensitive(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &which);
        if (r >= 0)
                r = bus_read_array(m, 'y', BLOB_MAX, &data, &size, &copy);
        if (r < 0)
                return r == -E2BIG ? set_blob(caller, which, NULL, SIZE_MAX, 0, error) : r;
        r = sd_bus_message_read(m, "t", &expires);
        if (r >= 0)
                r = set_blob(
                        caller, which, data, size, expires > 0 ? expires : USEC_INFINITY, error);
        if (copy)
                explicit_bzero(copy, size);
        free(copy);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

METHOD(attach, bus_attach);
METHOD(attach_many, bus_attach_many);
METHOD(detach, bus_detach);
METHOD(report_connectivity, do_report_connectivity);
METHOD_PRIVILEGED(hold, do_hold);
METHOD_PRIVILEGED(invalidate_policy, do_invalidate_policy);
METHOD_PRIVILEGED(reload, do_reload);
METHOD_PRIVILEGED(get_token, do_get_token);
METHOD_PRIVILEGED(set_blob, do_set_blob);

/* -- Properties -------------------------------------------------------------------------------- */

GETTER(state)
{
        return sd_bus_message_append(m, "s", state_to_string(MANAGER(userdata)->view.state));
}

GETTER(target)
{
        return sd_bus_message_append(
                m, "s", state_to_string(ladder_target(MANAGER(userdata)->ladder)));
}

GETTER(version)
{
        return sd_bus_message_append(m, "s", PACKAGE_VERSION);
}

GETTER(instance_id)
{
        return sd_bus_message_append(m, "s", MANAGER(userdata)->instance_id);
}

GETTER(state_serial)
{
        return sd_bus_message_append(m, "t", MANAGER(userdata)->view.serial);
}

GETTER(state_timestamp)
{
        return sd_bus_message_append(m, "t", (uint64_t) MANAGER(userdata)->view.realtime_usec);
}

GETTER(state_timestamp_monotonic)
{
        return sd_bus_message_append(m, "t", (uint64_t) MANAGER(userdata)->view.monotonic_usec);
}

typedef struct WaitingList WaitingList;
struct WaitingList {
        sd_bus_message *m;
        int r;
};

static void append_waiting(void *userdata, Hold *hold, const HoldInfo *info)
{
        WaitingList *arg = userdata;
        char who[256], why[512];

        text_copy(who, sizeof(who), info->who);
        text_copy(why, sizeof(why), info->why);
        if (arg->r >= 0)
                arg->r = sd_bus_message_append(arg->m, "(sssstt)", state_to_string(info->state),
                        who, info->code, why, (uint64_t) info->since_usec,
                        (uint64_t) info->next_try_usec);
}

GETTER(waiting)
{
        WaitingList arg = { .m = m };

        arg.r = sd_bus_message_open_container(m, 'a', "(sssstt)");
        if (arg.r >= 0)
                ladder_foreach_waiting(MANAGER(userdata)->ladder, append_waiting, &arg);
        return arg.r < 0 ? arg.r : sd_bus_message_close_container(m);
}

GETTER(timeline)
{
        const View *view = &MANAGER(userdata)->view;
        int r;

        r = sd_bus_message_open_container(m, 'a', "(stt)");
        for (size_t i = 0; i < view->n_timeline && r >= 0; i++)
                r = sd_bus_message_append(m, "(stt)", state_to_string(view->timeline[i].state),
                        (uint64_t) view->timeline[i].realtime_usec,
                        (uint64_t) view->timeline[i].monotonic_usec);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

GETTER(pending_attachments)
{
        return sd_bus_message_append(
                m, "u", (uint32_t) MIN(broker_pending(MANAGER(userdata)->broker), UINT32_MAX));
}

GETTER(network_epoch)
{
        return sd_bus_message_append(
                m, "t", network_epoch(system_network(MANAGER(userdata)->system)));
}

GETTER(captive_portal)
{
        return sd_bus_message_append(m, "s", system_portal_result(MANAGER(userdata)->system));
}

GETTER(captive_portal_url)
{
        PortalCheck *portal = system_portal(MANAGER(userdata)->system);
        char url[1024];

        text_copy(url, sizeof(url), portal ? portal_check_url(portal) : "");
        return sd_bus_message_append(m, "s", url);
}

static int append_policy_property(sd_bus_message *m, const PolicyProperty *p)
{
        switch (p->type) {
        case POLICY_TEXT:
                return sd_bus_message_append(m, "{sv}", p->name, "s", p->text);
        case POLICY_INTEGER:
                return sd_bus_message_append(m, "{sv}", p->name, "x", p->integer);
        case POLICY_REAL:
                return sd_bus_message_append(m, "{sv}", p->name, "d", p->real);
        case POLICY_BOOLEAN:
                return sd_bus_message_append(m, "{sv}", p->name, "b", (int) p->boolean);
        }
        return -EINVAL;
}

static const Policy *current_policy(BusContext *context)
{
        PolicyStage *stage = system_policy(context->manager->system);

        return stage ? policy_stage_current(stage) : NULL;
}

GETTER(policy)
{
        const Policy *policy = current_policy(userdata);
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; policy && i < policy->n_properties && r >= 0; i++)
                r = append_policy_property(m, &policy->properties[i]);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

GETTER(policy_version)
{
        const Policy *policy = current_policy(userdata);

        return sd_bus_message_append(m, "t", policy ? policy->version : 0);
}

const sd_bus_vtable bus_manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Attach", SD_BUS_ARGS("s", state, "a{sv}", options),
                SD_BUS_RESULT("t", id, "s", current), method_attach, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AttachMany", SD_BUS_ARGS("a(sa{sv})", attachments),
                SD_BUS_RESULT("at", ids, "s", current), method_attach_many, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Detach", SD_BUS_ARGS("at", ids), SD_BUS_NO_RESULT, method_detach, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Hold", SD_BUS_ARGS("s", state, "s", who, "s", why),
                SD_BUS_RESULT("h", fd), method_hold, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListHolds", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sssuu)", holds),
                method_list_holds, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListAttachments", SD_BUS_NO_ARGS,
                SD_BUS_RESULT("a(tssbuu)", attachments), method_list_attachments, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListLinks", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(iso)", links),
                method_list_links, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetLinkByName", SD_BUS_ARGS("s", name),
                SD_BUS_RESULT("i", ifindex, "o", path), method_get_link_by_name, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("InvalidatePolicy", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT,
                method_invalidate_policy, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ReportConnectivity", SD_BUS_ARGS("i", ifindex, "b", ok),
                SD_BUS_NO_RESULT, method_report_connectivity, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetToken", SD_BUS_ARGS("s", which),
                SD_BUS_RESULT("h", fd, "t", expires), method_get_token, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetBlob", SD_BUS_ARGS("s", which, "ay", contents, "t", expires),
                SD_BUS_NO_RESULT, method_set_blob, UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS(
                "Attached", SD_BUS_ARGS("at", ids, "s", state, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Left", SD_BUS_ARGS("at", ids, "s", state, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Expired", SD_BUS_ARGS("at", ids, "s", state), 0),
        SD_BUS_SIGNAL_WITH_ARGS("StateChanged", SD_BUS_ARGS("s", old, "s", new), 0),
        SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
        SD_BUS_PROPERTY("Target", "s", get_target, 0, CHANGES),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, CONST),
        SD_BUS_PROPERTY("InstanceId", "s", get_instance_id, 0, CONST),
        SD_BUS_PROPERTY("StateSerial", "t", get_state_serial, 0, CHANGES),
        SD_BUS_PROPERTY("StateTimestamp", "t", get_state_timestamp, 0, CHANGES),
        SD_BUS_PROPERTY("StateTimestampMonotonic", "t", get_state_timestamp_monotonic, 0, CHANGES),
        SD_BUS_PROPERTY("Waiting", "a(sssstt)", get_waiting, 0, CHANGES),
        SD_BUS_PROPERTY("Timeline", "a(stt)", get_timeline, 0, 0),
        SD_BUS_PROPERTY("PendingAttachments", "u", get_pending_attachments, 0, 0),
        SD_BUS_PROPERTY("NetworkEpoch", "t", get_network_epoch, 0, CHANGES),
        SD_BUS_PROPERTY("CaptivePortal", "s", get_captive_portal, 0, CHANGES),
        SD_BUS_PROPERTY("CaptivePortalUrl", "s", get_captive_portal_url, 0, CHANGES),
        SD_BUS_PROPERTY("Policy", "a{sv}", get_policy, 0, CHANGES),
        SD_BUS_PROPERTY("PolicyVersion", "t", get_policy_version, 0, CHANGES),
        SD_BUS_VTABLE_END,
};
