/* SPDX-License-Identifier: MIT */
#include "fetch/transfer.h"
#include "proto/url.h"
#include <config.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct curl_slist StringSlist;

static void curl_freep(CURL **c)
{
        curl_easy_cleanup(*c);
}

static void slist_freep(StringSlist **l)
{
        curl_slist_free_all(*l);
}

int transfer_new(Transfer **ret)
{
        Transfer *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->answer = (FetchAnswer){ .max_age_sec = FETCH_NO_AGE,
                .retry_after_sec = FETCH_NO_AGE,
                .valid_until_usec = USEC_INFINITY,
                .message = t->message,
                .content_type = t->content_type,
                .etag = t->etag,
                .location = t->location };
        *ret = t;
        return 0;
}

Transfer *transfer_free(Transfer *t)
{
        if (!t)
                return NULL;
        client_key_free(t->key);
        free(t->body);
        free(t);
        return NULL;
}

void transfer_fail(Transfer *t, FetchError error, const char *message)
{
        t->answer.error = error;
        t->answer.status = 0;
        t->answer.body_size = 0;
        snprintf(t->message, sizeof(t->message), "%s", message);
}

static size_t on_body(char *data, size_t one, size_t size, void *userdata)
{
        Transfer *t = userdata;
        uint8_t *p;

        if (size > t->body_max - t->body_size) {
                t->too_big = true;
                return 0;
        }
        p = realloc(t->body, t->body_size + size + 1);
        if (!p)
                return 0;
        memcpy(p + t->body_size, data, size);
        t->body = p;
        t->body_size += size;
        return size;
}

/* The value of header `name` in `line`, or NULL; blanks around it are gone, printable ASCII only.
 */
static const char *header_value(
        char *line, size_t size, const char *name, char *buf, size_t buf_size)
{
        size_t n = strlen(name), len;

        if (size <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
                return NULL;
        for (line += n + 1, size -= n + 1; size > 0 && (*line == ' ' || *line == '\t'); size--)
                line++;
        while (size > 0 && (unsigned char) line[size - 1] <= ' ')
                size--;
        if (size >= buf_size)
                return NULL; /* cut values mean something else: better none */
        for (len = 0; len < size; len++)
                if (line[len] < 0x20 || line[len] > 0x7e)
                        return NULL;
        memcpy(buf, line, size);
        buf[size] = 0;
        return buf;
}

static uint32_t parse_seconds(const char *s)
{
        unsigned long v;
        char *end;

        if (*s < '0' || *s > '9')
                return FETCH_NO_AGE;
        v = strtoul(s, &end, 10);
        return v >= FETCH_NO_AGE ? FETCH_NO_AGE - 1 : (uint32_t) v;
}

static uint32_t parse_cache_control(const char *value)
{
        const char *age = strcasestr(value, "max-age=");

        if (strcasestr(value, "no-store") || strcasestr(value, "no-cache"))
                return 0;
        return age ? parse_seconds(age + strlen("max-age=")) : FETCH_NO_AGE;
}

/* Seconds, or a date, which is compared with the server's own: that needs no true clock here. */
static uint32_t parse_retry_after(const char *value, time_t server_date)
{
        time_t date = curl_getdate(value, NULL);

        if (*value >= '0' && *value <= '9')
                return parse_seconds(value);
        if (date < 0 || server_date <= 0)
                return FETCH_NO_AGE;
        return date <= server_date ? 0 : (uint32_t) MIN(date - server_date, FETCH_NO_AGE - 1);
}

static size_t on_header(char *line, size_t one, size_t size, void *userdata)
{
        Transfer *t = userdata;
        char value[128];

        (void) header_value(line, size, "content-type", t->content_type, sizeof(t->content_type));
        (void) header_value(line, size, "etag", t->etag, sizeof(t->etag));
        (void) header_value(line, size, "location", t->location, sizeof(t->location));
        (void) header_value(line, size, "retry-after", t->retry_after, sizeof(t->retry_after));
        if (header_value(line, size, "date", value, sizeof(value)))
                t->date = curl_getdate(value, NULL);
        if (header_value(line, size, "cache-control", value, sizeof(value)))
                t->answer.max_age_sec = parse_cache_control(value);
        return size;
}

static usec_t usec_of(const ASN1_TIME *t, usec_t otherwise)
{
        struct tm tm = { 0 };
        time_t v = t && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : -1;

        return v < 0 ? otherwise : (usec_t) v * USEC_PER_SEC;
}

/* Notes when every certificate of the chain is valid; what is not even a date never is. */
static int note_dates(int ok, X509_STORE_CTX *store)
{
        SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        FetchAnswer *a = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
        const X509 *cert = X509_STORE_CTX_get_current_cert(store);

        if (ok && cert) {
                usec_t from = usec_of(X509_get0_notBefore(cert), USEC_INFINITY);
                usec_t until = usec_of(X509_get0_notAfter(cert), 0);

                a->valid_from_usec = MAX(a->valid_from_usec, from);
                a->valid_until_usec = MIN(a->valid_until_usec, until);
        }
        return ok;
}

static CURLcode ignore_dates(CURL *curl, void *ssl_ctx, void *userdata)
{
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl_ctx), X509_V_FLAG_NO_CHECK_TIME);
        SSL_CTX_set_app_data(ssl_ctx, userdata);
        SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER, note_dates);
        return CURLE_OK;
}

