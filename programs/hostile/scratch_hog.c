/* Fills its scratch directory, with bytes, with empty files, with descriptors; tries to leave it.
 */
#include "statuses.h"
#include "wasi.h"

#define CREATE 1u
#define WRITE ((1u << 6) | (1u << 22))

static char page[4096];

static int32_t open_file(const char* path, uint32_t length, uint32_t flags, uint32_t* fd) {
    return wasi_path_open(3, 0, path, length, flags, WRITE, 0, 0, fd);
}

void realm_run(void) {
    uint32_t fd = 0;
    uint32_t written = 0;
    note(open_file("../etc/passwd", 13, 0, &fd));
    note(open_file("/etc/passwd", 11, 0, &fd));
    note(open_file("a", 1, CREATE, &fd));
    note(wasi_fd_filestat_set_size(fd, UINT64_MAX));
    const struct wasi_buffer buffer = {.bytes = page, .length = sizeof(page)};
    int32_t status = 0;
    while ((status = wasi_fd_write(fd, &buffer, 1, &written)) == 0 && written > 0) {
    }
    note(status);
    char name[2] = {'a', 'a'};
    do {
        status = open_file(name, 2, CREATE, &fd);
        name[0] = name[0] == 'z' ? 'a' : (char)(name[0] + 1);
        name[1] = (char)(name[1] + (name[0] == 'a'));
    } while (status == 0);
    note(status);
    note(wasi_fd_close(12345));
    note(wasi_fd_renumber(3, UINT32_MAX));
    reply_statuses();
}
