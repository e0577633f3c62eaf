/* SPDX-License-Identifier: MIT */
#include "core/slot.h"

static unsigned chunk_of(uint32_t index, uint32_t *ret_offset)
{
        uint32_t n = index / SLOT_CHUNK_MIN + 1;
        unsigned chunk = 31u - (unsigned) __builtin_clz(n);

        *ret_offset = index - SLOT_CHUNK_MIN * ((1u << chunk) - 1);
        return chunk;
}

static size_t chunk_slots(unsigned chunk)
{
        return (size_t) SLOT_CHUNK_MIN << chunk;
}

static Slot *chunk_get(SlotTable *t, unsigned chunk)
{
        return atomic_load_explicit(&t->chunks[chunk], memory_order_acquire);
}

void slots_init(SlotTable *t)
{
        atomic_init(&t->free, SLOT_NONE);
}

void slots_deinit(SlotTable *t)
{
        for (unsigned i = 0; i < SLOT_CHUNKS; i++)
                free(t->chunks[i]);
        /* handles name nothing, should the last callbacks of the context ask */
        atomic_store_explicit(&t->used, 0, memory_order_relaxed);
}

Slot *slot_get(SlotTable *t, uint32_t index)
{
        uint32_t offset;
        unsigned chunk = chunk_of(index, &offset);

        return chunk_get(t, chunk) + offset;
}

Slot *slot_at(SlotTable *t, uint32_t index)
{
        return index < atomic_load_explicit(&t->used, memory_order_acquire) ? slot_get(t, index)
                                                                            : NULL;
}

static int make_chunk(SlotTable *t, unsigned chunk)
{
        size_t n = chunk_slots(chunk);
        Slot *expected = NULL, *c;

        if (chunk_get(t, chunk))
                return 0;
        c = calloc(n, sizeof(Slot));
        if (!c)
                return -ENOMEM;
        if (!atomic_compare_exchange_strong_explicit(
                    &t->chunks[chunk], &expected, c, memory_order_acq_rel, memory_order_acquire))
                free(c); /* another thread was faster */
        return 0;
}

static int slot_first_use(SlotTable *t, uint32_t *ret_index)
{
        uint32_t used = atomic_load_explicit(&t->used, memory_order_relaxed), offset;

        do {
                unsigned chunk = chunk_of(used, &offset);
                int r;

                if (chunk >= SLOT_CHUNKS || used >> SLOT_INDEX_BITS)
                        return -ENOMEM;
                r = make_chunk(t, chunk);
                if (r < 0)
                        return r;
        } while (!atomic_compare_exchange_weak_explicit(
                &t->used, &used, used + 1, memory_order_acq_rel, memory_order_relaxed));
        /* generation 0 names nothing, so that handle 0 does not either */
        atomic_store_explicit(
                &slot_get(t, used)->word, UINT64_C(1) << 32 | SLOT_FREE, memory_order_release);
        *ret_index = used;
        return 0;
}

int slot_new(SlotTable *t, uint32_t *ret_index)
{
        uint64_t head = atomic_load_explicit(&t->free, memory_order_acquire), next;

        /* The tag changes with every change of the list, so that a first slot that went and came
         * back in between is noticed. */
        do {
                uint32_t index = (uint32_t) head;

                if (index == SLOT_NONE)
                        return slot_first_use(t, ret_index);
                next = (head >> 32) + 1;
                next = next << 32 |
                       atomic_load_explicit(&slot_get(t, index)->link, memory_order_relaxed);
        } while (!atomic_compare_exchange_weak_explicit(
                &t->free, &head, next, memory_order_acquire, memory_order_acquire));
        *ret_index = (uint32_t) head;
        return 0;
}

void slot_free(SlotTable *t, uint32_t index)
{
        uint64_t head = atomic_load_explicit(&t->free, memory_order_relaxed);
        Slot *slot = slot_get(t, index);
        uint32_t generation =
                slot_generation(atomic_load_explicit(&slot->word, memory_order_relaxed)) + 1;

        if (generation == 0)
                generation = 1;
        atomic_store(&slot->word, (uint64_t) generation << 32 | SLOT_FREE);
        do
                atomic_store_explicit(&slot->link, (uint32_t) head, memory_order_relaxed);
        while (!atomic_compare_exchange_weak_explicit(&t->free, &head,
                ((head >> 32) + 1) << 32 | index, memory_order_release, memory_order_relaxed));
}

uint64_t slot_begin(SlotTable *t, uint32_t index, void *opaque, void (*destroy)(void *),
        lws_usec_t deadline, uint64_t flags)
{
        Slot *slot = slot_get(t, index);
        uint64_t word = slot_word(
                atomic_load_explicit(&slot->word, memory_order_relaxed) | flags, SLOT_PENDING);

        atomic_store_explicit(&slot->opaque, opaque, memory_order_relaxed);
        atomic_store_explicit(&slot->destroy, destroy, memory_order_relaxed);
        atomic_store_explicit(&slot->deadline, deadline, memory_order_relaxed);
        slot->previous = SLOT_NONE;
        atomic_store(&slot->word, word);
        return word;
}

bool slot_change(Slot *slot, uint64_t from, SlotStatus to)
{
        return atomic_compare_exchange_strong(&slot->word, &from, slot_word(from, to));
}