static CURLcode show_key(CURL *curl, void *ssl_ctx, void *userdata)
{
        return client_key_show(userdata, ssl_ctx) < 0 ? CURLE_SSL_CERTPROBLEM : CURLE_OK;
}

/* Appends `name` and `value`, unless the value is empty. */
static int add_string(StringSlist **list, const char *name, const char *value)
{
        char line[9 << 10];
        StringSlist *l;

        if (!*value)
                return 0;
        if (strpbrk(value, "\r\n") ||
                (size_t) snprintf(line, sizeof(line), "%s%s", name, value) >= sizeof(line))
                return -EINVAL;
        l = curl_slist_append(*list, line);
        if (!l)
                return -ENOMEM;
        *list = l;
        return 0;
}

/* "host:port:addr,addr" as CURLOPT_RESOLVE wants it; nothing is ever looked up here. */
static int add_addresses(StringSlist **list, const FetchRequest *q, const Url *url)
{
        char line[sizeof(url->host) + FETCH_ADDRESSES_MAX * (IP_ADDR_STRLEN + 3) + 8];
        char ip[IP_ADDR_STRLEN];
        int n;

        if (q->n_addresses == 0)
                return 0;
        n = snprintf(line, sizeof(line), "%s:%u:", url->host, url->port);
        for (size_t i = 0; i < q->n_addresses; i++) {
                bool v6 = q->addresses[i].family == AF_INET6;

                n += snprintf(line + n, sizeof(line) - (size_t) n, "%s%s%s%s", i ? "," : "",
                        v6 ? "[" : "", ip_format(&q->addresses[i], ip), v6 ? "]" : "");
        }
        return add_string(list, "", line);
}

static void set_blob(CURL *curl, CURLoption option, const char *pem)
{
        struct curl_blob blob = {
                .data = (void *) (uintptr_t) pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY
        };

        if (blob.len > 0)
                (void) curl_easy_setopt(curl, option, &blob);
}

static void set_up(Transfer *t, CURL *curl, const FetchRequest *q)
{
        char interface[IFNAMSIZ + 4];

        (void) curl_easy_setopt(curl, CURLOPT_URL, q->url);
        (void) curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        (void) curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void) curl_easy_setopt(curl, CURLOPT_PROXY, "");
        (void) curl_easy_setopt(curl, CURLOPT_USERAGENT, "lwsd/" PACKAGE_VERSION);
        (void) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) q->timeout_msec);
        (void) curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->message);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
        (void) curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        (void) curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
        (void) curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        set_blob(curl, CURLOPT_CAINFO_BLOB, q->ca_pem);
        /* Never both: nobody says who he is to a server whose dates are not looked at. */
        if (t->key) {
                (void) curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, show_key);
                (void) curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, t->key);
        } else if (q->flags & FETCH_IGNORE_DATES) {
                (void) curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, ignore_dates);
                (void) curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, &t->answer);
        }
        if (q->interface[0]) {
                snprintf(interface, sizeof(interface), "if!%s", q->interface);
                (void) curl_easy_setopt(curl, CURLOPT_INTERFACE, interface);
        }
        if (q->method == FETCH_POST) {
                (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long) q->body_size);
                (void) curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, (const char *) q->body);
        }
}

