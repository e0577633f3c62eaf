/* SPDX-License-Identifier: MIT */
#include "ctl/ctl.h"
#include "util/text.h"
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <lwsd/lwsd-client.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define CELL_MAX 1024
/* A terminal that leaves less than this for a value breaks its lines itself. */
#define VALUE_MIN 20

int complain(int status, const char *fmt, ...)
{
        va_list ap;

        fputs("lwsctl: ", stderr);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
        return status;
}

uint64_t monotonic_now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

size_t terminal_width(int fd)
{
        struct winsize size;

        return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

const char *color(const Ctl *ctl, const char *sequence)
{
        const char *term = getenv("TERM");

        return ctl->terminal && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0 ? sequence
                                                                                         : "";
}

/* -- Cells ------------------------------------------------------------------------------------ */

static void format_array(const json_t *value, char *buf, size_t size)
{
        size_t used = 0;

        buf[0] = '\0';
        for (size_t i = 0; i < json_array_size(value) && used + 2 < size; i++) {
                if (used)
                        buf[used++] = ' ';
                format_plain(json_array_get(value, i), buf + used, size - used);
                used += strlen(buf + used);
        }
        if (used == 0)
                snprintf(buf, size, "-");
}

void format_plain(const json_t *value, char *buf, size_t size)
{
        if (json_is_string(value) && json_string_length(value) > 0)
                text_copy(buf, size, json_string_value(value));
        else if (json_is_integer(value))
                snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_boolean(value))
                snprintf(buf, size, "%s", json_is_true(value) ? "yes" : "no");
        else if (json_is_real(value))
                snprintf(buf, size, "%g", json_real_value(value));
        else if (json_is_array(value))
                format_array(value, buf, size);
        else
                snprintf(buf, size, "-");
}

void format_duration(uint64_t usec, char *buf, size_t size)
{
        uint64_t sec = usec / 1000000;

        if (usec < 1000)
                snprintf(buf, size, "%" PRIu64 "us", usec);
        else if (usec < 1000000)
                snprintf(buf, size, "%.*fms", usec < 10000 ? 2 : 0, (double) usec / 1e3);
        else if (sec < 60)
                snprintf(buf, size, "%.*fs", sec < 10 ? 2 : 0, (double) usec / 1e6);
        else if (sec < 3600)
                snprintf(buf, size, "%" PRIu64 "min %" PRIu64 "s", sec / 60, sec % 60);
        else if (sec < 86400)
                snprintf(buf, size, "%" PRIu64 "h %" PRIu64 "min", sec / 3600, sec / 60 % 60);
        else
                snprintf(buf, size, "%" PRIu64 "d %" PRIu64 "h", sec / 86400, sec / 3600 % 24);
}

void format_realtime(const json_t *value, char *buf, size_t size)
{
        uint64_t usec = (uint64_t) json_integer_value(value);
        time_t sec = (time_t) (usec / 1000000);
        char day[64];
        struct tm tm;

        if (!json_is_integer(value) || usec == 0 || !localtime_r(&sec, &tm) ||
                !strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm)) {
                snprintf(buf, size, "-");
                return;
        }
        snprintf(buf, size, "%s.%03u", day, (unsigned) (usec / 1000 % 1000));
        strftime(buf + strlen(buf), size - strlen(buf), "%z", &tm);
}

void format_uptime(const json_t *value, char *buf, size_t size)
{
        if (json_is_integer(value))
                snprintf(buf, size, "%.3fs", (double) json_integer_value(value) / 1e6);
        else
                snprintf(buf, size, "-");
}

void format_offset(const json_t *value, char *buf, size_t size)
{
        json_int_t usec = json_integer_value(value);

        if (!json_is_integer(value)) {
                snprintf(buf, size, "-");
                return;
        }
        buf[0] = usec < 0 ? '-' : '+';
        format_duration((uint64_t) (usec < 0 ? -usec : usec), buf + 1, size - 1);
}

