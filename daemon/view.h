/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The ladder as others see it: state, serial, times, timeline. The same as the ladder, but for one
 * thing: after a restart it shows the state that was left, while the ladder climbs again underneath
 * on facts that still hold. What was never left is so never said to be. Pure.
 */
#include "state/table.h"
#include "util/clock.h"
#include <stddef.h>

#define VIEW_TIMELINE_MAX 64
#define VIEW_TEXT_MAX     8192

typedef struct ViewEntry ViewEntry;
struct ViewEntry {
        int state;
        usec_t realtime_usec, monotonic_usec;
};

typedef struct View View;
struct View {
        int state;
        uint64_t serial;
        usec_t realtime_usec, monotonic_usec; /* of the entry to `state` */
        ViewEntry timeline[VIEW_TIMELINE_MAX];
        size_t n_timeline;
        bool resuming;                          /* `state` is remembered, the ladder is below it */
        uint64_t network_epoch, network_digest; /* as network_epoch_resume() wants them */
};

/* One change that others are told of. */
typedef struct ViewChange ViewChange;
struct ViewChange {
        int old_state, new_state;
};

void view_init(View *view);
/* The ladder is in `state` now. True when that changed what is seen. */
bool view_change(
        View *view, int state, usec_t realtime_usec, usec_t monotonic_usec, ViewChange *ret);
/* The ladder was given its time to come back: from here on its state is what is seen. */
bool view_end_resume(
        View *view, int state, usec_t realtime_usec, usec_t monotonic_usec, ViewChange *ret);

/* As text for a file, with `boot_id` to tell a reboot from a restart. Returns its length. */
size_t view_format(const View *view, const char *boot_id, char ret[static VIEW_TEXT_MAX]);
/* Begins to resume what the text says. -ESTALE for that of another boot, -EINVAL for what
 * view_format() did not write; the view is then as it was. */
int view_parse(View *view, const char *boot_id, char *text);
