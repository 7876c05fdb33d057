/* The floor of the fan-out benchmark: what it costs the kernel alone to write the same bytes to each socket.
 *
 *   floor PORT
 *
 * One epoll loop accepts WebSockets, answers ping frames, and obeys lines on stdin, each answered by one line of JSON:
 *   broadcast ROUNDS SIZE         per round, one send() of one message to each socket
 *   coalesced ROUNDS SIZE COUNT   per round, one send() of COUNT messages joined to each socket
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAXIMUM = 19000, PER_TURN = 400 };

static const char accepted[] = /* the answer to the one key that the load generator sends */
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static int epoll, listening, sockets[MAXIMUM], place[MAXIMUM + 1000], is_open[MAXIMUM + 1000], count;

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

static void accept_all(void) {
    for (int fd; (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        is_open[fd] = 0;
    }
}

static void read_from(int fd) {
    char data[8192];
    ssize_t got = recv(fd, data, sizeof data, 0);
    if (got <= 0 || (is_open[fd] && (data[0] & 15) == 8)) {
        if (is_open[fd]) {
            sockets[place[fd]] = sockets[--count];
            place[sockets[place[fd]]] = place[fd];
            is_open[fd] = 0;
        }
        close(fd);
    } else if (!is_open[fd]) {
        send(fd, accepted, sizeof accepted - 1, MSG_NOSIGNAL);
        is_open[fd] = 1;
        place[fd] = count;
        sockets[count++] = fd;
    } else if ((data[0] & 15) == 9) {
        send(fd, "\x8a\x00", 2, MSG_NOSIGNAL);
    }
}

static void turn(int timeout_ms) {
    struct epoll_event events[256];
    int ready = epoll_wait(epoll, events, 256, timeout_ms);
    for (int i = 0; i < ready; i++)
        if (events[i].data.fd == listening) accept_all();
        else if (events[i].data.fd != 0) read_from(events[i].data.fd);
}

static void send_whole(int fd, const char *data, size_t length) {
    while (length) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return;
        if (sent < 0) {
            struct pollfd writable = {.fd = fd, .events = POLLOUT};
            poll(&writable, 1, 1000);
            continue;
        }
        data += sent, length -= sent;
    }
}

static void broadcast(int rounds, int size, int joined) {
    int head = size < 126 ? 2 : 4;
    size_t length = (size_t)joined * (head + size);
    char *frames = malloc(length);
    for (int i = 0; i < joined; i++) {
        char *frame = frames + i * (head + size);
        frame[0] = (char)0x81;
        if (head == 2) frame[1] = size; else frame[1] = 126, frame[2] = size >> 8, frame[3] = size;
        memset(frame + head, 'x', size);
    }
    double began = now(), began_cpu = cpu();
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < count; i++) {
            send_whole(sockets[i], frames, length);
            if (i % PER_TURN == PER_TURN - 1) turn(0);
        }
        turn(0);
    }
    printf("{\"began\":%.6f,\"wall\":%.6f,\"cpu\":%.6f}\n", began, now() - began, cpu() - began_cpu);
    free(frames);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listening, (struct sockaddr *)&at, sizeof at) || listen(listening, 1024)) { perror("listen"); return 1; }
    socklen_t at_length = sizeof at;
    getsockname(listening, (struct sockaddr *)&at, &at_length);
    epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listening};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event);
    event.data.fd = 0;
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
    printf("{\"port\":%d}\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        char line[256], command[32] = "";
        int rounds = 0, size = 0, joined = 1;
        struct pollfd in = {.fd = 0, .events = POLLIN};
        turn(20);
        if (poll(&in, 1, 0) <= 0) continue;
        ssize_t got = read(0, line, sizeof line - 1);
        if (got <= 0) return 0;
        line[got] = 0;
        sscanf(line, "%31s %d %d %d", command, &rounds, &size, &joined);
        if (!strcmp(command, "quit")) return 0;
        broadcast(rounds, size, joined);
        fflush(stdout);
    }
}
