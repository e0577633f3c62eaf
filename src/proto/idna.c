/* SPDX-License-Identifier: MIT */
#include "proto/idna.h"
#include "util/error.h"
#include <idn2.h>
#include <string.h>

#define TEXT_MAX 1024

int idna_to_ascii(const char *text, char **ret)
{
        char *ascii = NULL, *copy;

        if (strlen(text) > TEXT_MAX ||
                idn2_to_ascii_8z(text, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
                return -EINVAL;
        copy = strdup(ascii);
        idn2_free(ascii);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}
