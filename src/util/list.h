/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Intrusive circular doubly linked list. The head and each link are a List; a link that points to
 * itself is on no list, so that unlinking twice is harmless.
 */
#include "util/error.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct List List;
struct List {
        List *next, *prev;
};

#define LIST_INIT(var)                                                                             \
        {                                                                                          \
                .next = &(var), .prev = &(var)                                                     \
        }

#define list_entry(link, type, member) container_of(link, type, member)

/* The safe form survives removal of `it` (and only of `it`) inside the loop. */
#define list_foreach(it, head) for (List *it = (head)->next; it != (head); it = it->next)
#define list_foreach_safe(it, head)                                                                \
        for (List *it = (head)->next, *it##_next = it->next; it != (head);                         \
                it = it##_next, it##_next = it->next)

static inline void list_init(List *l)
{
        l->next = l->prev = l;
}

static inline bool list_is_empty(const List *head)
{
        return head->next == head;
}

static inline bool list_is_linked(const List *link)
{
        return link->next && link->next != link;
}

static inline void list_link_before(List *where, List *link)
{
        link->next = where;
        link->prev = where->prev;
        where->prev->next = link;
        where->prev = link;
}

static inline void list_link_tail(List *head, List *link)
{
        list_link_before(head, link);
}

static inline void list_link_front(List *head, List *link)
{
        list_link_before(head->next, link);
}

static inline void list_unlink(List *link)
{
        if (!link->next)
                return;
        link->next->prev = link->prev;
        link->prev->next = link->next;
        list_init(link);
}

static inline List *list_first(const List *head)
{
        return list_is_empty(head) ? NULL : head->next;
}

/* Moves every link of `from` behind those of `to`; `from` is empty afterwards. Constant time. */
static inline void list_splice_tail(List *to, List *from)
{
        if (list_is_empty(from))
                return;
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        list_init(from);
}

/* A walk during which any link may come, go and be freed: it keeps its place by two links of its
 * own on the list. What comes during the walk is not visited. One walk at a time with each
 * ListWalk. */
typedef struct ListWalk ListWalk;
struct ListWalk {
        List place, end;
};

static inline void list_walk_begin(ListWalk *walk, List *head)
{
        list_link_front(head, &walk->place);
        list_link_tail(head, &walk->end);
}

/* The next link, or NULL, after which the walk is over. */
static inline List *list_walk_next(ListWalk *walk)
{
        List *next = walk->place.next;

        list_unlink(&walk->place);
        if (next == &walk->end) {
                list_unlink(&walk->end);
                return NULL;
        }
        list_link_front(next, &walk->place);
        return next;
}
