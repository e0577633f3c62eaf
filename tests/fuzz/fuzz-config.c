/* SPDX-License-Identifier: MIT */
/* A configuration file: it is read or refused with one line that says where; and what a restart
 * reads: it is what view_format() writes, or refused. */
#include "daemon/config.h"
#include "daemon/view.h"
#include "fuzz.h"
#include "util/log.h"
#include <assert.h>
#include <string.h>

static void drop(int severity, const char *message, const LogField *fields)
{
        (void) severity;
        (void) message;
        (void) fields;
}

static void check_view(const uint8_t *data, size_t size)
{
        char text[VIEW_TEXT_MAX], again[VIEW_TEXT_MAX];
        View view, copy;

        if (size >= sizeof(text))
                return;
        memcpy(text, data, size);
        text[size] = 0;
        if (view_parse(&view, "b", text) < 0)
                return;
        assert(state_rank(view.state) >= 0);
        (void) view_format(&view, "b", again);
        assert(view_parse(&copy, "b", again) == 0 || view.n_timeline == VIEW_TIMELINE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char error[CONFIG_ERROR_SIZE] = "";
        ConfigOrigins origins = { 0 };
        Settings *settings;

        log_set_sink(drop);
        assert(settings_new(&settings) == 0);
        if (config_parse(settings, &origins, "f", (const char *) data, size, error) < 0)
                assert(strncmp(error, "f:", 2) == 0 && strlen(error) > 6);
        config_origins_clear(&origins);
        settings_free(settings);
        check_view(data, size);
        return 0;
}
