/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the stages above the network (portal, policy, registration, tokens) are made of and have in
 * common; owned by helper/system.c.
 */
#include "helper/fetch.h"

typedef struct UpperWatch UpperWatch;
struct UpperWatch {
        List link;
        void (*changed)(UpperWatch *watch);
};

typedef struct Upper Upper;
struct Upper {
        struct lws_context *cx;
        Network *network;
        Fetcher *fetcher;
        Settings *settings; /* a reference of its own */
        List watches;       /* told when one of the stages has something else to show */
        /* CLOCK_BOOTTIME, from when on servers may be asked: a fleet's first questions after a
         * power cut are spread over SpreadSec=. 0: not drawn yet. */
        usec_t open_usec;
};

static inline void upper_watch_link(Upper *u, UpperWatch *watch)
{
        list_link_tail(&u->watches, &watch->link);
}

static inline void upper_watch_unlink(UpperWatch *watch)
{
        list_unlink(&watch->link);
}

static inline void upper_tell(Upper *u)
{
        list_foreach_safe (it, &u->watches) {
                UpperWatch *w = list_entry(it, UpperWatch, link);

                w->changed(w);
        }
}
