/* SPDX-License-Identifier: MIT */
#include "daemon/holds.h"
#include "core/context.h"
#include "core/wsi.h"
#include "state/table.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/message-id.h"
#include "util/text.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define FILE_NAME "holds"
#define FILE_SIZE (1024 * 1024)
#define FD_PREFIX "hold-"

typedef struct RemoteHold RemoteHold;
struct RemoteHold {
        List link;
        Holds *holds;
        uint64_t number; /* of its name in systemd's store */
        HoldRecord record;
        Hold *hold;
        struct lws *wsi;
};

struct Holds {
        List list;
        Thread *thread;
        Ladder *ladder;
        Quota *quota;
        int runtime_fd;
        uint64_t next_number;
};

int holds_new(Holds **ret, Thread *th, Ladder *ladder, Quota *quota, int runtime_dirfd)
{
        Holds *holds = calloc(1, sizeof(*holds));

        if (!holds)
                return -ENOMEM;
        list_init(&holds->list);
        holds->thread = th;
        holds->ladder = ladder;
        holds->quota = quota;
        holds->next_number = 1;
        holds->runtime_fd = fcntl(runtime_dirfd, F_DUPFD_CLOEXEC, 3);
        if (holds->runtime_fd < 0) {
                int r = -errno;

                free(holds);
                return r;
        }
        *ret = holds;
        return 0;
}

static void remote_hold_free(RemoteHold *h)
{
        list_unlink(&h->link);
        wsi_free(h->wsi);
        hold_free(h->hold);
        quota_give(h->holds->quota, h->record.uid, QUOTA_HOLDS, 1);
        free(h);
}

Holds *holds_free(Holds *holds)
{
        if (!holds)
                return NULL;
        list_foreach_safe (it, &holds->list)
                remote_hold_free(list_entry(it, RemoteHold, link));
        fd_close(holds->runtime_fd);
        free(holds);
        return NULL;
}

/* -- The file ---------------------------------------------------------------------------------- */

/* One line each, fields parted by tabs; text has no control characters. */
static void save(Holds *holds)
{
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return;
        list_foreach (it, &holds->list) {
                const RemoteHold *h = list_entry(it, RemoteHold, link);

                fprintf(f, "%" PRIu64 "\t%s\t%u\t%d\t%s\t%s\n", h->number,
                        state_to_string(h->record.state), (unsigned) h->record.uid,
                        (int) h->record.pid, h->record.who, h->record.why);
        }
        if (fclose(f) != 0)
                return;
        r = file_write_atomic(holds->runtime_fd, FILE_NAME, text, size, 0644);
        if (r < 0)
                log_warning("Holds would not survive a restart of lwsd: the file %s in the runtime "
                            "directory cannot be written: %s",
                        FILE_NAME, strerror(-r));
}

static int parse_line(char *line, uint64_t *ret_number, HoldRecord *ret)
{
        HoldRecord record = { 0 };
        char *fields[6];

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                fields[i] = strsep(&line, "\t");
                if (!fields[i])
                        return -EINVAL;
        }
        record.state = state_from_string(fields[1]);
        if (!state_is_attachable(record.state) || !*fields[4])
                return -EINVAL;
        record.uid = (uid_t) strtoul(fields[2], NULL, 10);
        record.pid = (pid_t) strtol(fields[3], NULL, 10);
        text_copy(record.who, sizeof(record.who), fields[4]);
        text_copy(record.why, sizeof(record.why), fields[5]);
        *ret_number = strtoull(fields[0], NULL, 10);
        *ret = record;
        return 0;
}

/* -- A hold ------------------------------------------------------------------------------------ */

static void fd_name(uint64_t number, char ret[static 32])
{
        snprintf(ret, 32, FD_PREFIX "%" PRIu64, number);
}

static void on_pipe(struct lws *wsi, uint32_t revents)
{
        RemoteHold *h = wsi_userdata(wsi);
        Holds *holds = h->holds;
        char name[32];

        if (!(revents & (EPOLLHUP | EPOLLERR)))
                return;
        log_event(LOG_SEV_INFO,
                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_HOLD },
                        { "LWSD_STATE", state_to_string(h->record.state) },
                        { "LWSD_HELPER", h->record.who }),
                "%s no longer holds %s back", h->record.who, state_to_string(h->record.state));
        fd_name(h->number, name);
        notify_forget_fd(name);
        remote_hold_free(h);
        save(holds);
}

