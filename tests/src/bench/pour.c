/* A job that prints: COUNT times BYTES in one write each, with a newline at the end of each. Then
 * it appends to the file LINES a line like that of append.c, with the time of its last write. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(STDOUT_FILENO, bytes, length);
        if (wrote < 0)
            return 0;
        bytes += wrote;
        length -= (size_t)wrote;
    }
    return 1;
}

int main(int argc, char **argv)
{
    struct timespec now;
    char line[128];

    if (argc != 5)
        return 64;
    long count = atol(argv[3]);
    size_t length = (size_t)atol(argv[4]);
    char *bytes = malloc(length);
    if (bytes == NULL || length == 0)
        return 64;
    memset(bytes, 'x', length);
    bytes[length - 1] = '\n';
    while (count-- > 0)
        if (!write_all(bytes, length))
            return 1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int size = snprintf(line, sizeof line, "%s %010lld%09ld\n", argv[2], (long long)now.tv_sec,
                        now.tv_nsec);
    int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return file < 0 || write(file, line, size) != size;
}
