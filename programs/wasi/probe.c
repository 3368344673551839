/* A command in plain C, for no host in particular: its first argument says what it does, and it
 * prints what came of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void say(const char* what, int result) {
    printf("%s: %d%s%s\n", what, result, result < 0 ? " " : "", result < 0 ? strerror(errno) : "");
}

static int texts(int argc, char** argv) {
    for (int i = 0; i < argc; ++i) {
        printf("argument %d: %s\n", i, argv[i]);
    }
    const char* missing = getenv("MISSING");
    printf("GREETING=%s MISSING=%s\n", getenv("GREETING"), missing ? missing : "(none)");
    fprintf(stderr, "a line of standard error\n");
    printf("at the end: %d\nno line end", getchar());
    return 0;
}

static int clocks(void) {
    struct timespec wall;
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &before);
    const struct timespec wait = {.tv_sec = 2, .tv_nsec = 500000000};
    const int slept = nanosleep(&wait, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    printf("wall %lld, slept %d, %lld ms\n", (long long)wall.tv_sec, slept,
           (long long)(after.tv_sec - before.tv_sec) * 1000 +
               (after.tv_nsec - before.tv_nsec) / 1000000);
    return 0;
}

static int randoms(void) {
    unsigned char bytes[64] = {0};
    const int got = getentropy(bytes, sizeof(bytes));
    int zeros = 0;
    for (size_t i = 0; i < sizeof(bytes); ++i) {
        zeros += bytes[i] == 0;
    }
    printf("entropy: %d, %s\n", got, zeros < 32 ? "random" : "zeros");
    return 0;
}

static int files(void) {
    char text[64] = {0};
    say("mkdir", mkdir("/notes", 0777));
    FILE* file = fopen("notes/a.txt", "w+");
    if (file == NULL) {
        say("fopen", -1);
        return 1;
    }
    fputs("one two three", file);
    fseek(file, 4, SEEK_SET);
    printf("read: %s\n", fgets(text, 4, file));
    fseek(file, 0, SEEK_END);
    printf("at: %ld\n", ftell(file));
    fclose(file);
    file = fopen("/notes/a.txt", "a");
    fputs("!", file);
    fclose(file);
    struct stat found;
    say("stat", stat("/notes/./../notes/a.txt", &found));
    printf("size: %lld, regular: %d\n", (long long)found.st_size, S_ISREG(found.st_mode));
    say("rename", rename("/notes/a.txt", "/notes/b.txt"));
    say("symlink", symlink("/notes/b.txt", "/link"));
    DIR* folder = opendir("/notes");
    for (struct dirent* entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        printf("entry: %s\n", entry->d_name);
    }
    closedir(folder);
    say("rmdir", rmdir("/notes"));
    say("unlink", unlink("/notes/b.txt"));
    say("rmdir", rmdir("/notes"));
    say("open ..", open("../etc/passwd", O_RDONLY));
    say("open /etc/passwd", open("/etc/passwd", O_RDONLY));
    return 0;
}

static int quota(void) {
    static char block[1000];
    const int file = open("/big", O_CREAT | O_WRONLY, 0666);
    ssize_t written = 0;
    long long all = 0;
    while ((written = write(file, block, sizeof(block))) > 0) {
        all += written;
    }
    printf("wrote %lld, then %s\n", all, strerror(errno));
    return 0;
}

static int polls(void) {
    struct pollfd ready[2] = {{.fd = 0, .events = POLLIN, .revents = 0},
                              {.fd = 1, .events = POLLOUT, .revents = 0}};
    const int count = poll(ready, 2, 1000);
    printf("poll: %d, in %d, out %d\n", count, (ready[0].revents & POLLIN) != 0,
           (ready[1].revents & POLLOUT) != 0);
    return 0;
}

int main(int argc, char** argv) {
    const char* mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "texts") == 0) {
        return texts(argc, argv);
    }
    if (strcmp(mode, "clocks") == 0) {
        return clocks();
    }
    if (strcmp(mode, "random") == 0) {
        return randoms();
    }
    if (strcmp(mode, "files") == 0) {
        return files();
    }
    if (strcmp(mode, "quota") == 0) {
        return quota();
    }
    if (strcmp(mode, "poll") == 0) {
        return polls();
    }
    if (strcmp(mode, "exit") == 0) {
        printf("leaving");
        exit(atoi(argv[2]));
    }
    return 64;
}
