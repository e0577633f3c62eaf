/* SPDX-License-Identifier: MIT */
#include "helper/stage-holds.h"
#include "state/table.h"
#include <string.h>

typedef struct Stage Stage;
struct Stage {
        List link;
        int state;
        char *who; /* NULL: anyone */
        Hold *hold;
        bool there, expected;
};

struct StageHolds {
        Ladder *ladder;
        List list;
};

static void stage_free(Stage *s)
{
        list_unlink(&s->link);
        hold_free(s->hold);
        free(s->who);
        free(s);
}

static bool stage_matches(const Stage *s, int state, const char *who)
{
        return s->state == state && (!s->who || strcmp(s->who, who) == 0);
}

/* It has come: until it lets go, its own hold keeps the rung, and says why. */
void stage_holds_taken(StageHolds *stages, int state, const char *who)
{
        list_foreach (it, &stages->list) {
                Stage *s = list_entry(it, Stage, link);

                if (stage_matches(s, state, who))
                        hold_drop(s->hold);
        }
}

static void note_hold(void *userdata, Hold *hold, const HoldInfo *info)
{
        StageHolds *stages = userdata;

        if (strcmp(info->code, "held") != 0)
                return;
        list_foreach (it, &stages->list) {
                Stage *s = list_entry(it, Stage, link);

                s->there |= stage_matches(s, info->state, info->who);
        }
}

/* Those that were taken before anyone was expected. */
static void look(StageHolds *stages)
{
        ladder_foreach_hold(stages->ladder, note_hold, stages);
        list_foreach (it, &stages->list) {
                Stage *s = list_entry(it, Stage, link);

                if (s->there)
                        hold_drop(s->hold);
        }
}

static Stage *stage_find(StageHolds *stages, int state, const char *who)
{
        list_foreach (it, &stages->list) {
                Stage *s = list_entry(it, Stage, link);

                if (s->state == state &&
                        (who ? s->who && strcmp(s->who, who) == 0 : s->who == NULL))
                        return s;
        }
        return NULL;
}

static int expect(StageHolds *stages, int state, const char *who)
{
        Stage *s = stage_find(stages, state, who);
        int r;

        if (s) {
                s->expected = true;
                return 0;
        }
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->state = state;
        s->expected = true;
        list_link_tail(&stages->list, &s->link);
        r = hold_new(&s->hold, stages->ladder, state, HOLD_ENTRY, who ? who : "provider");
        if (r >= 0 && who && !(s->who = strdup(who)))
                r = -ENOMEM;
        if (r < 0) {
                stage_free(s);
                return r;
        }
        if (who)
                hold_assert(s->hold, "expected", 0, "%s has not taken its hold of %s yet", who,
                        state_to_string(state));
        else
                hold_assert(s->hold, "expected", 0, "no provider has taken a hold of %s yet",
                        state_to_string(state));
        return 0;
}

static int expect_all(StageHolds *stages, const Settings *settings)
{
        const struct {
                int state;
                StageProvider provider;
        } providers[] = {
                { portal_rung(&settings->portal), settings->portal.provider },
                { LWS_SYSTATE_POLICY_VALID, settings->policy.provider },
                { LWS_SYSTATE_REGISTERED, settings->registration.provider },
                { LWS_SYSTATE_AUTH1, settings->auth1.provider },
                { LWS_SYSTATE_AUTH2, settings->auth2.provider },
        };
        int r = 0;

        for (size_t i = 0; i < settings->expected_holds.n && r >= 0; i++)
                r = expect(stages, settings->expected_holds.items[i].state,
                        settings->expected_holds.items[i].who);
        for (size_t i = 0; i < ELEMENTSOF(providers) && r >= 0; i++)
                if (providers[i].provider == STAGE_PROVIDER_HOLD)
                        r = expect(stages, providers[i].state, NULL);
        return r;
}

int stage_holds_new(StageHolds **ret, Ladder *ladder, const Settings *settings)
{
        _cleanup_(stage_holds_freep) StageHolds *stages = calloc(1, sizeof(*stages));
        int r;

        if (!stages)
                return -ENOMEM;
        stages->ladder = ladder;
        list_init(&stages->list);
        r = expect_all(stages, settings);
        if (r < 0)
                return r;
        look(stages);
        *ret = TAKE_PTR(stages);
        return 0;
}

StageHolds *stage_holds_free(StageHolds *stages)
{
        if (!stages)
                return NULL;
        list_foreach_safe (it, &stages->list)
                stage_free(list_entry(it, Stage, link));
        free(stages);
        return NULL;
}

int stage_holds_reload(StageHolds *stages, const Settings *settings)
{
        int r;

        list_foreach (it, &stages->list)
                list_entry(it, Stage, link)->expected = false;
        r = expect_all(stages, settings);
        if (r < 0)
                return r;
        list_foreach_safe (it, &stages->list) {
                Stage *s = list_entry(it, Stage, link);

                if (!s->expected)
                        stage_free(s);
        }
        look(stages);
        return 0;
}

void stage_holds_resume(StageHolds *stages, int state)
{
        list_foreach (it, &stages->list) {
                Stage *s = list_entry(it, Stage, link);

                if (state_rank(s->state) <= state_rank(state))
                        hold_drop(s->hold);
        }
}