static FetchError classify(CURL *curl, CURLcode code)
{
        long verify = 0;

        if (code == CURLE_OPERATION_TIMEDOUT)
                return FETCH_TIMEOUT;
        if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                code == CURLE_INTERFACE_FAILED)
                return FETCH_CONNECT;
        if (code == CURLE_PEER_FAILED_VERIFICATION) {
                (void) curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verify);
                return verify == X509_V_ERR_CERT_HAS_EXPIRED ||
                                       verify == X509_V_ERR_CERT_NOT_YET_VALID
                               ? FETCH_TLS_DATE
                               : FETCH_TLS;
        }
        if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CERTPROBLEM ||
                code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR)
                return FETCH_TLS;
        return FETCH_PROTOCOL;
}

static void finish(Transfer *t, CURL *curl, CURLcode code)
{
        long status = 0;

        if (t->too_big) {
                transfer_fail(t, FETCH_TOO_BIG, "answer larger than allowed");
        } else if (code != CURLE_OK) {
                char words[CURL_ERROR_SIZE];

                snprintf(words, sizeof(words), "%s",
                        t->message[0] ? t->message : curl_easy_strerror(code));
                transfer_fail(t, classify(curl, code), words);
        } else {
                (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
                t->answer.status = (uint16_t) status;
                t->answer.retry_after_sec = parse_retry_after(t->retry_after, t->date);
                t->answer.body_size = (uint32_t) t->body_size;
        }
}

/* The key that the request names, with its certificates where it is shown to somebody. */
static int open_key(Transfer *t, const FetchRequest *q)
{
        bool shown = q->method != FETCH_SIGN;
        int r;

        if (!q->key[0] || (shown && !q->cert_pem[0]))
                return shown ? 0 : -EBADMSG;
        r = client_key_new(&t->key, q->key, q->key_provider);
        return r < 0 || !shown ? r : client_key_set_certificates(t->key, q->cert_pem);
}

/* With OpenSSL's or its provider's own reason, where there is one. */
static void fail_key(Transfer *t, int r)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        char words[CURL_ERROR_SIZE];

        snprintf(words, sizeof(words), "%s%s%s",
                r == -ENOENT         ? "our key cannot be had from its provider"
                : r == -EKEYREJECTED ? "our certificate is for another key"
                : r == -EOPNOTSUPP   ? "our key is neither EC nor RSA"
                                     : "our key or certificate cannot be used",
                reason ? ": " : "", reason ? reason : "");
        transfer_fail(t, FETCH_KEY, words);
}

static int sign(Transfer *t, const FetchRequest *q)
{
        _cleanup_(freep) char *name = strndup((const char *) q->body, q->body_size), *text = NULL;
        int r;

        if (!name)
                return -ENOMEM;
        r = client_key_sign(t->key, name, q->cert_pem[0] ? q->cert_pem : NULL, &text);
        if (r < 0)
                return r;
        t->body_size = strlen(text);
        if (t->body_size > t->body_max)
                return -E2BIG;
        t->body = (uint8_t *) TAKE_PTR(text);
        t->answer.status = 200;
        t->answer.body_size = (uint32_t) t->body_size;
        return 0;
}

/* A handle for each request: one that is kept would keep the addresses of the last one too. */
static void exchange(Transfer *t, const FetchRequest *q)
{
        _cleanup_(curl_freep) CURL *curl = curl_easy_init();
        _cleanup_(slist_freep) StringSlist *headers = NULL, *resolve = NULL;
        Url url;

        if (!curl) {
                transfer_fail(t, FETCH_PROTOCOL, "out of memory");
                return;
        }
        if (url_parse(q->url, &url) < 0 || strlen(q->interface) >= IFNAMSIZ ||
                add_string(&headers, "Accept: ", q->accept) < 0 ||
                add_string(&headers, "If-None-Match: ", q->if_none_match) < 0 ||
                add_string(&headers, "Content-Type: ", q->content_type) < 0 ||
                add_string(&headers, "Authorization: ", q->authorization) < 0 ||
                add_addresses(&resolve, q, &url) < 0) {
                transfer_fail(t, FETCH_BAD_REQUEST, "request cannot be made");
                return;
        }
        set_up(t, curl, q);
        (void) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void) curl_easy_setopt(curl, CURLOPT_RESOLVE, resolve);
        finish(t, curl, curl_easy_perform(curl));
}

void transfer_run(Transfer *t, const FetchRequest *q)
{
        int r;

        t->body_max = MIN(q->body_max, (uint32_t) FETCH_BODY_MAX);
        r = open_key(t, q);
        if (r >= 0 && q->method == FETCH_SIGN)
                r = sign(t, q);
        if (r < 0)
                fail_key(t, r);
        else if (q->method != FETCH_SIGN)
                exchange(t, q);
}
