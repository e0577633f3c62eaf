/* SPDX-License-Identifier: MIT */
#pragma once
/* What the tests of the client library share: turning a client's loop, and counting what it is told
 * while checking that it is told in order. */
#include "tests/lib/suite.h"
#include <lwsd/lwsd-client.h>
#include <poll.h>

enum { PATIENCE_MSEC = 20000 };

/* Turns the loop until *count reaches n. */
static inline void turn_until(lwsd_client *client, const unsigned *count, unsigned n)
{
        struct pollfd p = { .fd = lwsd_client_get_fd(client), .events = POLLIN };

        while (*count < n) {
                int r = lwsd_client_process(client);

                ck_assert_int_ge(r, 0);
                if (r > 0 || *count >= n)
                        continue;
                if (poll(&p, 1, PATIENCE_MSEC) == 0)
                        ck_abort_msg("waited in vain: %u of %u", *count, n);
        }
}

/* Turns it until nothing has been to do for a while. */
static inline void turn_until_quiet(lwsd_client *client, int msec)
{
        struct pollfd p = { .fd = lwsd_client_get_fd(client), .events = POLLIN };

        do {
                while (lwsd_client_process(client) > 0)
                        ;
        } while (poll(&p, 1, msec) > 0);
}

typedef struct Story Story;
struct Story {
        unsigned attached, entered, left;
};

static inline void on_attached(lwsd_attachment *a, void *opaque)
{
        ((Story *) opaque)->attached++;
}

static inline void on_entered(lwsd_attachment *a, void *opaque)
{
        Story *story = opaque;

        story->entered++;
        ck_assert_uint_eq(story->entered, story->left + 1);
}

static inline void on_left(lwsd_attachment *a, void *opaque)
{
        Story *story = opaque;

        story->left++;
        ck_assert_uint_eq(story->entered, story->left);
}

static inline uint64_t next_random(uint64_t *x)
{
        *x ^= *x << 13;
        *x ^= *x >> 7;
        *x ^= *x << 17;
        return *x;
}
