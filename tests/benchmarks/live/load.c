/* Load generator for the live benchmarks: many WebSocket clients in one epoll loop.
 *
 *   load HOST PORT PATH COOKIES SOURCES TEXT_PING HELLO
 *
 * PATH may hold one %d, the number of the connection. COOKIES is a file with one Cookie value a line, taken in turn ("-":
 * none). SOURCES is how many loopback addresses to connect from: one has too few ports for churn. TEXT_PING 1 pings with
 * {"type":"ping"} as our clients do, 0 with a ping frame. HELLO is a text to send once open ("-": none).
 *
 * It gathers what arrives for GATHER_US before it reads, as a network card would: otherwise each write of the server pays
 * for waking this program up, and the slower server pays more. All times are longer by up to that much.
 *
 * Who was pinged is read first, between the others: how long a pong takes is the server's affair, not that of the
 * thousands of messages that wait here to be read.
 *
 * It obeys lines on stdin and answers each with one line of JSON on stdout:
 *   open COUNT PER_SECOND   open so many more (0 per second: as fast as they are accepted); answers once each got a message
 *                           (without cookies and HELLO: once it is open)
 *   reset                   counters to zero
 *   wait MESSAGES SECONDS   until so many messages arrived since the reset, or the time is over
 *   ping MICROSECONDS       from now on ping one connection after another at this interval (0: no more)
 *   churn PER_SECOND SECONDS  open one and close the oldest, so often; every second one goes without a closing handshake
 *   close COUNT             close the oldest
 *   quit
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FREE, CONNECTING, HANDSHAKE, FIRST_MESSAGE, OPEN, LEAVING };
enum { GATHER_US = 200, BUFFER = 4 << 20, BUCKETS = 1000000, BUCKET_US = 10 };
enum { IN_FLIGHT = 64, MAXIMUM = 19000, EVENTS = 1024, LOOK_FOR_PONGS = 32 };

struct connection {
    int fd, state;
    uint32_t number, rest_length;
    char *rest; /* the beginning of a frame whose end has not arrived */
    double began, pinged;
};

struct histogram {
    uint32_t counts[BUCKETS];
    uint64_t total;
    double largest_us;
};

