/* SPDX-License-Identifier: MIT */
/* The peer as a program: peer SOCKET STATE [COMMAND...]. Serves at SOCKET, climbs to STATE a moment
 * after the first attach, runs COMMAND and exits as that does. */
#include "lib/peer.h"
#include <lwsd/lwsd-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        struct timespec moment = { .tv_nsec = 2000000 };
        int state = argc > 3 ? lwsd_state_from_string(argv[2]) : -1, status;
        Peer peer;
        pid_t pid;

        if (state < 0 || peer_init(&peer, argv[1], NULL) < 0 || peer_start(&peer) < 0) {
                fprintf(stderr, "usage: peer SOCKET STATE COMMAND...\n");
                return 2;
        }
        pid = fork();
        if (pid == 0) {
                setenv("LWSD_SOCKET", argv[1], 1);
                execvp(argv[3], argv + 3);
                perror(argv[3]);
                _exit(127);
        }
        while (waitpid(pid, &status, WNOHANG) == 0) {
                if (peer.shared->attaches > 0 && peer.shared->state != state)
                        peer_move(&peer, state);
                nanosleep(&moment, NULL);
        }
        peer_deinit(&peer);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
