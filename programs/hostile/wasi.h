/* The functions of WASI that the hostile programs call. */
#pragma once

#include <stdint.h>

#define WASI_IMPORT(name) \
    __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

struct wasi_clock_subscription {
    uint64_t userdata;
    uint64_t type; /* 0: a clock */
    uint32_t clock;
    uint64_t timeout;
    uint64_t precision;
    uint64_t flags;
};

struct wasi_buffer {
    const void* bytes;
    uint32_t length;
};

WASI_IMPORT(poll_oneoff)
int32_t wasi_poll_oneoff(const void* subscriptions, void* events, uint32_t count, uint32_t* ready);
WASI_IMPORT(fd_write)
int32_t wasi_fd_write(uint32_t fd, const struct wasi_buffer* buffers, uint32_t count,
                      uint32_t* written);
WASI_IMPORT(path_open)
int32_t wasi_path_open(uint32_t fd, uint32_t lookup, const char* path, uint32_t length,
                       uint32_t flags, uint64_t rights, uint64_t inheriting, uint32_t fd_flags,
                       uint32_t* opened);
WASI_IMPORT(fd_filestat_set_size) int32_t wasi_fd_filestat_set_size(uint32_t fd, uint64_t size);
WASI_IMPORT(fd_close) int32_t wasi_fd_close(uint32_t fd);
WASI_IMPORT(fd_renumber) int32_t wasi_fd_renumber(uint32_t from, uint32_t to);
WASI_IMPORT(proc_exit) _Noreturn void wasi_proc_exit(uint32_t status);