static struct connection connections[MAXIMUM + 1]; /* the last one stands for the pinged ones */
static int order[MAXIMUM * 64]; /* open connections, oldest first: a ring would be smaller, this is clearer */
static int oldest, newest;
static char buffer[BUFFER];
static char *cookies[20000];
static int cookie_count, sources, text_ping, epoll, pinged_epoll;
static const char *host, *path, *hello;
static int port;
static uint32_t next_number;
static struct histogram ping_times, connect_times, message_times;
static uint64_t messages, bytes, closed, failed, pending, opened;
static double first_message, last_message, reset_wall, reset_cpu;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void record(struct histogram *h, double seconds) {
    double us = seconds < 0 ? 0 : seconds * 1e6;
    uint64_t bucket = (uint64_t)(us / BUCKET_US);
    h->counts[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    h->total++;
    if (us > h->largest_us) h->largest_us = us;
}

static double quantile_ms(struct histogram *h, double share) {
    uint64_t wanted = (uint64_t)(h->total * share), seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        if ((seen += h->counts[i]) > wanted) return (i + 1) * BUCKET_US / 1000.0;
    return h->largest_us / 1000.0;
}

static void report(void) {
    double wall = now() - reset_wall;
    printf("{\"messages\":%lu,\"bytes\":%lu,\"closed\":%lu,\"failed\":%lu,\"open\":%lu,\"first\":%.6f,\"last\":%.6f,"
           "\"cpu_share\":%.3f,\"pings\":%lu,\"ping_p50_ms\":%.3f,\"ping_p99_ms\":%.3f,\"ping_max_ms\":%.3f,"
           "\"connects\":%lu,\"connect_p50_ms\":%.3f,\"connect_p99_ms\":%.3f,\"connect_max_ms\":%.3f,"
           "\"stamped\":%lu,\"message_p50_ms\":%.3f,\"message_p99_ms\":%.3f,\"message_max_ms\":%.3f}\n",
           messages, bytes, closed, failed, opened, first_message, last_message, (cpu() - reset_cpu) / wall,
           ping_times.total, quantile_ms(&ping_times, .5), quantile_ms(&ping_times, .99), ping_times.largest_us / 1e3,
           connect_times.total, quantile_ms(&connect_times, .5), quantile_ms(&connect_times, .99),
           connect_times.largest_us / 1e3, message_times.total, quantile_ms(&message_times, .5),
           quantile_ms(&message_times, .99), message_times.largest_us / 1e3);
    fflush(stdout);
}

static void reset(void) {
    messages = bytes = closed = failed = 0;
    first_message = last_message = 0;
    memset(&ping_times, 0, sizeof ping_times);
    memset(&connect_times, 0, sizeof connect_times);
    memset(&message_times, 0, sizeof message_times);
    reset_wall = now();
    reset_cpu = cpu();
}

/* `"timestamp":"2026-11-25T13:27:42.123456Z"`: how long ago that was, by the clock that server and client share. */
static void record_age(const char *text, size_t length) {
    const char *found = memmem(text, length, "\"timestamp\":\"", 13);
    if (!found || found + 40 > text + length) return;
    int hours, minutes;
    double seconds;
    if (sscanf(found + 24, "%2d:%2d:%lfZ", &hours, &minutes, &seconds) != 3) return;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    double age = (t.tv_sec % 86400) + t.tv_nsec / 1e9 - (hours * 3600 + minutes * 60 + seconds);
    record(&message_times, age < -43200 ? age + 86400 : age);
}

static void forget(struct connection *c) {
    if (c->state == CONNECTING || c->state == HANDSHAKE || c->state == FIRST_MESSAGE) {
        failed++;
        pending--;
    } else if (c->state == OPEN) {
        closed++;
        opened--;
    }
    close(c->fd);
    free(c->rest);
    memset(c, 0, sizeof *c);
}

static void send_frame(struct connection *c, int opcode, const char *payload, size_t length) {
    char frame[132] = {(char)(0x80 | opcode), (char)(0x80 | length), 0, 0, 0, 0}; /* masked, by zeros */
    memcpy(frame + 6, payload, length);
    if (send(c->fd, frame, 6 + length, MSG_NOSIGNAL) < 0 && errno != EAGAIN) { /* the read will tell */ }
}

static void open_one(void) {
    int index = next_number % MAXIMUM;
    for (int i = 0; i < MAXIMUM && connections[index].state != FREE; i++) index = (index + 1) % MAXIMUM;
    struct connection *c = &connections[index];
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) { perror("socket"); exit(1); }
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + next_number % sources);
    inet_pton(AF_INET, host, &to.sin_addr);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from)) { perror("bind"); exit(1); }
    c->number = next_number++;
    c->began = now();
    c->state = CONNECTING;
    pending++;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) { forget(c); return; }
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void shake_hands(struct connection *c, int index) {
    char request[8192], where[256];
    snprintf(where, sizeof where, path, c->number);
    /* what Chromium sends */
    int length = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
        "Safari/537.36\r\nUpgrade: websocket\r\nOrigin: http://%s:%d\r\nSec-WebSocket-Version: 13\r\n"
        "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9,zh-CN;q=0.8\r\n"
        "%s%s%s%sSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        where, host, port, host, port, cookie_count ? "Cookie: " : "",
        cookie_count ? cookies[c->number % cookie_count] : "", cookie_count ? "\r\n" : "",
        /* python-socketio cannot be told not to deflate, which would cost it four times the figure */
        *hello == '-' ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
    if (send(c->fd, request, length, MSG_NOSIGNAL) != length) { forget(c); return; }
    c->state = HANDSHAKE;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void be_open(struct connection *c, double at) {
    c->state = OPEN;
    pending--;
    opened++;
    record(&connect_times, at - c->began);
    if (newest == (int)(sizeof order / sizeof *order)) {
        memmove(order, order + oldest, (newest - oldest) * sizeof *order);
        newest -= oldest, oldest = 0;
    }
    order[newest++] = c - connections;
}

/* Of Socket.IO comes first 0{…}, then 40{…}; of Jindu first its welcome, then what was subscribed. */
static int answers_hello(const char *payload, size_t length) {
    static const char subscribed[] = "{\"type\":\"subscription\"";
    if (length > 1 && payload[1] == '0') return 1;
    return length > sizeof subscribed && !memcmp(payload, subscribed, sizeof subscribed - 1);
}

static void on_frame(struct connection *c, int opcode, const char *payload, size_t length, double at) {
    if (c->state == LEAVING) return;
    if (opcode == 9) send_frame(c, 10, payload, length < 126 ? length : 0);
    else if (opcode == 10 && c->pinged) { record(&ping_times, at - c->pinged); c->pinged = 0; }
    else if (opcode == 1 || opcode == 2) {
        if (c->state == FIRST_MESSAGE) {
            if (*hello == '-' || answers_hello(payload, length)) be_open(c, at);
            return;
        }
        if (length == 1 && *payload == '2') { send_frame(c, 1, "3", 1); return; } /* Engine.IO's ping */
        if (text_ping && length > 14 && !memcmp(payload, "{\"type\":\"pong\"", 14)) {
            if (c->pinged) record(&ping_times, at - c->pinged);
            c->pinged = 0;
            return;
        }
        if (!messages++) first_message = at;
        last_message = at;
        bytes += length;
        if (text_ping && messages % 7 == 0) record_age(payload, length); /* a sample is enough, and leaves time */
    }
}

/* Returns how much of `data` was whole. */
static size_t parse(struct connection *c, char *data, size_t length, double at) {
    size_t done = 0;
    if (c->state == HANDSHAKE) {
        char *end = memmem(data, length, "\r\n\r\n", 4);
        if (!end) return 0;
        if (memcmp(data, "HTTP/1.1 101", 12)) {
            if (!failed) fprintf(stderr, "load: %.*s\n", 120, data);
            forget(c);
            return length;
        }
        done = end + 4 - data;
        if (*hello != '-') send_frame(c, 1, hello, strlen(hello));
        if (cookie_count || *hello != '-') c->state = FIRST_MESSAGE; else be_open(c, at);
    }
    while (length - done >= 2) {
        unsigned char *head = (unsigned char *)data + done;
        uint64_t size = head[1] & 127;
        size_t head_size = size == 126 ? 4 : size == 127 ? 10 : 2;
        if (length - done < head_size) break;
        if (size == 126) size = head[2] << 8 | head[3];
        else if (size == 127) { size = 0; for (int i = 2; i < 10; i++) size = size << 8 | head[i]; }
        if (length - done < head_size + size) break;
        on_frame(c, head[0] & 15, (char *)head + head_size, size, at);
        done += head_size + size;
    }
    return done;
}

static void read_from(struct connection *c, double at) {
    if (c->rest_length) memcpy(buffer, c->rest, c->rest_length);
    ssize_t got = recv(c->fd, buffer + c->rest_length, BUFFER - c->rest_length, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) { forget(c); return; }
    size_t length = c->rest_length + got, done = parse(c, buffer, length, at);
    if (c->state == FREE) return;
    if (length == done && !c->rest_length) return;
    c->rest_length = length - done;
    free(c->rest);
    c->rest = c->rest_length ? malloc(c->rest_length) : NULL;
    if (c->rest_length) memcpy(c->rest, buffer + done, c->rest_length);
}

/* Have the connection looked at with the pinged ones, or with all others again. */
static void move(struct connection *c, int from, int to) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = c - connections};
    epoll_ctl(from, EPOLL_CTL_DEL, c->fd, NULL);
    epoll_ctl(to, EPOLL_CTL_ADD, c->fd, &event);
}

