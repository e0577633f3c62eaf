/* SPDX-License-Identifier: MIT */
/*
 * lwsd-fetch: does the HTTP that lwsd decides on, in a process that has nothing to lose. It serves
 * one connection on its standard input (a SOCK_SEQPACKET socket; proto/fetch-wire.h is what is
 * spoken), one request after the other, and ends when lwsd hangs up or wants nothing for a while.
 * systemd starts it by socket; where there is none, lwsd does, and the process locks itself in.
 */
#include "fetch/sandbox.h"
#include "fetch/transfer.h"
#include "util/fd.h"
#include "util/memfd.h"
#include <config.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IDLE_MSEC = 30 * 1000, SOCKET_FD = STDIN_FILENO };

/* The next message: its size, 0 when there is nothing more to do, or a negative errno. */
static ssize_t receive_request(uint8_t *buf, size_t size)
{
        struct pollfd p = { .fd = SOCKET_FD, .events = POLLIN };
        ssize_t n;
        int r;

        do
                r = poll(&p, 1, IDLE_MSEC);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return r < 0 ? -errno : 0;
        n = recv(SOCKET_FD, buf, size, MSG_TRUNC);
        if (n < 0)
                return errno == ECONNRESET ? 0 : -errno;
        return (size_t) n > size ? -EMSGSIZE : n;
}

static int send_answer(const Transfer *t)
{
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        static uint8_t buf[FETCH_MESSAGE_MAX];
        Writer w = WRITER_INIT(buf, sizeof(buf));
        struct iovec iov = { .iov_base = buf };
        struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
        _cleanup_fd_ int fd = -EBADF;
        int r;

        r = fetch_answer_write(&t->answer, &w);
        if (r < 0)
                return r;
        iov.iov_len = w.pos;
        if (t->answer.body_size > 0) {
                struct cmsghdr *c = &control.align;

                fd = memfd_new_sealed("lwsd-fetch-body", t->body, t->body_size);
                if (fd < 0)
                        return fd;
                mh.msg_control = &control;
                mh.msg_controllen = sizeof(control.space);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &fd, sizeof(fd));
        }
        return sendmsg(SOCKET_FD, &mh, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int serve_one(const uint8_t *message, size_t size)
{
        _cleanup_(transfer_freep) Transfer *t = NULL;
        Reader r = READER_INIT(message, size);
        FetchRequest request;
        int e;

        e = transfer_new(&t);
        if (e < 0)
                return e;
        if (fetch_request_parse(&r, &request) < 0)
                transfer_fail(t, FETCH_BAD_REQUEST, "request not understood");
        else
                transfer_run(t, &request);
        return send_answer(t);
}

static int serve(void)
{
        static uint8_t buf[FETCH_MESSAGE_MAX];
        ssize_t n;
        int r = 0;

        while (r >= 0 && (n = receive_request(buf, sizeof(buf))) != 0)
                r = n < 0 ? (int) n : serve_one(buf, (size_t) n);
        return r == -EPIPE ? 0 : r;
}

int main(int argc, char **argv)
{
        bool sandbox = argc == 2 && strcmp(argv[1], "--sandbox") == 0;
        int r = 0;

        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                puts("lwsd-fetch " PACKAGE_VERSION);
                return EXIT_SUCCESS;
        }
        if (argc > 1 && !sandbox) {
                fprintf(stderr, "usage: lwsd-fetch [--sandbox | --version]\n"
                                "Started by lwsd or systemd with a socket as standard input; see "
                                "lwsd(8).\n");
                return argc == 2 && strcmp(argv[1], "--help") == 0 ? EXIT_SUCCESS : 2;
        }
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                r = -ENOMEM;
        if (r >= 0 && sandbox)
                r = sandbox_enter();
        if (r >= 0)
                r = serve();
        if (r < 0)
                fprintf(stderr, "lwsd-fetch: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
