/* SPDX-License-Identifier: MIT */
/* What the system does for the library and its users: ops, state manager, captive portal. */
#include "core/context-private.h"

void ops_init(lws_system_ops_t *ops, const lws_system_ops_t *user)
{
        if (user)
                *ops = *user;
        /* takes no lock because it needs none: producers push, the service thread takes all */
        if (!ops->attach)
                ops->attach = __lws_system_attach;
}

_public_ const lws_system_ops_t *lws_system_get_ops(struct lws_context *cx)
{
        static const lws_system_ops_t none = { .attach = __lws_system_attach };

        return cx ? &cx->ops : &none;
}

_public_ struct lws_state_manager *lws_system_get_state_manager(struct lws_context *cx)
{
        return ladder_manager(cx->ladder);
}

_public_ struct lws_context *lws_system_context_from_system_mgr(struct lws_state_manager *mgr)
{
        return mgr->context;
}

_public_ int lws_system_cpd_start(struct lws_context *cx)
{
        lws_system_cpd_set(cx, LWS_CPD_UNKNOWN);
        return cx->ops.captive_portal_detect_request ? cx->ops.captive_portal_detect_request(cx)
                                                     : -EOPNOTSUPP;
}

_public_ void lws_system_cpd_set(struct lws_context *cx, lws_cpd_result_t result)
{
        atomic_store_explicit(&cx->cpd, (int) result, memory_order_relaxed);
}

_public_ lws_cpd_result_t lws_system_cpd_state_get(struct lws_context *cx)
{
        return (lws_cpd_result_t) atomic_load_explicit(&cx->cpd, memory_order_relaxed);
}
