/* SPDX-License-Identifier: MIT */
#include "daemon/journal.h"
#include "util/log.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define FIELDS_MAX 16

static const char *target = "auto";
static bool have_stream; /* stderr leads to the journal */

/* Whether stderr is the very stream that systemd says it made for us. */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static void journal_sink(int severity, const char *message, const LogField *fields)
{
        char text[FIELDS_MAX + 2][1100];
        struct iovec iov[FIELDS_MAX + 2];
        int n = 0;

        /* what is said before an end may be read after it, when only the stream still tells whose
         * it was: journalctl -u would not find it */
        if (have_stream && severity <= LOG_SEV_ERR && !fields) {
                fprintf(stderr, "<%d>%s\n", severity, message);
                return;
        }
        snprintf(text[n++], sizeof(text[0]), "MESSAGE=%s", message);
        snprintf(text[n++], sizeof(text[0]), "PRIORITY=%d", severity);
        for (; fields && fields->name && n < FIELDS_MAX + 2; fields++)
                if (fields->value)
                        snprintf(text[n++], sizeof(text[0]), "%s=%s", fields->name, fields->value);
        for (int i = 0; i < n; i++)
                iov[i] = (struct iovec){ text[i], strlen(text[i]) };
        if (sd_journal_sendv(iov, n) < 0)
                fprintf(stderr, "%s\n", message);
}

static void choose(bool journal)
{
        have_stream = stderr_is_journal();
        log_set_sink(journal ? journal_sink : NULL);
}

void journal_init(void)
{
        choose(stderr_is_journal());
}

int journal_set_target(const char *name)
{
        if (strcmp(name, "journal") == 0 || strcmp(name, "journal-or-kmsg") == 0) {
                target = "journal";
                choose(true);
        } else if (strcmp(name, "console") == 0) {
                target = "console";
                choose(false);
        } else if (strcmp(name, "auto") == 0) {
                target = "auto";
                journal_init();
        } else {
                return -EINVAL;
        }
        return 0;
}

const char *journal_target(void)
{
        return target;
}
