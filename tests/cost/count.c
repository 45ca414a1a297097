/*
 * count.c: counts what a program allocates, where another can read it
 *
 * Goes in front of the C library (LD_PRELOAD). The counter is the first eight bytes of the file
 * that VIRTMON_COUNT names, mapped by both sides: to read it neither stops nor wakes the program
 * that is measured. Not a tracer: it knows how many, not where from.
 *
 * A block that is made larger counts again. What the C library itself allocates comes by here too,
 * GLib's slices only with G_SLICE=always-malloc.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Until the file is mapped: the loader allocates before any constructor runs. */
static atomic_ullong unmapped;
static atomic_ullong *counter = &unmapped;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

__attribute__((constructor)) static void
start(void)
{
    const char *path = getenv("VIRTMON_COUNT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE,
                                            MAP_SHARED, fd, 0);

    if (page == MAP_FAILED) {
        perror("count: VIRTMON_COUNT");
        _exit(127);
    }
    close(fd);
    counter = page;
}

static void
count(void)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void *
malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
    count();
    return __libc_calloc(n, size);
}

void *
realloc(void *block, size_t size)
{
    count();
    return __libc_realloc(block, size);
}

void *
memalign(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

int
posix_memalign(void **block, size_t alignment, size_t size)
{
    void *got;

    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0)
        return EINVAL;
    count();
    if (!(got = __libc_memalign(alignment, size)))
        return ENOMEM;
    *block = got;
    return 0;
}
