/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_WSI_H
#define LWSD_LWS_WSI_H
/*
 * wsi: a descriptor that the caller opened and a service thread watches, with a protocol's callback
 * told what happens on it. Of libwebsockets' callbacks these are the raw file ones.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lws;
struct lws_context;
struct lws_vhost;

/* Values as in libwebsockets. A callback's nonzero return closes the wsi, where there is one. */
enum lws_callback_reasons {
        LWS_CALLBACK_PROTOCOL_INIT = 27,        /* the vhost is there; wsi only names it */
        LWS_CALLBACK_PROTOCOL_DESTROY = 28,     /* last call for this protocol on this vhost */
        LWS_CALLBACK_RAW_ADOPT_FILE = 63,       /* the descriptor is adopted */
        LWS_CALLBACK_RAW_RX_FILE = 64,          /* readable, at its end or failed: read it */
        LWS_CALLBACK_RAW_WRITEABLE_FILE = 65,   /* asked for by lws_callback_on_writable() */
        LWS_CALLBACK_RAW_CLOSE_FILE = 66,       /* about to be closed; last call for this wsi */
        LWS_CALLBACK_EVENT_WAIT_CANCELLED = 71, /* lws_cancel_service(); once per thread */
};

/* `user` is the wsi's per_session_data_size bytes, zeroed, or NULL when that is 0. */
typedef int lws_callback_function(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* An array of these ends with LWS_PROTOCOL_LIST_TERM and must outlive the context. */
struct lws_protocols {
        const char *name;
        lws_callback_function *callback;
        size_t per_session_data_size;
        size_t rx_buffer_size; /* not used: the callback reads by itself */
        unsigned int id;       /* the caller's */
        void *user;            /* the caller's */
        size_t tx_packet_size; /* not used */
};

#define LWS_PROTOCOL_LIST_TERM                                                                     \
        {                                                                                          \
                NULL, NULL, 0, 0, 0, NULL, 0                                                       \
        }

typedef int lws_sockfd_type;
typedef int lws_filefd_type;

typedef union {
        lws_sockfd_type sockfd;
        lws_filefd_type filefd;
} lws_sock_file_fd_type;

typedef enum {
        LWS_ADOPT_RAW_FILE_DESC = 0, /* the only kind there is here */
} lws_adoption_type;

/*
 * Takes over a pollable descriptor and watches it for reading, on the thread the call is made from
 * (thread 0 when that is none). `protocol` names one of the vhost's protocols, NULL the first.
 * `parent` is NULL. On failure (no such protocol, another type than LWS_ADOPT_RAW_FILE_DESC, the
 * thread's fd_limit_per_thread, no memory) the descriptor is closed and NULL returned.
 */
struct lws *lws_adopt_descriptor_vhost(struct lws_vhost *vhost, lws_adoption_type type,
        lws_sock_file_fd_type fd, const char *protocol, struct lws *parent);

/* Asks for one LWS_CALLBACK_RAW_WRITEABLE_FILE. 0, or negative. From the wsi's thread. */
int lws_callback_on_writable(struct lws *wsi);

/* The descriptor; its owner is the library. */
int lws_get_socket_fd(struct lws *wsi);
struct lws_context *lws_get_context(const struct lws *wsi);
struct lws_vhost *lws_get_vhost(struct lws *wsi);
const struct lws_protocols *lws_get_protocol(struct lws *wsi);
void *lws_wsi_user(struct lws *wsi);
/* The service thread it belongs to. */
int lws_get_tsi(struct lws *wsi);

#ifdef __cplusplus
}
#endif
#endif
