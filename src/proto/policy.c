/* SPDX-License-Identifier: MIT */
#include "proto/policy.h"
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Document Document;
struct Document {
        const char *text;
        size_t size;
        PolicyError *error; /* or NULL */
};

/* Whether the string that ended before `pos` is a name and not a value. */
static bool is_member_name(const Document *d, size_t pos)
{
        while (pos < d->size && strchr(" \t\r\n", d->text[pos]))
                pos++;
        return pos < d->size && d->text[pos] == ':';
}

/*
 * The place of a member's name in text that is known to be valid JSON: `outer` NULL for a member of
 * the document itself, else one of that member's. jansson forgets places once it has parsed.
 */
static size_t find_member(const Document *d, const char *outer, const char *name)
{
        const char *wanted = outer ? outer : name;
        int depth = 0, wanted_depth = 1;

        for (size_t i = 0; i < d->size; i++) {
                size_t start = i + 1, n = strlen(wanted);

                if (d->text[i] == '{' || d->text[i] == '[')
                        depth++;
                if (d->text[i] == '}' || d->text[i] == ']')
                        depth--;
                if (d->text[i] != '"')
                        continue;
                for (i++; i < d->size && d->text[i] != '"'; i++)
                        if (d->text[i] == '\\')
                                i++;
                if (depth != wanted_depth || i - start != n ||
                        memcmp(d->text + start, wanted, n) != 0 || !is_member_name(d, i + 1))
                        continue;
                if (!outer || wanted == name)
                        return start - 1;
                wanted = name;
                wanted_depth++;
        }
        return 0;
}

static void set_place(PolicyError *e, const char *text, size_t pos)
{
        e->line = e->column = 1;
        for (size_t i = 0; i < pos; i++) {
                e->column = text[i] == '\n' ? 1 : e->column + 1;
                e->line += text[i] == '\n';
        }
}

static int fail(const Document *d, const char *outer, const char *name, const char *fmt, ...)
        _printf_(4, 5);
static int fail(const Document *d, const char *outer, const char *name, const char *fmt, ...)
{
        va_list ap;

        if (!d->error)
                return -EBADMSG;
        set_place(d->error, d->text, find_member(d, outer, name));
        va_start(ap, fmt);
        vsnprintf(d->error->text, sizeof(d->error->text), fmt, ap);
        va_end(ap);
        return -EBADMSG;
}

static int take_date(const Document *d, const json_t *root, const char *name, usec_t *date)
{
        const json_t *v = json_object_get(root, name);
        json_int_t max = (json_int_t) (INT64_MAX / USEC_PER_SEC);

        if (!v)
                return 0;
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
                return fail(d, NULL, name, "\"%s\" is not a number of seconds since 1970", name);
        *date = (usec_t) json_integer_value(v) * USEC_PER_SEC;
        return 0;
}

static bool is_name(const char *s)
{
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-");

        return n > 0 && n <= POLICY_NAME_MAX && s[n] == 0;
}

/* U+nFFFE, U+nFFFF and U+FDD0 to U+FDEF in well-formed UTF-8: sd-bus takes no such string. */
static bool has_noncharacter(const char *text)
{
        for (const uint8_t *s = (const uint8_t *) text; *s; s++) {
                bool last_of_plane = *s == 0xef || (*s & 0xcf) == 0x8f;

                if (last_of_plane && s[1] == 0xbf && (s[2] == 0xbe || s[2] == 0xbf))
                        return true;
                if (*s == 0xef && s[1] == 0xb7 && s[2] >= 0x90 && s[2] <= 0xaf)
                        return true;
        }
        return false;
}

static int take_text(const Document *d, const char *name, const json_t *value, PolicyProperty *p)
{
        const char *text = json_string_value(value);

        if (strlen(text) != json_string_length(value) || has_noncharacter(text))
                return fail(d, "properties", name, "\"%s\" has a NUL or noncharacter in it", name);
        if (strlen(text) > POLICY_VALUE_MAX)
                return fail(
                        d, "properties", name, "\"%s\" is over %d bytes", name, POLICY_VALUE_MAX);
        p->text = strdup(text);
        return p->text ? 0 : -ENOMEM;
}

