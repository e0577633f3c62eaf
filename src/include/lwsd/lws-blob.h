/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_BLOB_H
#define LWSD_LWS_BLOB_H
/*
 * Blobs: what the device knows about itself (its tokens, certificate, serial number), kept with the
 * context by type and index. All of them belong to thread 0.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lws_context;

typedef enum {
        LWS_SYSBLOB_TYPE_AUTH, /* index 0 and 1 */
        LWS_SYSBLOB_TYPE_CLIENT_CERT_DER = LWS_SYSBLOB_TYPE_AUTH + 2,
        LWS_SYSBLOB_TYPE_CLIENT_KEY_DER,
        LWS_SYSBLOB_TYPE_DEVICE_SERIAL,
        LWS_SYSBLOB_TYPE_DEVICE_FW_VERSION,
        LWS_SYSBLOB_TYPE_DEVICE_TYPE,
        LWS_SYSBLOB_TYPE_NTP_SERVER,
        LWS_SYSBLOB_TYPE_COUNT,
} lws_system_blob_item_t;

typedef struct lws_system_blob lws_system_blob_t;

/* The blob of that type and index (0, for LWS_SYSBLOB_TYPE_AUTH also 1); NULL for any other. It
 * belongs to the context. */
lws_system_blob_t *lws_system_get_blob(
        struct lws_context *cx, lws_system_blob_item_t type, int idx);

/* Lets the blob point at the caller's bytes, which must stay as long as they are in use. */
void lws_system_blob_direct_set(lws_system_blob_t *b, const uint8_t *ptr, size_t len);
/* Makes it an empty blob on the heap; what it held there is wiped and freed. */
void lws_system_blob_heap_empty(lws_system_blob_t *b);
/* Appends a copy; bytes set directly are replaced. 0, or nonzero without memory (nothing added). */
int lws_system_blob_heap_append(lws_system_blob_t *b, const uint8_t *ptr, size_t len);

size_t lws_system_blob_get_size(lws_system_blob_t *b);
/* The bytes in place, valid until the blob changes. 0, or nonzero for an empty blob. */
int lws_system_blob_get_single_ptr(lws_system_blob_t *b, const uint8_t **ptr);
/* Copies up to *len bytes from `ofs` and sets *len to how many. 0, or nonzero (and *len 0) when the
 * blob is empty or `ofs` lies behind its end. */
int lws_system_blob_get(lws_system_blob_t *b, uint8_t *ptr, size_t *len, size_t ofs);
/* Wipes and frees what the blob holds; it can be set again. */
void lws_system_blob_destroy(lws_system_blob_t *b);

#ifdef __cplusplus
}
#endif
#endif
