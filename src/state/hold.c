/* SPDX-License-Identifier: MIT */
#include "state/ladder-private.h"
#include "util/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Something a watch may show has changed; the machine looks again at the next turn. */
static void hold_changed(Hold *hold)
{
        hold->ladder->waiting_changed = true;
        ladder_wake(hold->ladder, 0);
}

int hold_new(Hold **ret, Ladder *ladder, int state, HoldKind kind, const char *who)
{
        Hold *hold;

        if (!state_is_attachable(state))
                return -EINVAL;
        hold = calloc(1, sizeof(*hold));
        if (!hold)
                return -ENOMEM;
        list_init(&hold->link);
        hold->ladder = ladder;
        hold->rank = state_rank(state);
        hold->kind = kind;
        text_copy(hold->who, sizeof(hold->who), who ? who : "");
        *ret = hold;
        return 0;
}

Hold *hold_free(Hold *hold)
{
        if (!hold)
                return NULL;
        hold_drop(hold);
        free(hold);
        return NULL;
}

bool hold_is_asserted(const Hold *hold)
{
        return list_is_linked(&hold->link);
}

void hold_assert(Hold *hold, const char *code, usec_t next_try_usec, const char *fmt, ...)
{
        char raw[HOLD_TEXT_MAX * 2], why[HOLD_TEXT_MAX];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(raw, sizeof(raw), fmt, ap);
        va_end(ap);
        text_copy(why, sizeof(why), raw);
        if (!hold_is_asserted(hold)) {
                list_link_tail(&hold->ladder->holds[hold->kind][hold->rank], &hold->link);
                hold->since_usec = hold->ladder->clocks.monotonic();
                hold->missing_usec = USEC_INFINITY;
        } else if (strcmp(hold->code, code) == 0 && strcmp(hold->why, why) == 0 &&
                   hold->next_try_usec == next_try_usec)
                return;
        text_copy(hold->code, sizeof(hold->code), code);
        hold->next_try_usec = next_try_usec;
        memcpy(hold->why, why, sizeof(why));
        hold_changed(hold);
}

void hold_drop(Hold *hold)
{
        if (!hold_is_asserted(hold))
                return;
        list_unlink(&hold->link);
        hold_changed(hold);
}

void hold_set_owner(Hold *hold, uid_t uid, pid_t pid)
{
        hold->uid = uid;
        hold->pid = pid;
}

void hold_set_who(Hold *hold, const char *who)
{
        char text[HOLD_TEXT_MAX];

        text_copy(text, sizeof(text), who);
        if (strcmp(text, hold->who) == 0)
                return;
        memcpy(hold->who, text, sizeof(text));
        if (hold_is_asserted(hold))
                hold_changed(hold);
}

HoldInfo hold_info(const Hold *hold)
{
        return (HoldInfo){
                .state = state_at_rank(hold->rank),
                .kind = hold->kind,
                .who = hold->who,
                .code = hold->code,
                .why = hold->why,
                .since_usec = hold->since_usec,
                .next_try_usec = hold->next_try_usec,
                .uid = hold->uid,
                .pid = hold->pid,
        };
}

static void foreach_in(List *head, HoldFn fn, void *userdata)
{
        list_foreach (it, head) {
                Hold *hold = list_entry(it, Hold, link);
                HoldInfo info = hold_info(hold);

                fn(userdata, hold, &info);
        }
}

/* The next rung is kept away by what holds it, and by a requirement of a lower one that is missing
 * but has not been missing long enough for a fall. At the goal nothing keeps the next one away. */
void ladder_foreach_waiting(Ladder *ladder, HoldFn fn, void *userdata)
{
        bool climbs = ladder->rank < ladder_goal(ladder);

        for (int rank = 1; rank <= ladder->rank + climbs; rank++)
                foreach_in(&ladder->holds[HOLD_REQUIRED][rank], fn, userdata);
        if (climbs)
                foreach_in(&ladder->holds[HOLD_ENTRY][ladder->rank + 1], fn, userdata);
}

void ladder_foreach_hold(Ladder *ladder, HoldFn fn, void *userdata)
{
        for (int rank = 1; rank < LADDER_RUNGS; rank++) {
                foreach_in(&ladder->holds[HOLD_REQUIRED][rank], fn, userdata);
                foreach_in(&ladder->holds[HOLD_ENTRY][rank], fn, userdata);
        }
}
