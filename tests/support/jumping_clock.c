/* A wall clock that jumps, for a program that preloads this library.

The clock is off by as many seconds as the first eight bytes of the file in JUMPING_CLOCK say; writing them is the
jump. CLOCK_MONOTONIC is left alone. A wait until a time of the wall clock ends when that clock gets there, as the
kernel does it when a clock is set: set back by an hour while somebody waits for a second, it is an hour and a second.
libfaketime translates the time once, before the wait, and so never shows this. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 20000000L
#define SECOND_NS 1000000000L
#define CLOCK_OF_COND_IS_MONOTONIC 2u /* glibc since 2.25: pthread_cond_common.c */

static volatile const int64_t *off_s;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void open_clock(void)
{
    real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("JUMPING_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *memory = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *off_s, PROT_READ, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
        abort(); /* a test that believes in a clock that does not jump proves nothing */
    close(file);
    off_s = memory;
}

static int is_wall(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!real_clock_gettime)
        open_clock();
    int status = real_clock_gettime(clock, now);
    if (status == 0 && is_wall(clock))
        now->tv_sec += *off_s;
    return status;
}

int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *copy)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (copy)
        *copy = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *now, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

/* When to look again: at `until` on the jumping clock, or soon. 0 when `until` is past. */
static int next_look(const struct timespec *until, struct timespec *monotonic)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t left_s = (int64_t)until->tv_sec - wall.tv_sec;
    int64_t left_ns = until->tv_nsec - wall.tv_nsec;
    if (left_s < 0 || (left_s == 0 && left_ns <= 0))
        return 0;
    if (left_s > 1 || left_s * SECOND_NS + left_ns > LOOK_NS)
        left_ns = LOOK_NS;
    else
        left_ns += left_s * SECOND_NS;
    clock_gettime(CLOCK_MONOTONIC, monotonic);
    monotonic->tv_nsec += left_ns;
    if (monotonic->tv_nsec >= SECOND_NS) {
        monotonic->tv_nsec -= SECOND_NS;
        monotonic->tv_sec += 1;
    }
    return 1;
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    if (cond->__data.__wrefs & CLOCK_OF_COND_IS_MONOTONIC)
        return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, until);
    struct timespec look;
    if (!next_look(until, &look))
        return ETIMEDOUT;
    /* A look without news is a wakeup without reason, which every caller has to expect: to wait on in here would miss
       what was signalled while the mutex was taken back. */
    int status = pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &look);
    return status == ETIMEDOUT ? 0 : status;
}

int cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *until)
{
    /* glibc's own makes the same two casts, and calls the wait inside the C library, past this one. */
    switch (pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, until)) {
    case 0:
        return thrd_success;
    case ETIMEDOUT:
        return thrd_timedout;
    default:
        return thrd_error;
    }
}

int sem_timedwait(sem_t *semaphore, const struct timespec *until)
{
    struct timespec look;
    while (next_look(until, &look)) {
        if (sem_clockwait(semaphore, CLOCK_MONOTONIC, &look) == 0)
            return 0;
        if (errno != ETIMEDOUT)
            return -1;
    }
    errno = ETIMEDOUT;
    return -1;
}
