/* Makes each sync of a file take 5 ms longer, as on a disk that does not lie:
 * cc -shared -fPIC -o slow_fsync.so slow_fsync.c -ldl && LD_PRELOAD=./slow_fsync.so load messages SERVER */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

static int slowly(const char *name, int file) {
    int (*sync_file)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    usleep(5000);
    return sync_file(file);
}

int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
