/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Slots: what an extended attachment or a watch has beyond a plain one. A table per service thread
 * that only grows, in chunks that never move, so that any thread may look at a slot at any time;
 * free slots are taken and given back without a lock.
 *
 * One word decides everything about a slot: generation and status, changed by compare-and-swap. A
 * handle names the slot and its generation; the other members may be read by anyone, but count only
 * if a later change of the word succeeds, which it does not once the slot was used anew.
 */
#include "util/error.h"
#include <lwsd/lws-timer.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Slot Slot;
typedef struct SlotTable SlotTable;

typedef enum SlotStatus {
        SLOT_FREE,
        SLOT_PENDING,
        SLOT_RUNNING,  /* its callback is being called */
        SLOT_STOPPING, /* a watch that was cancelled while its callback runs */
        SLOT_DEAD,     /* cancelled or expired; its thread still has to let go of it */
} SlotStatus;

struct Slot {
        _Atomic(void *) opaque;
        _Atomic(void (*)(void *)) destroy;
        _Atomic lws_usec_t deadline; /* 0: none */
        _Atomic uint64_t word;       /* generation << 32 | SLOT_IS_WATCH | status */
        _Atomic uint32_t link;       /* the next free slot; with `previous` also for deadline.c */
        uint32_t previous;           /* SLOT_NONE: in no list of deadlines */
};

enum {
        SLOT_CHUNK_MIN = 64,
        SLOT_CHUNKS = 20,
        SLOT_INDEX_BITS = 26,
};
#define SLOT_NONE UINT32_MAX

struct SlotTable {
        _Atomic(Slot *) chunks[SLOT_CHUNKS]; /* of 64, 128, 256, ... slots */
        _Atomic uint32_t used;               /* slots that were ever handed out */
        _Atomic uint64_t free;               /* tag << 32 | first free slot */
};

#define SLOT_IS_WATCH UINT64_C(0x100)

/* The same word in another status. */
static inline uint64_t slot_word(uint64_t word, SlotStatus status)
{
        return (word & ~UINT64_C(0xff)) | status;
}

static inline uint32_t slot_generation(uint64_t word)
{
        return (uint32_t) (word >> 32);
}

static inline SlotStatus slot_status(uint64_t word)
{
        return (SlotStatus) (word & 0xff);
}

void slots_init(SlotTable *t);
void slots_deinit(SlotTable *t);

/* Any thread. A slot in SLOT_FREE that nobody else has; -ENOMEM. */
int slot_new(SlotTable *t, uint32_t *ret_index);
/* NULL for an index that was never handed out. Any thread. */
Slot *slot_at(SlotTable *t, uint32_t index);
/* For an index that is known to be good. Any thread. */
Slot *slot_get(SlotTable *t, uint32_t index);
/* Ends this use: what names it names nothing from here on. Any thread. */
void slot_free(SlotTable *t, uint32_t index);
/* Fills it in and makes it SLOT_PENDING; the word it has now. By the one who got it. */
uint64_t slot_begin(SlotTable *t, uint32_t index, void *opaque, void (*destroy)(void *),
        lws_usec_t deadline, uint64_t flags);
/* One step; false when it is no longer in `from`. */
bool slot_change(Slot *slot, uint64_t from, SlotStatus to);
