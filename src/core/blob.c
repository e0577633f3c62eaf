/* SPDX-License-Identifier: MIT */
#include "core/context-private.h"
#include <string.h>

struct lws_system_blob {
        const uint8_t *direct; /* the caller's bytes; NULL when on the heap */
        uint8_t *heap;
        size_t len;
};

int blobs_new(struct lws_system_blob **ret)
{
        *ret = calloc(LWS_SYSBLOB_TYPE_COUNT, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

struct lws_system_blob *blobs_free(struct lws_system_blob *blobs)
{
        for (int i = 0; blobs && i < LWS_SYSBLOB_TYPE_COUNT; i++)
                lws_system_blob_destroy(&blobs[i]);
        free(blobs);
        return NULL;
}

_public_ lws_system_blob_t *lws_system_get_blob(
        struct lws_context *cx, lws_system_blob_item_t type, int idx)
{
        int last = type == LWS_SYSBLOB_TYPE_AUTH ? 1 : 0;

        if ((unsigned) type >= LWS_SYSBLOB_TYPE_COUNT || idx < 0 || idx > last ||
                (int) type == LWS_SYSBLOB_TYPE_AUTH + 1)
                return NULL;
        return &cx->blobs[(int) type + idx];
}

_public_ void lws_system_blob_destroy(lws_system_blob_t *b)
{
        if (b->heap)
                explicit_bzero(b->heap, b->len);
        free(b->heap);
        *b = (lws_system_blob_t){ 0 };
}

_public_ void lws_system_blob_direct_set(lws_system_blob_t *b, const uint8_t *ptr, size_t len)
{
        lws_system_blob_destroy(b);
        b->direct = ptr;
        b->len = len;
}

_public_ void lws_system_blob_heap_empty(lws_system_blob_t *b)
{
        lws_system_blob_destroy(b);
}

_public_ int lws_system_blob_heap_append(lws_system_blob_t *b, const uint8_t *ptr, size_t len)
{
        size_t old = b->direct ? 0 : b->len;
        uint8_t *whole;

        if (len > SIZE_MAX - old)
                return -ENOMEM;
        /* not realloc(): it may leave a copy of a secret behind */
        whole = malloc(old + len > 0 ? old + len : 1);
        if (!whole)
                return -ENOMEM;
        if (old > 0)
                memcpy(whole, b->heap, old);
        if (len > 0)
                memcpy(whole + old, ptr, len);
        lws_system_blob_destroy(b);
        b->heap = whole;
        b->len = old + len;
        return 0;
}

_public_ size_t lws_system_blob_get_size(lws_system_blob_t *b)
{
        return b->len;
}

_public_ int lws_system_blob_get_single_ptr(lws_system_blob_t *b, const uint8_t **ptr)
{
        const uint8_t *bytes = b->direct ? b->direct : b->heap;

        if (!bytes || b->len == 0)
                return -ENODATA;
        *ptr = bytes;
        return 0;
}

_public_ int lws_system_blob_get(lws_system_blob_t *b, uint8_t *ptr, size_t *len, size_t ofs)
{
        const uint8_t *bytes;

        if (lws_system_blob_get_single_ptr(b, &bytes) < 0 || ofs >= b->len) {
                *len = 0;
                return -ENODATA;
        }
        *len = MIN(*len, b->len - ofs);
        memcpy(ptr, bytes + ofs, *len);
        return 0;
}