static void read_pongs(void) {
    struct epoll_event events[16];
    int count = epoll_wait(pinged_epoll, events, 16, 0);
    for (int i = 0; i < count; i++) {
        struct connection *c = &connections[events[i].data.u32];
        read_from(c, now());
        if (c->state != FREE && !c->pinged) move(c, pinged_epoll, epoll);
    }
}

static void turn(int timeout_ms) {
    static struct epoll_event events[EVENTS];
    const struct timespec gather = {.tv_nsec = GATHER_US * 1000};
    int count = epoll_wait(epoll, events, 1, timeout_ms);
    if (count > 0) {
        nanosleep(&gather, NULL);
        count = epoll_wait(epoll, events, EVENTS, 0);
    }
    double at = now();
    for (int i = 0; i < count; i++) {
        struct connection *c = &connections[events[i].data.u32];
        if (i % LOOK_FOR_PONGS == 0) {
            read_pongs();
            at = now();
        }
        if (events[i].data.u32 == MAXIMUM) continue;
        if (c->state == CONNECTING) shake_hands(c, events[i].data.u32);
        else if (c->state != FREE) read_from(c, at);
    }
}

static double ping_interval, next_ping;
static int ping_cursor;

static void ping_when_due(void) {
    double at = now();
    if (!ping_interval || at < next_ping) return;
    next_ping = next_ping + ping_interval < at ? at + ping_interval : next_ping + ping_interval;
    for (int tries = 0; tries < 50 && newest > oldest; tries++) {
        ping_cursor = (ping_cursor + 7919) % (newest - oldest); /* a prime: all over the connections */
        struct connection *c = &connections[order[oldest + ping_cursor]];
        if (c->state != OPEN || c->pinged) continue;
        c->pinged = at;
        move(c, epoll, pinged_epoll);
        if (text_ping) send_frame(c, 1, "{\"type\":\"ping\"}", 15); else send_frame(c, 9, "", 0);
        return;
    }
}

