/* SPDX-License-Identifier: MIT */
/* Waits for "operational" on a libuv loop, with its hook before each poll: that spares the client
 * from waking itself up.
 *
 *   cc attach-libuv.c $(pkg-config --cflags --libs lwsd-client libuv)
 */
#include <lwsd/lwsd-client.h>
#include <stdio.h>
#include <uv.h>

static void on_operational(lwsd_attachment *attachment, void *opaque)
{
        puts("operational");
        uv_stop(opaque);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
        (void) lwsd_client_process(poll->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
        (void) lwsd_client_prepare(prepare->data);
}

int main(void)
{
        uv_loop_t *loop = uv_default_loop();
        lwsd_client *client = NULL;
        uv_prepare_t prepare;
        uv_poll_t poll;

        if (lwsd_client_new(&client) < 0 ||
                uv_poll_init(loop, &poll, lwsd_client_get_fd(client)) < 0 ||
                uv_prepare_init(loop, &prepare) < 0 ||
                lwsd_client_set_prepare(client, NULL, &prepare) < 0 ||
                lwsd_client_attach(client, NULL, LWS_SYSTATE_OPERATIONAL, on_operational, loop) < 0)
                return 1;
        poll.data = prepare.data = client;
        uv_prepare_start(&prepare, on_prepare);
        uv_poll_start(&poll, UV_READABLE, on_readable);
        uv_run(loop, UV_RUN_DEFAULT);
        uv_close((uv_handle_t *) &poll, NULL);
        uv_close((uv_handle_t *) &prepare, NULL);
        uv_run(loop, UV_RUN_DEFAULT);
        lwsd_client_unref(client);
        return uv_loop_close(loop) < 0;
}
