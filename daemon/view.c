/* SPDX-License-Identifier: MIT */
#include "daemon/view.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void view_init(View *view)
{
        *view = (View){ .state = LWS_SYSTATE_UNKNOWN };
}

static void record(View *view)
{
        if (view->n_timeline == VIEW_TIMELINE_MAX) {
                memmove(view->timeline, view->timeline + 1,
                        (VIEW_TIMELINE_MAX - 1) * sizeof(view->timeline[0]));
                view->n_timeline--;
        }
        view->timeline[view->n_timeline++] =
                (ViewEntry){ view->state, view->realtime_usec, view->monotonic_usec };
}

static bool enter(
        View *view, int state, usec_t realtime_usec, usec_t monotonic_usec, ViewChange *ret)
{
        if (state == view->state)
                return false;
        *ret = (ViewChange){ view->state, state };
        view->state = state;
        view->serial++;
        view->realtime_usec = realtime_usec;
        view->monotonic_usec = monotonic_usec;
        record(view);
        return true;
}

bool view_change(
        View *view, int state, usec_t realtime_usec, usec_t monotonic_usec, ViewChange *ret)
{
        int rank = state_rank(state);

        if (view->resuming && rank >= 0 && rank < state_rank(view->state))
                return false;
        view->resuming = false;
        return enter(view, state, realtime_usec, monotonic_usec, ret);
}

bool view_end_resume(
        View *view, int state, usec_t realtime_usec, usec_t monotonic_usec, ViewChange *ret)
{
        if (!view->resuming)
                return false;
        view->resuming = false;
        return enter(view, state, realtime_usec, monotonic_usec, ret);
}

size_t view_format(const View *view, const char *boot_id, char ret[static VIEW_TEXT_MAX])
{
        size_t used;

        used = (size_t) snprintf(ret, VIEW_TEXT_MAX,
                "boot %s\nserial %" PRIu64 "\nnetwork %" PRIu64 " %" PRIx64 "\n", boot_id,
                view->serial, view->network_epoch, view->network_digest);
        for (size_t i = 0; i < view->n_timeline && used < VIEW_TEXT_MAX; i++)
                used += (size_t) snprintf(ret + used, VIEW_TEXT_MAX - used,
                        "entered %s %" PRIu64 " %" PRIu64 "\n",
                        state_to_string(view->timeline[i].state), view->timeline[i].realtime_usec,
                        view->timeline[i].monotonic_usec);
        return MIN(used, (size_t) VIEW_TEXT_MAX - 1);
}

static int parse_line(View *view, const char *line)
{
        char name[32];
        ViewEntry e;

        if (sscanf(line, "serial %" SCNu64, &view->serial) == 1)
                return 0;
        if (sscanf(line, "network %" SCNu64 " %" SCNx64, &view->network_epoch,
                    &view->network_digest) == 2)
                return 0;
        if (sscanf(line, "entered %31s %" SCNu64 " %" SCNu64, name, &e.realtime_usec,
                    &e.monotonic_usec) != 3)
                return -EINVAL;
        e.state = state_from_string(name);
        if (e.state < 0)
                return -EINVAL;
        view->state = e.state;
        view->realtime_usec = e.realtime_usec;
        view->monotonic_usec = e.monotonic_usec;
        record(view);
        return 0;
}

int view_parse(View *view, const char *boot_id, char *text)
{
        char *save = NULL, *line = strtok_r(text, "\n", &save);
        View v;

        view_init(&v);
        if (!line || strncmp(line, "boot ", 5) != 0)
                return -EINVAL;
        if (strcmp(line + 5, boot_id) != 0)
                return -ESTALE;
        while ((line = strtok_r(NULL, "\n", &save)))
                if (parse_line(&v, line) < 0)
                        return -EINVAL;
        /* what policy had taken away was below POLICY_VALID; a stop in the middle of the end is
         * not remembered as one */
        if (v.state == LWS_SYSTATE_POLICY_INVALID)
                v.state = LWS_SYSTATE_CPD_POST_TIME;
        if (state_rank(v.state) < 0)
                return -EINVAL;
        v.resuming = state_rank(v.state) > 0;
        *view = v;
        return 0;
}
