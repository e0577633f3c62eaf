/* SPDX-License-Identifier: MIT */
/*
 * relay INTERFACE INTERFACE USEC: carries every frame from one to the other, that much later. For
 * kernels without sch_netem. Offload hints travel with the frame, so that sums which veth left out
 * stay left out. Says "relaying" when it does.
 */
#include "util/clock.h"
#include "util/error.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 65600
#define QUEUE_MAX 256U

typedef struct Frame Frame;
struct Frame {
        usec_t due;
        size_t size;
        uint8_t data[FRAME_MAX];
};

/* What one side has received and the other has yet to send. */
typedef struct Pipe Pipe;
struct Pipe {
        int from, to;
        unsigned head, n;
        Frame *frames;
};

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static int open_interface(const char *name)
{
        struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
        struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };
        int fd, yes = 1;

        sll.sll_ifindex = (int) if_nametoindex(name);
        promiscuous.mr_ifindex = sll.sll_ifindex;
        fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (sll.sll_ifindex == 0 || fd < 0 ||
                setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)) < 0 ||
                setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) < 0 ||
                setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
                        sizeof(promiscuous)) < 0 ||
                bind(fd, (struct sockaddr *) &sll, sizeof(sll)) < 0)
                die(name);
        return fd;
}

static void pipe_receive(Pipe *p, usec_t delay)
{
        while (p->n < QUEUE_MAX) {
                Frame *f = &p->frames[(p->head + p->n) % QUEUE_MAX];
                ssize_t got = recv(p->from, f->data, sizeof(f->data), 0);

                if (got < 0)
                        return;
                f->size = (size_t) got;
                f->due = clock_monotonic_usec() + delay;
                p->n++;
        }
}

static void pipe_send(Pipe *p, usec_t now)
{
        while (p->n > 0 && p->frames[p->head].due <= now) {
                const Frame *f = &p->frames[p->head];

                /* a frame that the other side does not take is lost, as on any wire */
                if (send(p->to, f->data, f->size, 0) < 0 && errno != ENOBUFS && errno != ENETDOWN)
                        fprintf(stderr, "a frame of %zu bytes is lost: %s\n", f->size,
                                strerror(errno));
                p->head = (p->head + 1) % QUEUE_MAX;
                p->n--;
        }
}

static usec_t pipe_due(const Pipe *p)
{
        return p->n > 0 ? p->frames[p->head].due : USEC_INFINITY;
}

int main(int argc, char **argv)
{
        Pipe pipes[2] = {};
        usec_t delay;
        int a, b;

        if (argc != 4) {
                fprintf(stderr, "usage: relay INTERFACE INTERFACE USEC\n");
                return 2;
        }
        delay = strtoull(argv[3], NULL, 10);
        a = open_interface(argv[1]);
        b = open_interface(argv[2]);
        pipes[0] = (Pipe){ .from = a, .to = b, .frames = calloc(QUEUE_MAX, sizeof(Frame)) };
        pipes[1] = (Pipe){ .from = b, .to = a, .frames = calloc(QUEUE_MAX, sizeof(Frame)) };
        if (!pipes[0].frames || !pipes[1].frames)
                die("calloc");
        prctl(PR_SET_TIMERSLACK, 1000UL);
        puts("relaying");
        fflush(stdout);
        for (;;) {
                struct pollfd fds[2] = { { .fd = a, .events = POLLIN },
                        { .fd = b, .events = POLLIN } };
                usec_t now = clock_monotonic_usec(), due = pipe_due(&pipes[0]), wait;
                struct timespec ts;

                if (pipe_due(&pipes[1]) < due)
                        due = pipe_due(&pipes[1]);
                wait = usec_sub(due, now);
                ts = (struct timespec){ (time_t) (wait / USEC_PER_SEC),
                        (long) (wait % USEC_PER_SEC) * NSEC_PER_USEC };
                ppoll(fds, 2, due == USEC_INFINITY ? NULL : &ts, NULL);
                for (size_t i = 0; i < ELEMENTSOF(pipes); i++) {
                        pipe_receive(&pipes[i], delay);
                        pipe_send(&pipes[i], clock_monotonic_usec());
                }
        }
}
