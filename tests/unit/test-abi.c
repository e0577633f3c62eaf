/* SPDX-License-Identifier: MIT */
/*
 * What is compiled into programs that use the libraries: values of public enums, size and place of
 * the members of public structs. Names are in the lists of tests/lint. What is here stays as it is;
 * what comes is added behind it. The checks are made by the compiler.
 */
#include <lwsd/lws-system.h>
#include <lwsd/lwsd-client.h>
#include <stddef.h>

#define VALUE(name, value)         _Static_assert((name) == (value), #name)
#define SIZE(type, size)           _Static_assert(sizeof(type) == (size), "size of " #type)
#define PLACE(type, member, place) _Static_assert(offsetof(type, member) == (place), #member)

VALUE(LWS_SYSTATE_UNKNOWN, 0);
VALUE(LWS_SYSTATE_CONTEXT_CREATED, 1);
VALUE(LWS_SYSTATE_PRE_PRIV_DROP, 2);
VALUE(LWS_SYSTATE_INITIALIZED, 3);
VALUE(LWS_SYSTATE_IFACE_COLDPLUG, 4);
VALUE(LWS_SYSTATE_DHCP, 5);
VALUE(LWS_SYSTATE_CPD_PRE_TIME, 6);
VALUE(LWS_SYSTATE_TIME_VALID, 7);
VALUE(LWS_SYSTATE_CPD_POST_TIME, 8);
VALUE(LWS_SYSTATE_POLICY_VALID, 9);
VALUE(LWS_SYSTATE_REGISTERED, 10);
VALUE(LWS_SYSTATE_AUTH1, 11);
VALUE(LWS_SYSTATE_AUTH2, 12);
VALUE(LWS_SYSTATE_ONE_TIME_UPDATES, 13);
VALUE(LWS_SYSTATE_OPERATIONAL, 14);
VALUE(LWS_SYSTATE_POLICY_INVALID, 15);
VALUE(LWS_SYSTATE_CONTEXT_DESTROYING, 16);

VALUE(LWS_CPD_UNKNOWN, 0);
VALUE(LWS_CPD_INTERNET_OK, 1);
VALUE(LWS_CPD_CAPTIVE_PORTAL, 2);
VALUE(LWS_CPD_NO_INTERNET, 3);

VALUE(LWS_SYSBLOB_TYPE_AUTH, 0);
VALUE(LWS_SYSBLOB_TYPE_CLIENT_CERT_DER, 2);
VALUE(LWS_SYSBLOB_TYPE_CLIENT_KEY_DER, 3);
VALUE(LWS_SYSBLOB_TYPE_DEVICE_SERIAL, 4);
VALUE(LWS_SYSBLOB_TYPE_DEVICE_FW_VERSION, 5);
VALUE(LWS_SYSBLOB_TYPE_DEVICE_TYPE, 6);
VALUE(LWS_SYSBLOB_TYPE_NTP_SERVER, 7);

VALUE(LWS_CALLBACK_PROTOCOL_INIT, 27);
VALUE(LWS_CALLBACK_PROTOCOL_DESTROY, 28);
VALUE(LWS_CALLBACK_RAW_ADOPT_FILE, 63);
VALUE(LWS_CALLBACK_RAW_RX_FILE, 64);
VALUE(LWS_CALLBACK_RAW_WRITEABLE_FILE, 65);
VALUE(LWS_CALLBACK_RAW_CLOSE_FILE, 66);
VALUE(LWS_CALLBACK_EVENT_WAIT_CANCELLED, 71);
VALUE(LWS_ADOPT_RAW_FILE_DESC, 0);

VALUE(LWS_SERVER_OPTION_LIBEV, 1ll << 4);
VALUE(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT, 1ll << 12);
VALUE(LWS_SERVER_OPTION_SDEVENT, 1ll << 37);

VALUE(LLL_ERR, 1);
VALUE(LLL_WARN, 2);
VALUE(LLL_NOTICE, 4);
VALUE(LLL_INFO, 8);
VALUE(LLL_DEBUG, 16);
VALUE(LLL_USER, 1024);

VALUE(LWSD_CLIENT_CONNECTED, 0);
VALUE(LWSD_CLIENT_DISCONNECTED, 1);
VALUE(LWSD_CLIENT_REFUSED, 2);
VALUE(LWSD_HOLD_LOST, 0);
VALUE(LWSD_HOLD_TAKEN, 1);
VALUE(LWSD_HOLD_TAKEN_AGAIN, 2);

/* Layouts of the 64-bit machines; the members are the same everywhere. */
#ifdef __LP64__
SIZE(lws_dll2_t, 24);
SIZE(lws_dll2_owner_t, 24);

SIZE(lws_state_notify_link_t, 40);
PLACE(lws_state_notify_link_t, notify_cb, 24);
PLACE(lws_state_notify_link_t, name, 32);

PLACE(lws_state_manager_t, context, 24);
PLACE(lws_state_manager_t, parent, 32);
PLACE(lws_state_manager_t, state_names, 40);
PLACE(lws_state_manager_t, name, 48);
PLACE(lws_state_manager_t, state, 56);

SIZE(lws_sorted_usec_list_t, 112);
PLACE(lws_sorted_usec_list_t, us, 24);
PLACE(lws_sorted_usec_list_t, cb, 32);

SIZE(lws_system_ops_t, 96);
PLACE(lws_system_ops_t, reboot, 0);
PLACE(lws_system_ops_t, set_clock, 8);
PLACE(lws_system_ops_t, attach, 16);
PLACE(lws_system_ops_t, captive_portal_detect_request, 24);

SIZE(struct lws_context_creation_info, 144);
PLACE(struct lws_context_creation_info, protocols, 0);
PLACE(struct lws_context_creation_info, port, 8);
PLACE(struct lws_context_creation_info, options, 16);
PLACE(struct lws_context_creation_info, user, 24);
PLACE(struct lws_context_creation_info, count_threads, 32);
PLACE(struct lws_context_creation_info, fd_limit_per_thread, 36);
PLACE(struct lws_context_creation_info, vhost_name, 40);
PLACE(struct lws_context_creation_info, foreign_loops, 48);
PLACE(struct lws_context_creation_info, pcontext, 56);
PLACE(struct lws_context_creation_info, system_ops, 64);
PLACE(struct lws_context_creation_info, register_notifier_list, 72);

SIZE(struct lws_protocols, 56);
PLACE(struct lws_protocols, callback, 8);
PLACE(struct lws_protocols, per_session_data_size, 16);
PLACE(struct lws_protocols, rx_buffer_size, 24);
PLACE(struct lws_protocols, id, 32);
PLACE(struct lws_protocols, user, 40);
PLACE(struct lws_protocols, tx_packet_size, 48);

/* The library makes these, in arrays or alone: an array's element keeps its size. */
SIZE(lwsd_address, 24);
PLACE(lwsd_address, family, 4);
PLACE(lwsd_address, bytes, 8);
SIZE(lwsd_record, 24);
PLACE(lwsd_record, rr_class, 4);
PLACE(lwsd_record, rr_type, 6);
PLACE(lwsd_record, wire, 8);
PLACE(lwsd_record, wire_size, 16);
PLACE(lwsd_answer, result, 0);
PLACE(lwsd_answer, text, 8);
PLACE(lwsd_answer, addresses, 16);
PLACE(lwsd_answer, n_addresses, 24);
PLACE(lwsd_answer, records, 32);
PLACE(lwsd_answer, n_records, 40);
PLACE(lwsd_answer, canonical, 48);
PLACE(lwsd_answer, flags, 56);
#endif

int main(void)
{
        return 0;
}
