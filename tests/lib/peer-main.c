/* SPDX-License-Identifier: MIT */
/* The peer as a program: peer SOCKET STATE [COMMAND...]. Serves at SOCKET, climbs to STATE after
 * the first attach, runs COMMAND and exits as that does. */
#include "lib/peer.h"
#include <lwsd/lwsd-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        int state = argc > 3 ? lwsd_state_from_string(argv[2]) : -1, status;
        Peer peer;
        pid_t pid;

        if (state < 0 || peer_init(&peer, argv[1], NULL) < 0 || peer_start(&peer) < 0) {
                fprintf(stderr, "usage: peer SOCKET STATE COMMAND...\n");
                return 2;
        }
        peer.shared->climb_to = state;
        pid = fork();
        if (pid == 0) {
                setenv("LWSD_SOCKET", argv[1], 1);
                execvp(argv[3], argv + 3);
                perror(argv[3]);
                _exit(127);
        }
        if (waitpid(pid, &status, 0) < 0)
                return 1;
        peer_deinit(&peer);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
