/* SPDX-License-Identifier: MIT */
#include "daemon/bus-common.h"
#include "state/table.h"
#include <string.h>

int bus_parse_state(const char *name, int *ret, sd_bus_error *error)
{
        int state = state_from_string(name);

        if (!state_is_attachable(state))
                return sd_bus_error_setf(error, LWSD_ERROR_INVALID_STATE,
                        "\"%s\" is not a state that can be waited for; they are context-created to "
                        "operational, see org.lwsd1(5)",
                        name);
        *ret = state;
        return 0;
}

/* Twice as large; it may be a secret, of which nothing stays behind. */
static int grow(uint8_t **data, size_t *capacity)
{
        size_t larger = *capacity > 0 ? 2 * *capacity : 256;
        uint8_t *p = malloc(larger);

        if (!p)
                return -ENOMEM;
        if (*data) {
                memcpy(p, *data, *capacity);
                explicit_bzero(*data, *capacity);
                free(*data);
        }
        *data = p;
        *capacity = larger;
        return 0;
}

/* sd-bus gives out an array as it lies in the message, where numbers are in the order of this
 * machine. */
static int read_foreign_array(
        sd_bus_message *m, char type, size_t max, void **ret, size_t *ret_size)
{
        const size_t item = type == 'y' ? 1 : sizeof(uint64_t);
        const char contents[] = { type, 0 };
        size_t size = 0, capacity = 0;
        uint8_t *data = NULL;
        uint64_t value;
        int r;

        r = sd_bus_message_enter_container(m, 'a', contents);
        while (r >= 0 && (r = sd_bus_message_read_basic(m, type, &value)) > 0) {
                r = size + item > max ? -E2BIG : 0;
                if (r >= 0 && size + item > capacity)
                        r = grow(&data, &capacity);
                if (r < 0)
                        break;
                memcpy(data + size, &value, item);
                size += item;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                if (data)
                        explicit_bzero(data, capacity);
                free(data);
                return r;
        }
        *ret = data;
        *ret_size = size;
        return 0;
}

int bus_read_array(sd_bus_message *m, char type, size_t max, const void **ret, size_t *ret_size,
        void **ret_copy)
{
        int r = sd_bus_message_read_array(m, type, ret, ret_size);

        if (r != -EOPNOTSUPP)
                return r;
        r = read_foreign_array(m, type, max, ret_copy, ret_size);
        if (r >= 0)
                *ret = *ret_copy;
        return r;
}

int bus_reply_list(BusContext *context, sd_bus_message *m, const char *contents, BusListFn fn)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        BusList list = { 0 };
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        list.m = reply;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', contents);
        if (r >= 0)
                r = fn(context->manager, &list);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        conn_send(context->conn, reply, list.size);
        return 1;
}
