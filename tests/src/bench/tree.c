/* A job that does not want to end: it has COUNT descendants in sessions of their own, none of which
 * hears SIGTERM, and all of which hold the pipe FIFO open, so that its reader sees the end of the
 * last one. It writes "ready PID" of the last one there when they are, and "term NANOSECONDS"
 * (CLOCK_MONOTONIC) when SIGTERM comes. It does not end then, but with a third argument. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Should nobody get hold of them. */
enum { LIFE_SECONDS = 120 };

int main(int argc, char **argv)
{
    struct timespec now;
    char line[64];
    sigset_t term;
    struct sched_param priority = {.sched_priority = 1};
    int signal_number;
    pid_t child = 0;

    if (argc != 3 && argc != 4)
        return 64;
    int fifo = open(argv[1], O_WRONLY);
    if (fifo < 0)
        return 1;
    alarm(LIFE_SECONDS);
    signal(SIGTERM, SIG_IGN);
    for (int left = atoi(argv[2]); left > 0; left--) {
        child = fork();
        if (child < 0)
            return 2;
        if (child == 0) {
            setsid();
            /* An alarm is not inherited. */
            alarm(LIFE_SECONDS);
            for (;;)
                pause();
        }
    }
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    signal(SIGTERM, SIG_DFL);
    int length = snprintf(line, sizeof line, "ready %d\n", (int)child);
    /* So that it sees SIGTERM at once, where it may: else its times are those of a busy machine. */
    sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
    if (write(fifo, line, length) != length)
        return 3;
    for (;;) {
        sigwait(&term, &signal_number);
        clock_gettime(CLOCK_MONOTONIC, &now);
        length = snprintf(line, sizeof line, "term %lld%09ld\n", (long long)now.tv_sec,
                          now.tv_nsec);
        if (write(fifo, line, length) != length)
            return 4;
        if (argc == 4)
            return 0;
    }
}