static void step(void) { turn(ping_interval ? 1 : 20); ping_when_due(); }

static void open_many(long count, double per_second) {
    double began = now();
    for (long started = 0; started < count || pending;) {
        while (started < count && (per_second ? started < (now() - began) * per_second : pending < IN_FLIGHT)) {
            open_one();
            started++;
        }
        turn(1);
        ping_when_due();
        if (now() - began > 120 + (per_second ? count / per_second : 0)) break;
    }
}

static void leave(struct connection *c, int politely) {
    if (politely) {
        opened--;
        c->state = LEAVING;
        send_frame(c, 8, "\x03\xe8", 2);
    } else {
        opened--;
        c->state = LEAVING;
        forget(c);
    }
}

static void close_oldest(int politely) {
    while (oldest < newest) {
        struct connection *c = &connections[order[oldest++]];
        if (c->state == OPEN) { leave(c, politely); return; }
    }
}

static void churn(double per_second, double seconds) {
    double began = now();
    for (long done = 0; now() - began < seconds;) {
        while (done < (now() - began) * per_second) { open_one(); close_oldest(done % 2); done++; }
        turn(1);
        ping_when_due();
    }
    for (double end = now() + 10; pending && now() < end;) turn(1);
}

static void read_cookies(const char *name) {
    static char line[8192];
    FILE *file = fopen(name, "r");
    if (!file) { perror(name); exit(1); }
    while (cookie_count < 20000 && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        cookies[cookie_count++] = strdup(line);
    }
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 8) { fprintf(stderr, "load HOST PORT PATH COOKIES SOURCES TEXT_PING HELLO\n"); return 2; }
    host = argv[1], port = atoi(argv[2]), path = argv[3];
    if (*argv[4] != '-') read_cookies(argv[4]);
    sources = atoi(argv[5]), text_ping = atoi(argv[6]), hello = argv[7];
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    epoll = epoll_create1(0);
    pinged_epoll = epoll_create1(0);
    struct epoll_event pinged = {.events = EPOLLIN, .data.u32 = MAXIMUM}; /* wakes up the loop that looks at both */
    epoll_ctl(epoll, EPOLL_CTL_ADD, pinged_epoll, &pinged);
    reset();
    char line[256];
    for (size_t length = 0;;) {
        struct pollfd in = {.fd = 0, .events = POLLIN};
        step();
        if (poll(&in, 1, 0) <= 0) continue;
        ssize_t got = read(0, line + length, sizeof line - 1 - length);
        if (got <= 0) return 0;
        length += got;
        line[length] = 0;
        if (!strchr(line, '\n')) continue;
        length = 0;
        double a = 0, b = 0;
        char command[32] = "";
        sscanf(line, "%31s %lf %lf", command, &a, &b);
        if (!strcmp(command, "open")) open_many(a, b);
        else if (!strcmp(command, "reset")) reset();
        else if (!strcmp(command, "wait")) for (double end = now() + b; messages < a && now() < end;) step();
        else if (!strcmp(command, "ping")) ping_interval = a / 1e6, next_ping = now();
        else if (!strcmp(command, "churn")) churn(a, b);
        else if (!strcmp(command, "close")) for (long i = 0; i < a; i++) { close_oldest(1); if (i % 100 == 99) turn(1); }
        else if (!strcmp(command, "quit")) return 0;
        report();
    }
}
