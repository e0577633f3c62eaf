/* SPDX-License-Identifier: MIT */
/* bringup-plug NETNS PORT: sets it up and prints CLOCK_MONOTONIC of just before, in microseconds.
 */
#include "plug.h"
#include <stdio.h>

int main(int argc, char **argv)
{
        if (argc != 3) {
                fprintf(stderr, "usage: bringup-plug NETNS PORT\n");
                return 2;
        }
        printf("%llu\n", (unsigned long long) plug(plug_open(argv[1]), argv[2]));
        return 0;
}
