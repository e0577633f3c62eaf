/* SPDX-License-Identifier: MIT */
#include "daemon/config-check.h"
#include "proto/url.h"
#include "util/error.h"
#include <stdio.h>

static int fail(char error[static CONFIG_ERROR_SIZE], const char *section, const char *why)
{
        snprintf(error, CONFIG_ERROR_SIZE, "[%s] %s", section, why);
        return -EINVAL;
}

static bool is_https(const char *text)
{
        Url url;

        return text && url_parse(text, &url) >= 0 && url.https;
}

static int check_policy(const PolicySettings *p, char error[static CONFIG_ERROR_SIZE])
{
        if (p->url && !is_https(p->url))
                return fail(error, "Policy", "Url= is not an https URL");
        if (p->url && !p->key)
                return fail(
                        error, "Policy", "Url= needs Key=: a policy from the network is signed");
        return 0;
}

static int check_stage(
        const StageSettings *s, const char *section, char error[static CONFIG_ERROR_SIZE])
{
        if (s->provider == STAGE_PROVIDER_BUILTIN && !is_https(s->url))
                return fail(error, section, "this Provider= needs Url= with an https URL");
        return 0;
}

static int check_portal(const PortalSettings *p, char error[static CONFIG_ERROR_SIZE])
{
        Url url;

        for (size_t i = 0; i < p->urls.n; i++)
                if (url_parse(p->urls.items[i], &url) < 0 || url.https)
                        return fail(error, "CaptivePortal",
                                "Urls= must be plain http, for a portal can intercept nothing "
                                "else");
        return 0;
}

int config_check(const Settings *s, char error[static CONFIG_ERROR_SIZE])
{
        int r = check_portal(&s->portal, error);

        if (r >= 0)
                r = check_policy(&s->policy, error);
        if (r >= 0)
                r = check_stage(&s->registration, "Registration", error);
        if (r >= 0)
                r = check_stage(&s->auth1, "Auth1", error);
        if (r >= 0)
                r = check_stage(&s->auth2, "Auth2", error);
        return r;
}
