/* SPDX-License-Identifier: MIT */
#pragma once
/* Links against the real kernel, in a network namespace of each test's own. */
#include "helper/link.h"
#include "helper/network-private.h"
#include "netns.h"
#include "suite.h"
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_USEC (20 * USEC_PER_SEC)

typedef struct Fixture Fixture;
struct Fixture {
        struct lws_context *cx;
        Settings *settings;
        Network *network;
        NetworkWatch watch;
        unsigned n_changed, n_epochs;
        LadderWatch ladder_watch;
        unsigned n_falls;
};

static _unused_ void on_changed(NetworkWatch *watch, bool epoch_changed)
{
        list_entry(watch, Fixture, watch)->n_changed++;
        list_entry(watch, Fixture, watch)->n_epochs += epoch_changed;
}

static _unused_ void on_ladder(LadderWatch *watch, const LadderChange *change)
{
        if (change->new_state < change->old_state)
                list_entry(watch, Fixture, ladder_watch)->n_falls++;
}

static _unused_ void start(Fixture *f)
{
        ck_assert_int_eq(network_new(&f->network, f->cx, f->settings), 0);
        f->watch.changed = on_changed;
        network_watch_link(f->network, &f->watch);
        ck_assert_int_eq(network_start(f->network), 0);
}

static _unused_ Fixture *fixture_new(void)
{
        struct lws_context_creation_info info;
        Fixture *f = calloc(1, sizeof(*f));

        ck_assert_int_eq(netns_private(), 0);
        lws_context_info_defaults(&info, NULL);
        f->cx = lws_create_context(&info);
        ck_assert_ptr_nonnull(f->cx);
        ck_assert_int_eq(settings_new(&f->settings), 0);
        f->ladder_watch.changed = on_ladder;
        ladder_watch_link(context_ladder(f->cx), &f->ladder_watch);
        return f;
}

static _unused_ void fixture_free(Fixture *f)
{
        network_free(f->network);
        settings_free(f->settings);
        lws_context_destroy(f->cx);
        free(f);
}

static _unused_ void turn(Fixture *f, int limit_msec)
{
        struct pollfd p = { .fd = lws_context_get_fd(f->cx, 0),
                .events = (short) lws_context_get_events(f->cx, 0) };
        int timeout = lws_context_get_timeout(f->cx, 0);

        if (timeout < 0 || timeout > limit_msec)
                timeout = limit_msec;
        (void) poll(&p, 1, timeout);
        (void) lws_context_dispatch(f->cx, 0);
}

#define wait_until(f, condition)                                                                   \
        do {                                                                                       \
                usec_t wait_end = clock_boottime_usec() + WAIT_USEC;                               \
                while (!(condition)) {                                                             \
                        ck_assert_msg(clock_boottime_usec() < wait_end, "never: %s", #condition);  \
                        turn(f, 100);                                                              \
                }                                                                                  \
        } while (0)

static _unused_ void turn_for(Fixture *f, usec_t usec)
{
        usec_t end = clock_boottime_usec() + usec;

        while (clock_boottime_usec() < end)
                turn(f, (int) ((end - clock_boottime_usec()) / USEC_PER_MSEC) + 1);
}

static _unused_ Link *find(Fixture *f, const char *name)
{
        return network_link_by_name(f->network, name);
}

static _unused_ IpAddr ip(const char *s)
{
        IpAddr addr;

        ck_assert_int_eq(ip_parse(s, &addr), 0);
        return addr;
}

static _unused_ bool has(const Link *link, const char *addr)
{
        IpAddr want = ip(addr);

        for (size_t i = 0; link && i < link->n_addresses; i++)
                if (ip_equal(&link->addresses[i].prefix.addr, &want))
                        return true;
        return false;
}

static _unused_ bool is_ours(const Link *link, const char *addr)
{
        IpAddr want = ip(addr);

        for (size_t i = 0; i < link->n_addresses; i++)
                if (ip_equal(&link->addresses[i].prefix.addr, &want))
                        return link->addresses[i].ours;
        return false;
}

static _unused_ bool at(Fixture *f, int state)
{
        return ladder_state(context_ladder(f->cx)) == state;
}

static _unused_ void first_waiting(void *userdata, Hold *hold, const HoldInfo *info)
{
        char *text = userdata;

        if (!text[0])
                snprintf(text, 128, "%s|%s|%s", info->who, info->code, info->why);
}

static _unused_ bool waits_for(Fixture *f, const char *want)
{
        char text[128] = "";

        ladder_foreach_waiting(context_ladder(f->cx), first_waiting, text);
        return strcmp(text, want) == 0;
}

/* What `ip` shows holds (or not) the text. */
#define shell(...)                                                                                 \
        do {                                                                                       \
                char shell_line[1024];                                                             \
                snprintf(shell_line, sizeof(shell_line), __VA_ARGS__);                             \
                ck_assert_int_eq(netns_sh(shell_line), 0);                                         \
        } while (0)

static _unused_ LinkSettings *add_section(Fixture *f, const char *glob)
{
        LinkSettings *link;

        ck_assert_int_eq(settings_add_link(f->settings, glob, &link), 0);
        link->managed = true;
        link->dhcp = DHCP_MODE_NO;
        return link;
}

/* Each test makes its own namespaces; whether it may is found out beforehand, in a child. */
static inline bool may_have_namespaces(void)
{
        pid_t pid = fork();
        int status = 0;

        if (pid == 0)
                _exit(netns_private() < 0);
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

#define NETNS_SUITE(name, ...)                                                                     \
        int main(void)                                                                             \
        {                                                                                          \
                const TTest *const tests[] = { __VA_ARGS__ };                                      \
                                                                                                   \
                if (!may_have_namespaces())                                                        \
                        return TEST_SKIP;                                                          \
                return suite_run(name, tests, sizeof(tests) / sizeof(tests[0]));                   \
        }