void format_user(const json_t *value, char *buf, size_t size)
{
        struct passwd *user = getpwuid((uid_t) json_integer_value(value));

        if (user)
                text_copy(buf, size, user->pw_name);
        else
                format_plain(value, buf, size);
}

/* -- Tables ----------------------------------------------------------------------------------- */

static void format_cell(const json_t *row, const Column *column, char *buf, size_t size)
{
        const json_t *value = json_object_get(row, column->key);

        if (column->format && value)
                column->format(value, buf, size);
        else
                format_plain(value, buf, size);
}

static int output_table(const Ctl *ctl, json_t *rows, const Column *columns, size_t n)
{
        struct libscols_table *table = scols_new_table();
        char cell[CELL_MAX];
        int r = table ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r == 0; i++)
                r = scols_table_new_column(table, columns[i].title, 0, 0) ? 0 : -ENOMEM;
        for (size_t k = 0; k < json_array_size(rows) && r == 0; k++) {
                struct libscols_line *line = scols_table_new_line(table, NULL);

                for (size_t i = 0; i < n && line; i++) {
                        format_cell(json_array_get(rows, k), &columns[i], cell, sizeof cell);
                        scols_line_set_data(line, i, cell);
                }
                r = line ? 0 : -ENOMEM;
        }
        if (r == 0)
                r = scols_print_table(table);
        if (table)
                scols_unref_table(table);
        return r < 0 ? complain(STATUS_FAILED, "%s", strerror(-r)) : STATUS_DONE;
}

/* No less than what the table takes: bytes are counted, and a character is one at least. */
static size_t table_width(json_t *rows, const Column *columns, size_t n)
{
        size_t width = n - 1;
        char cell[CELL_MAX];

        for (size_t i = 0; i < n; i++) {
                size_t widest = strlen(columns[i].title);

                for (size_t k = 0; k < json_array_size(rows); k++) {
                        format_cell(json_array_get(rows, k), &columns[i], cell, sizeof cell);
                        if (strlen(cell) > widest)
                                widest = strlen(cell);
                }
                width += widest;
        }
        return width;
}

/* How much of the text goes on a line of `room`: up to a blank, if one can be found. */
static size_t line_length(const char *text, size_t room)
{
        size_t n = room;

        if (strlen(text) <= room)
                return strlen(text);
        while (n > 0 && text[n] != ' ')
                n--;
        return n > 0 ? n : strcspn(text, " ");
}

/* On a terminal, which would break a line in the middle of a word. */
static void print_field(const Ctl *ctl, int width, const char *title, const char *value)
{
        size_t columns = terminal_width(STDOUT_FILENO), indent = (size_t) width + 2;
        size_t room = columns > indent + VALUE_MIN ? columns - indent : SIZE_MAX;
        size_t length = line_length(value, room);

        printf("%s%*s%s  %.*s\n", color(ctl, COLOR_BOLD), width, title, color(ctl, COLOR_OFF),
                (int) length, value);
        while (*(value += length)) {
                value += strspn(value, " ");
                length = line_length(value, room);
                printf("%*s%.*s\n", (int) indent, "", (int) length, value);
        }
}

static int title_width(const Column *columns, size_t n)
{
        int width = 0;

        for (size_t i = 0; i < n; i++)
                if ((int) strlen(columns[i].title) > width)
                        width = (int) strlen(columns[i].title);
        return width;
}

/* What is too wide for a table: a line for each cell that is not empty. */
static int output_blocks(const Ctl *ctl, json_t *rows, const Column *columns, size_t n)
{
        int width = title_width(columns, n);
        char cell[CELL_MAX];

        for (size_t k = 0; k < json_array_size(rows); k++) {
                if (k > 0)
                        putchar('\n');
                for (size_t i = 0; i < n; i++) {
                        format_cell(json_array_get(rows, k), &columns[i], cell, sizeof cell);
                        if (strcmp(cell, "-") != 0)
                                print_field(ctl, width, columns[i].title, cell);
                }
        }
        return STATUS_DONE;
}

