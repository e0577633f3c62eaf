/* SPDX-License-Identifier: MIT */
#include "daemon/states-dir.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_FILE "state"

struct StatesDir {
        int runtime_fd, states_fd;
        char boot_id[64];
        bool known; /* `present` is what is on disk */
        bool present[STATE_RANK_TOP + 1];
        bool complained;
};

StatesDir *states_dir_free(StatesDir *dir)
{
        if (!dir)
                return NULL;
        fd_close(dir->runtime_fd);
        fd_close(dir->states_fd);
        free(dir);
        return NULL;
}
DEFINE_CLEANUP(StatesDir, states_dir_free)

static void read_boot_id(StatesDir *dir)
{
        _cleanup_(freep) char *id = NULL;

        if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", sizeof(dir->boot_id) - 1, &id,
                    NULL) < 0)
                return;
        id[strcspn(id, "\n")] = 0;
        snprintf(dir->boot_id, sizeof(dir->boot_id), "%s", id);
}

int states_dir_new(StatesDir **ret, int runtime_dirfd)
{
        _cleanup_(states_dir_freep) StatesDir *dir = calloc(1, sizeof(*dir));

        if (!dir)
                return -ENOMEM;
        dir->states_fd = -EBADF;
        dir->runtime_fd = fcntl(runtime_dirfd, F_DUPFD_CLOEXEC, 3);
        if (dir->runtime_fd < 0)
                return -errno;
        if (mkdirat(dir->runtime_fd, "states", 0755) < 0 && errno != EEXIST)
                return -errno;
        dir->states_fd =
                openat(dir->runtime_fd, "states", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (dir->states_fd < 0)
                return -errno;
        read_boot_id(dir);
        *ret = TAKE_PTR(dir);
        return 0;
}

static void complain(StatesDir *dir, const char *what, int error, const char *so)
{
        if (!dir->complained)
                log_warning("%s in the runtime directory cannot be written: %s; %s", what,
                        strerror(error), so);
        dir->complained = true;
}

static void complain_of_state(StatesDir *dir, const char *name, int error)
{
        complain(dir, name, error, "units that wait for a state will not start");
}

static void set_file(StatesDir *dir, int rank, bool present)
{
        const char *name = state_to_string(state_at_rank(rank));

        if (present) {
                _cleanup_fd_ int fd =
                        openat(dir->states_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

                if (fd < 0) {
                        complain_of_state(dir, name, errno);
                        return;
                }
        } else if (unlinkat(dir->states_fd, name, 0) < 0 && errno != ENOENT) {
                complain_of_state(dir, name, errno);
                return;
        }
        dir->present[rank] = present;
}

/* No sync: it lies on a tmpfs, and what a reboot would lose it is meant to lose. */
static int write_file(int dirfd, const char *name, const char *text, size_t size)
{
        _cleanup_fd_ int fd = -EBADF;

        fd = openat(dirfd, ".state.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        if (write(fd, text, size) != (ssize_t) size)
                return errno > 0 ? -errno : -EIO;
        return renameat(dirfd, ".state.new", dirfd, name) < 0 ? -errno : 0;
}

void states_dir_update(StatesDir *dir, const View *view)
{
        char text[VIEW_TEXT_MAX];
        int reach = state_reach(view->state);
        int r;

        /* downwards first and from the top, so that no unit sees a gap below a state that holds */
        for (int rank = STATE_RANK_TOP; rank > reach; rank--)
                if (!dir->known || dir->present[rank])
                        set_file(dir, rank, false);
        for (int rank = 0; rank <= reach; rank++)
                if (!dir->known || !dir->present[rank])
                        set_file(dir, rank, true);
        dir->known = true;
        r = write_file(dir->runtime_fd, STATE_FILE, text, view_format(view, dir->boot_id, text));
        if (r < 0)
                complain(dir, STATE_FILE, -r, "after a restart this state will not be known");
}

void states_dir_load(StatesDir *dir, View *view)
{
        _cleanup_(freep) char *text = NULL;
        int r;

        view_init(view);
        r = file_read(dir->runtime_fd, STATE_FILE, VIEW_TEXT_MAX, &text, NULL);
        if (r >= 0)
                r = view_parse(view, dir->boot_id, text);
        if (r < 0 && r != -ENOENT && r != -ESTALE)
                log_warning("what the last run left in the runtime directory cannot be read, "
                            "starting anew: %s",
                        strerror(-r));
}
