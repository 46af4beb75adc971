/* The client of every round trip: writes a request, reads the answer's bytes, again.
 *
 *   client WHERE[,WHERE] REQUEST_HEX ANSWER_BYTES EXCHANGES
 *
 * WHERE is a terminal's path, HOST:PORT, or fd:N for a descriptor that was handed down. Two are
 * asked in turns, exchange by exchange. Prints for each, in a line of its own, nanoseconds per
 * exchange: mean, median, 95th percentile. The first 20 exchanges, or the first one where fewer
 * than 100 are asked for, are not counted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#define MOST 2

static int reach(char *where)
{
    int one = 1;
    char *colon = strchr(where, ':');
    if (!strncmp(where, "fd:", 3))
        return atoi(where + 3);
    if (where[0] == '/') {
        int fd = open(where, O_RDWR | O_NOCTTY);
        struct termios mode;
        if (fd >= 0 && !tcgetattr(fd, &mode)) {
            cfmakeraw(&mode);
            tcsetattr(fd, TCSANOW, &mode);
        }
        return fd;
    }
    if (!colon)
        return -1;
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
    *colon = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (!inet_aton(where, &there.sin_addr) || connect(fd, (struct sockaddr *)&there, sizeof there))
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* One exchange; 0 where it went wrong. */
static int ask(int fd, const unsigned char *request, ssize_t length, long expected)
{
    unsigned char answer[4096];
    if (write(fd, request, length) != length)
        return 0;
    for (long got = 0; got < expected;) {
        ssize_t more = read(fd, answer, sizeof answer);
        if (more <= 0)
            return 0;
        got += more;
    }
    return 1;
}

int main(int argc, char **argv)
{
    unsigned char request[512];
    ssize_t length = 0;
    int fds[MOST], servers = 0;
    double *each[MOST], total[MOST] = {0};
    if (argc != 5)
        return 2;
    long expected = atol(argv[3]), exchanges = atol(argv[4]);
    for (char *where = strtok(argv[1], ","); where && servers < MOST; where = strtok(NULL, ",")) {
        fds[servers] = reach(where);
        each[servers] = calloc(exchanges, sizeof(double));
        if (exchanges < 1 || fds[servers] < 0 || !each[servers++]) {
            perror(where);
            return 1;
        }
    }
    for (const char *hex = argv[2]; hex[0] && hex[1]; hex += 2)
        sscanf(hex, "%2hhx", &request[length++]);
    alarm(120); /* a server that stopped answering ends the run, not the patience */
    for (long n = exchanges < 100 ? -1 : -20; n < exchanges; n++)
        for (int s = 0; s < servers; s++) {
            double before = now_ns();
            if (!ask(fds[s], request, length, expected))
                return 1;
            if (n >= 0)
                total[s] += each[s][n] = now_ns() - before;
        }
    for (int s = 0; s < servers; s++) {
        qsort(each[s], exchanges, sizeof(double), by_size);
        printf("%.1f %.1f %.1f\n", total[s] / exchanges, each[s][exchanges / 2],
               each[s][exchanges * 95 / 100]);
    }
    return 0;
}