int output_rows(const Ctl *ctl, json_t *rows, const Column *columns, size_t n)
{
        char cell[CELL_MAX];

        if (ctl->json)
                return output_json(ctl, rows);
        if (ctl->terminal)
                return table_width(rows, columns, n) <= terminal_width(STDOUT_FILENO)
                               ? output_table(ctl, rows, columns, n)
                               : output_blocks(ctl, rows, columns, n);
        for (size_t k = 0; k < json_array_size(rows); k++)
                for (size_t i = 0; i < n; i++) {
                        format_cell(json_array_get(rows, k), &columns[i], cell, sizeof cell);
                        printf("%s%c", cell, i + 1 == n ? '\n' : '\t');
                }
        return STATUS_DONE;
}

int output_fields(const Ctl *ctl, json_t *object, const Column *columns, size_t n)
{
        int width = title_width(columns, n);
        char cell[CELL_MAX];

        for (size_t i = 0; i < n; i++) {
                if (!json_object_get(object, columns[i].key))
                        continue;
                format_cell(object, &columns[i], cell, sizeof cell);
                if (ctl->terminal)
                        print_field(ctl, width, columns[i].title, cell);
                else
                        printf("%s\t%s\n", columns[i].title, cell);
        }
        return STATUS_DONE;
}

int output_json(const Ctl *ctl, const json_t *json)
{
        if (json_dumpf(json, stdout, (ctl->terminal ? JSON_INDENT(2) : 0) | JSON_ENCODE_ANY) < 0)
                return complain(STATUS_FAILED, "cannot write the JSON");
        putchar('\n');
        return STATUS_DONE;
}

json_t *rows_from_tuples(const json_t *tuples, const char *const *names, size_t n)
{
        json_t *rows = json_array();

        for (size_t k = 0; k < json_array_size(tuples); k++) {
                json_t *tuple = json_array_get(tuples, k), *row = json_object();

                for (size_t i = 0; i < n; i++)
                        json_object_set(row, names[i], json_array_get(tuple, i));
                json_array_append_new(rows, row);
        }
        return rows;
}

/* -- Waiting ---------------------------------------------------------------------------------- */

static const char *why_nothing(int state, int target)
{
        if (state < 0 || target < 0 || !lwsd_state_reached(state, target))
                return "on its way, nothing holds it back";
        if (target == LWS_SYSTATE_OPERATIONAL)
                return "nothing is waited for";
        return "nothing is waited for, since Target= of lwsd.conf is no higher";
}

void describe_waiting(const json_t *manager, char *buf, size_t size)
{
        const json_t *waiting = json_object_get(manager, "Waiting"),
                     *w = json_array_get(waiting, 0);
        const char *state = json_string_value(json_object_get(manager, "State"));
        const char *target = json_string_value(json_object_get(manager, "Target"));
        char field[4][256], since[32], next[48] = "";
        uint64_t now = monotonic_now(), at;

        if (!w) {
                snprintf(buf, size, "%s: %s", state ? state : "unknown",
                        why_nothing(lwsd_state_from_string(state), lwsd_state_from_string(target)));
                return;
        }
        for (size_t i = 0; i < 4; i++)
                format_plain(json_array_get(w, i), field[i], sizeof field[i]);
        at = (uint64_t) json_integer_value(json_array_get(w, 4));
        format_duration(at && at < now ? now - at : 0, since, sizeof since);
        at = (uint64_t) json_integer_value(json_array_get(w, 5));
        if (at > now) {
                snprintf(next, sizeof next, ", next try in ");
                format_duration(at - now, next + strlen(next), sizeof next - strlen(next));
        }
        snprintf(buf, size, "%s waits for %s: %s (%s for %s%s)", field[0], field[1], field[3],
                field[2], since, next);
        if (json_array_size(waiting) > 1 && strlen(buf) + 32 < size)
                snprintf(buf + strlen(buf), 32, " and %zu more",
                        json_array_size(waiting) - 1 < 999 ? json_array_size(waiting) - 1 : 999);
}
