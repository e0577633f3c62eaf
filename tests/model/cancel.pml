/* SPDX-License-Identifier: MIT */
/*
 * The word of a slot (src/core/slot.h) between its service thread, which runs, expires or abandons,
 * and two threads that cancel (src/core/attach-ext.c, watch.c): `spin -run -safety cancel.pml`. The
 * slot is used twice, by an attachment or a watch each, so that a handle may be stale.
 *
 * Checked: a callback starts once, and not after a cancel has returned; cancel returns neither while
 * it runs nor a 1 that is not true; destroy comes exactly once, and before a cancel that won returns;
 * nobody waits for ever (an invalid end state).
 *
 * MUTANT breaks one rule of the code at a time, each of which must be found:
 *      1  whoever waits looks at the word before it counts itself
 *      2  the wake-up does not count, so that one before the sleep is missed
 *      3  to run is a load and a store
 *      4  a slot keeps its generation when it is freed
 *      5  cancelling a watch that runs does not wait for it
 *      6  what was cancelled is destroyed again where its item is dropped
 */
#ifndef MUTANT
#define MUTANT 0
#endif
#define USES       2
#define CANCELLERS 2

#define FREE     0
#define PENDING  1
#define RUNNING  2
#define STOPPING 3
#define DEAD     4

#define WORD(generation, status) ((generation) * 8 + (status))
#define STATUS(word)             ((word) % 8)
#define GENERATION(word)         ((word) / 8)

byte word = WORD(1, FREE);
byte finished, waiters;
bool asleep[CANCELLERS];

/* What became of each use, for the assertions alone. */
byte use;               /* the one that has the slot, from 1 */
byte handle[USES + 1];  /* the generation that was handed out; 0: not yet */
bool is_watch[USES + 1];
bool started[USES + 1], runs[USES + 1];
bool over[USES + 1]; /* some cancel of it has returned */
byte destroyed[USES + 1];

#define ENDS_ONCE(u)                                                                               \
        destroyed[u]++;                                                                            \
        assert(destroyed[u] == 1)

/* slot_free(), and what slot_finish() does behind it */
inline free_slot(w)
{
        if
        :: MUTANT == 4 -> word = WORD(GENERATION(w), FREE)
        :: else -> word = WORD(GENERATION(w) + 1, FREE)
        fi
}

inline finish()
{
        free_slot(w);
        if
        :: waiters > 0 ->
                if
                :: MUTANT == 2
                :: else -> finished++
                fi;
                atomic { asleep[0] = false; asleep[1] = false }
        :: else
        fi
}

inline begin_callback()
{
        atomic {
                assert(!over[use] && !runs[use]);
                assert(is_watch[use] || !started[use]);
                started[use] = true;
                runs[use] = true
        }
}

/* extended_run() */
inline run_attachment()
{
        w = word;
        if
        :: STATUS(w) == PENDING ->
                if
                :: MUTANT == 3 -> word = WORD(GENERATION(w), RUNNING); won = true
                :: else -> atomic { won = word == w; if :: won -> word = WORD(GENERATION(w), RUNNING) :: else fi }
                fi
        :: else -> won = false
        fi;
        if
        :: won ->
                begin_callback();
                runs[use] = false;
                ENDS_ONCE(use);
                finish()
        :: else -> drop()
        fi
}

/* end_unrun() as a deadline or the end of the context calls it, then extended_drop_dead() */
inline end_attachment()
{
        w = word;
        atomic {
                won = word == w && STATUS(w) == PENDING;
                if :: won -> word = WORD(GENERATION(w), DEAD) :: else fi
        };
        if
        :: won -> ENDS_ONCE(use)
        :: else
        fi;
        drop()
}

inline drop()
{
        w = word;
        assert(STATUS(w) == DEAD);
        if
        :: MUTANT == 6 -> ENDS_ONCE(use)
        :: else
        fi;
        free_slot(w)
}

/* tell(): false in `won` when the watch is gone */
inline tell()
{
        w = word;
        atomic {
                won = word == w && STATUS(w) == PENDING;
                if :: won -> word = WORD(GENERATION(w), RUNNING) :: else fi
        };
        if
        :: won ->
                begin_callback();
                runs[use] = false;
                atomic {
                        won = word == WORD(GENERATION(w), RUNNING);
                        if :: won -> word = w :: else fi
                };
                if
                :: won
                :: else -> finish()
                fi
        :: else -> finish()
        fi
}

proctype Service()
{
        byte w;
        bool won;

        do
        :: use == USES -> break
        :: else ->
                use++;
                /* slot_begin(); a watch has no destroy */
                if
                :: is_watch[use] = true
                :: skip
                fi;
                w = word;
                word = WORD(GENERATION(w), PENDING);
                handle[use] = GENERATION(w);
                if
                :: is_watch[use] ->
                        do
                        :: tell();
                                if
                                :: !won -> break
                                :: else
                                fi
                        :: w = word; finish(); break /* watches_close() */
                        od
                :: else ->
                        if
                        :: run_attachment()
                        :: end_attachment()
                        fi;
                        assert(destroyed[use] == 1 || STATUS(w) == DEAD)
                fi
        od
}

/* wait_out() */
inline wait_out(w)
{
        if
        :: MUTANT == 1 -> left = word != w; waiters++
        :: else -> waiters++; left = false
        fi;
        do
        :: seen = finished;
                if
                :: MUTANT != 1 -> left = word != w
                :: else
                fi;
                if
                :: left -> break
                :: else
                fi;
                /* the futex: sleeps only while the count is what was seen */
                atomic {
                        if
                        :: finished == seen -> asleep[me] = true
                        :: else
                        fi
                };
                !asleep[me];
                if
                :: MUTANT == 1 -> left = word != w
                :: else
                fi
        od;
        waiters--
}

proctype Canceller(byte me)
{
        byte which, w, seen, result;
        bool left, won;

        if
        :: which = 1
        :: which = 2
        fi;
        if
        :: handle[which] == 0 -> goto done /* nothing to cancel yet */
        :: else
        fi;
        result = 0;
again:
        w = word;
        if
        :: GENERATION(w) != handle[which] -> goto returned
        :: else
        fi;
        if
        :: STATUS(w) == PENDING ->
                atomic {
                        won = word == w;
                        if :: won -> word = WORD(GENERATION(w), DEAD) :: else fi
                };
                if
                :: !won -> goto again
                :: else
                fi;
                if
                :: !is_watch[which] -> ENDS_ONCE(which)
                :: else
                fi;
                result = 1
        :: STATUS(w) == RUNNING && is_watch[which] ->
                atomic {
                        won = word == w;
                        if :: won -> word = WORD(GENERATION(w), STOPPING) :: else fi
                };
                if
                :: !won -> goto again
                :: else
                fi;
                w = WORD(GENERATION(w), STOPPING);
                if
                :: MUTANT == 5
                :: else -> wait_out(w)
                fi;
                result = 1
        :: STATUS(w) == RUNNING && !is_watch[which] -> wait_out(w)
        :: STATUS(w) == STOPPING -> wait_out(w)
        :: STATUS(w) == FREE || STATUS(w) == DEAD
        fi;
returned:
        atomic {
                assert(!runs[which]);
                assert(result == 0 || is_watch[which] || (!started[which] && destroyed[which] == 1));
                over[which] = true
        };
done:
        skip
}

init
{
        byte i;

        atomic {
                run Service();
                run Canceller(0);
                run Canceller(1)
        };
        _nr_pr == 1;
        for (i : 1 .. USES) {
                assert(destroyed[i] == !is_watch[i])
        }
        assert(waiters == 0)
}
