/* SPDX-License-Identifier: MIT */
#include "daemon/config-check.h"
#include "proto/url.h"
#include "util/error.h"
#include <string.h>

static bool is_https(const char *text)
{
        Url url;

        return text && url_parse(text, &url) >= 0 && url.https;
}

static bool has_keyed(const HostPortList *l)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].key)
                        return true;
        return false;
}

static int check_time(const TimeSettings *t, ConfigFault *ret)
{
        if (has_keyed(&t->nts_servers)) {
                *ret = (ConfigFault){ "Time", { "NTSServers" },
                        "NTSServers= with a #KEY: their keys are negotiated" };
                return -EINVAL;
        }
        if (t->poll_min_usec <= t->poll_max_usec)
                return 0;
        *ret = (ConfigFault){ "Time", { "PollMinSec", "PollMaxSec" },
                "PollMinSec= is longer than PollMaxSec=" };
        return -EINVAL;
}

static int check_policy(const PolicySettings *p, ConfigFault *ret)
{
        const char *why = NULL;

        if (p->provider != STAGE_PROVIDER_BUILTIN && (p->file || p->url)) {
                *ret = (ConfigFault){ "Policy", { "Provider" },
                        "File= and Url= are for Provider=lwsd" };
                return -EINVAL;
        }
        if (p->url && !is_https(p->url))
                why = "Url= is not an https URL";
        else if (p->url && !p->key)
                why = "Url= needs Key=: a policy from the network is signed";
        if (!why)
                return 0;
        *ret = (ConfigFault){ "Policy", { "Url" }, why };
        return -EINVAL;
}

static int check_stage(const StageSettings *s, const char *section, ConfigFault *ret)
{
        if (s->provider != STAGE_PROVIDER_BUILTIN || is_https(s->url))
                return 0;
        *ret = (ConfigFault){ section, { "Url", "Provider" },
                "this Provider= needs Url= with an https URL" };
        return -EINVAL;
}

/* What is no URI would be taken for the key itself. */
static int check_key(const StageSettings *s, ConfigFault *ret)
{
        const char *why = NULL;

        if (s->key && (!strchr(s->key, ':') || strchr(s->key, '\n')))
                why = "Key= is not a URI";
        else if (s->key && s->provider != STAGE_PROVIDER_BUILTIN)
                why = "Key= is for Provider=est";
        else if (s->key_provider && !s->key)
                why = "KeyProvider= needs Key=";
        if (!why)
                return 0;
        *ret = (ConfigFault){ "Registration", { "Key", "KeyProvider" }, why };
        return -EINVAL;
}

static int check_portal(const PortalSettings *p, ConfigFault *ret)
{
        Url url;

        for (size_t i = 0; i < p->urls.n; i++)
                if (url_parse(p->urls.items[i], &url) < 0 || url.https) {
                        *ret = (ConfigFault){ "CaptivePortal", { "Urls" },
                                "Urls= must be plain http, for a portal can intercept nothing "
                                "else" };
                        return -EINVAL;
                }
        return 0;
}

int config_check(const Settings *s, ConfigFault *ret)
{
        int r = check_time(&s->time, ret);

        if (r >= 0)
                r = check_portal(&s->portal, ret);
        if (r >= 0)
                r = check_policy(&s->policy, ret);
        if (r >= 0)
                r = check_stage(&s->registration, "Registration", ret);
        if (r >= 0)
                r = check_key(&s->registration, ret);
        if (r >= 0)
                r = check_stage(&s->auth1, "Auth1", ret);
        if (r >= 0)
                r = check_stage(&s->auth2, "Auth2", ret);
        return r;
}