static int take_property(
        const Document *d, const char *name, const json_t *value, PolicyProperty *p)
{
        if (!is_name(name))
                return fail(d, "properties", name, "\"%.40s\" is not a property name", name);
        p->name = strdup(name);
        if (!p->name)
                return -ENOMEM;
        switch (json_typeof(value)) {
        case JSON_STRING:
                p->type = POLICY_TEXT;
                return take_text(d, name, value, p);
        case JSON_INTEGER:
                p->type = POLICY_INTEGER;
                p->integer = json_integer_value(value);
                return 0;
        case JSON_REAL:
                p->type = POLICY_REAL;
                p->real = json_real_value(value);
                return 0;
        case JSON_TRUE:
        case JSON_FALSE:
                p->type = POLICY_BOOLEAN;
                p->boolean = json_is_true(value);
                return 0;
        case JSON_OBJECT:
        case JSON_ARRAY:
        case JSON_NULL:
                break;
        }
        return fail(d, "properties", name, "\"%s\" is no string, number or boolean", name);
}

static int compare_properties(const void *a, const void *b)
{
        return strcmp(((const PolicyProperty *) a)->name, ((const PolicyProperty *) b)->name);
}

static int take_properties(const Document *d, json_t *root, Policy *policy)
{
        json_t *object = json_object_get(root, "properties"), *value;
        const char *name;
        int r;

        if (!object)
                return 0;
        if (!json_is_object(object))
                return fail(d, NULL, "properties", "\"properties\" is not an object");
        if (json_object_size(object) > POLICY_PROPERTIES_MAX)
                return fail(
                        d, NULL, "properties", "more than %d properties", POLICY_PROPERTIES_MAX);
        policy->properties = calloc(json_object_size(object) + 1, sizeof(*policy->properties));
        if (!policy->properties)
                return -ENOMEM;
        json_object_foreach(object, name, value)
        {
                r = take_property(d, name, value, &policy->properties[policy->n_properties++]);
                if (r < 0)
                        return r;
        }
        qsort(policy->properties, policy->n_properties, sizeof(*policy->properties),
                compare_properties);
        return 0;
}

static int take_members(const Document *d, json_t *root, Policy *policy)
{
        const json_t *version = json_object_get(root, "version");
        int r;

        if (!json_is_object(root))
                return fail(d, NULL, "", "the document is not an object");
        if (!version)
                return fail(d, NULL, "", "\"version\" is missing");
        if (!json_is_integer(version) || json_integer_value(version) < 1)
                return fail(d, NULL, "version", "\"version\" is not a whole number from 1");
        policy->version = (uint64_t) json_integer_value(version);
        policy->expires_usec = USEC_INFINITY;
        r = take_date(d, root, "nbf", &policy->not_before_usec);
        if (r >= 0)
                r = take_date(d, root, "exp", &policy->expires_usec);
        if (r < 0)
                return r;
        if (policy->expires_usec <= policy->not_before_usec)
                return fail(d, NULL, "exp", "\"exp\" is not after \"nbf\"");
        return take_properties(d, root, policy);
}

int policy_parse(const char *text, size_t size, Policy **ret, PolicyError *ret_error)
{
        const Document d = { .text = text, .size = size, .error = ret_error };
        _cleanup_(policy_freep) Policy *policy = NULL;
        json_auto_t *root = NULL;
        json_error_t e;
        int r;

        if (size > POLICY_SIZE_MAX)
                return fail(&d, NULL, "", "the document is over %d bytes", POLICY_SIZE_MAX);
        root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &e);
        if (!root) {
                (void) fail(&d, NULL, "", "%s", e.text);
                if (ret_error) {
                        ret_error->line = MAX(e.line, 1);
                        ret_error->column = MAX(e.column, 1);
                }
                return -EBADMSG;
        }
        policy = calloc(1, sizeof(*policy));
        if (!policy)
                return -ENOMEM;
        r = take_members(&d, root, policy);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(policy);
        return 0;
}

Policy *policy_free(Policy *policy)
{
        if (!policy)
                return NULL;
        for (size_t i = 0; i < policy->n_properties; i++) {
                free(policy->properties[i].name);
                free(policy->properties[i].text);
        }
        free(policy->properties);
        free(policy);
        return NULL;
}
