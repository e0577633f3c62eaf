/* SPDX-License-Identifier: MIT */
#include "fuzz.h"
#include "proto/rtnl-message.h"
#include "util/error.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *copy = aligned_alloc(16, (size + 16) & ~(size_t) 15);
        RtnlMessage m;
        size_t pos = 0, before = 0;

        memcpy(copy, data, size);
        while (rtnl_next(copy, size, &pos, &m) != 0) {
                assert(pos > before && pos <= size);
                before = pos;
        }
        free(copy);
        return 0;
}
