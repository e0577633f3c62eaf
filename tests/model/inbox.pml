/* SPDX-License-Identifier: MIT */
/*
 * The word of an inbox (src/core/inbox.h) with more producers than tests/unit/test-inbox can run
 * through, for spin: `spin -run -safety inbox.pml`. Checked: no node is lost, none comes twice, the
 * loop never sleeps for ever (an invalid end state), each write ends a sleep.
 *
 * MUTANT breaks the code, and must be found:
 *      1  to sleep is a load and a store
 *      2  to take is a load and a store
 *      3  whoever pushes on AWAKE writes too
 */
#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef PRODUCERS
#define PRODUCERS 3
#define PUSHES    1
#endif
#define NODES     (PRODUCERS * PUSHES)
#define AWAKE     0
#define IDLE      255

byte head = AWAKE;       /* a node is its number, from 1 */
byte next[NODES + 1];
bool delivered[NODES + 1];
byte total, sleeps, writes;
chan wake = [NODES] of { bit };

proctype Producer(byte first)
{
        byte node = first, seen;

        do
        :: node < first + PUSHES ->
                seen = head;
                do
                :: next[node] = seen;
                        atomic {
                                if
                                :: head == seen -> head = node; break
                                :: else -> seen = head
                                fi
                        }
                od;
                if
                :: seen == IDLE || (MUTANT == 3 && seen == AWAKE) -> writes++; assert(writes <= sleeps); wake ! 1
                :: else
                fi;
                node++
        :: else -> break
        od
}

proctype Loop()
{
        byte list;

        do
        :: total == NODES -> break
        :: else ->
                /* the prepare hook: sleep only by changing the word that a push changes */
                if
                :: MUTANT == 1 && head == AWAKE -> head = IDLE; sleeps++; list = IDLE
                :: MUTANT != 1 -> atomic {
                        if
                        :: head == AWAKE -> head = IDLE; sleeps++; list = IDLE
                        :: else -> list = AWAKE
                        fi
                }
                :: else -> list = AWAKE
                fi;
                if
                :: list == IDLE -> wake ? _
                :: else
                fi;
                if
                :: head != AWAKE && head != IDLE ->
                        if
                        :: MUTANT == 2 -> list = head; head = AWAKE
                        :: else -> atomic { list = head; head = AWAKE }
                        fi
                :: else -> list = AWAKE
                fi;
                do
                :: list == AWAKE || list == IDLE -> break
                :: else ->
                        assert(!delivered[list]);
                        delivered[list] = true;
                        total++;
                        list = next[list]
                od
        od
}

init
{
        byte p;

        atomic {
                run Loop();
                for (p : 0 .. PRODUCERS - 1) {
                        run Producer(1 + p * PUSHES)
                }
        }
}
