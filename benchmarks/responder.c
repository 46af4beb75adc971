/* The floor: answers a constant to whatever arrives, and does nothing else.
 *
 *   responder pty ANSWER_HEX             prints the terminal's path
 *   responder tcp ANSWER_HEX             prints 127.0.0.1:PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include <fcntl.h>

static unsigned char answer[512];
static ssize_t answer_length;

static void answer_all(int fd)
{
    unsigned char request[4096];
    while (read(fd, request, sizeof request) > 0)
        if (write(fd, answer, answer_length) != answer_length)
            return;
}

static int serve_pty(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master))
        return 1;
    const char *path = ptsname(master);
    int slave = open(path, O_RDWR | O_NOCTTY); /* stays open: clients come and go */
    struct termios mode;
    if (slave < 0 || tcgetattr(slave, &mode))
        return 1;
    cfmakeraw(&mode);
    tcsetattr(slave, TCSANOW, &mode);
    printf("%s\n", path);
    fflush(stdout);
    answer_all(master);
    return 0;
}

static int serve_tcp(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&here, size) || listen(listener, 8)
        || getsockname(listener, (struct sockaddr *)&here, &size))
        return 1;
    printf("127.0.0.1:%d\n", ntohs(here.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            return 1;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        answer_all(client);
        close(client);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    for (const char *hex = argv[2]; hex[0] && hex[1]; hex += 2)
        sscanf(hex, "%2hhx", &answer[answer_length++]);
    return strcmp(argv[1], "pty") ? serve_tcp() : serve_pty();
}