/* Takes over `fd` on success. */
static int remote_hold_new(
        RemoteHold **ret, Holds *holds, const HoldRecord *record, uint64_t number, int fd)
{
        RemoteHold *h;
        int r;

        r = quota_take(holds->quota, record->uid, QUOTA_HOLDS, 1);
        if (r < 0)
                return r;
        h = calloc(1, sizeof(*h));
        if (!h) {
                quota_give(holds->quota, record->uid, QUOTA_HOLDS, 1);
                return -ENOMEM;
        }
        h->holds = holds;
        h->number = number;
        h->record = *record;
        list_link_tail(&holds->list, &h->link);
        r = hold_new(&h->hold, holds->ladder, record->state, HOLD_ENTRY, record->who);
        if (r >= 0)
                r = wsi_new(&h->wsi, context_vhost_own(thread_context(holds->thread)),
                        holds->thread, fd, 0, on_pipe, h);
        if (r < 0) {
                remote_hold_free(h);
                return r;
        }
        hold_set_owner(h->hold, record->uid, record->pid);
        hold_assert(h->hold, "held", 0, "%s", record->why);
        *ret = h;
        return 0;
}

int holds_take(Holds *holds, int state, const char *who, const char *why, uid_t uid, pid_t pid,
        int *ret_fd)
{
        HoldRecord record = { .state = state, .uid = uid, .pid = pid };
        _cleanup_fd_ int ours = -EBADF, theirs = -EBADF;
        char name[32];
        RemoteHold *h;
        int fds[2], r;

        text_copy(record.who, sizeof(record.who), who);
        text_copy(record.why, sizeof(record.why), why);
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        ours = fds[0];
        theirs = fds[1];
        r = remote_hold_new(&h, holds, &record, holds->next_number, ours);
        if (r < 0)
                return r;
        holds->next_number++;
        fd_name(h->number, name);
        (void) notify_store_fd(ours, name);
        ours = -EBADF;
        save(holds);
        log_event(LOG_SEV_INFO,
                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_HOLD }, { "LWSD_STATE", state_to_string(state) },
                        { "LWSD_HELPER", record.who }),
                "%s (uid %u, pid %d) holds %s back: %s", record.who, (unsigned) uid, (int) pid,
                state_to_string(state), record.why);
        *ret_fd = theirs;
        theirs = -EBADF;
        return 0;
}

static StoredFd *find_stored(StoredFd *fds, size_t n, uint64_t number)
{
        char name[32];

        fd_name(number, name);
        for (size_t i = 0; i < n; i++)
                if (fds[i].fd >= 0 && strcmp(fds[i].name, name) == 0)
                        return &fds[i];
        return NULL;
}

void holds_restore(Holds *holds, StoredFd *fds, size_t n)
{
        _cleanup_(freep) char *text = NULL;
        bool changed = false;
        char *rest, *line;

        if (file_read(holds->runtime_fd, FILE_NAME, FILE_SIZE, &text, NULL) >= 0)
                for (rest = text; (line = strsep(&rest, "\n"));) {
                        StoredFd *stored;
                        HoldRecord record;
                        uint64_t number;
                        RemoteHold *h;

                        if (!*line)
                                continue;
                        changed = true;
                        if (parse_line(line, &number, &record) < 0)
                                continue;
                        holds->next_number = MAX(holds->next_number, number + 1);
                        stored = find_stored(fds, n, number);
                        if (stored && remote_hold_new(&h, holds, &record, number, stored->fd) >= 0)
                                stored->fd = -EBADF;
                }
        /* what nobody remembers holds nothing */
        for (size_t i = 0; i < n; i++)
                if (fds[i].fd >= 0 && strncmp(fds[i].name, FD_PREFIX, strlen(FD_PREFIX)) == 0) {
                        notify_forget_fd(fds[i].name);
                        fds[i].fd = fd_close(fds[i].fd);
                }
        /* writing waits for the disk, and at start everything waits for us */
        if (changed)
                save(holds);
}

int holds_foreach(Holds *holds, int (*fn)(void *userdata, const HoldRecord *hold), void *userdata)
{
        int r = 0;

        list_foreach (it, &holds->list) {
                r = fn(userdata, &list_entry(it, RemoteHold, link)->record);
                if (r < 0)
                        break;
        }
        return r;
}
