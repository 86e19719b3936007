/* SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
 * SPDX-License-Identifier: Apache-2.0
 *
 * A V4L2 device for machines without one: loaded by LD_PRELOAD, it answers for the file $V4L2_STAND_IN as a webcam's
 * driver does for a device. It may be another one later. The file has the format's four characters, width, height, colour space, the number of
 * pictures, and then each picture's length and bytes; numbers are 32 bits, in this machine's order. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFERS = 8, STEP = 1 << 24, INTERVAL = 1000000 / 30 };

static struct { __u32 fourcc, width, height, colorspace, count; } about;
static unsigned char *pictures; /* the next one, in the file's bytes behind what is said of all */
static unsigned char *begin;
static ino_t loaded;
static __u32 shown, largest;
static void *buffers[BUFFERS];
static int queue[BUFFERS], first, queued;

static int is_stand_in(int fd) {
    const char *path = getenv("V4L2_STAND_IN");
    struct stat one, other;
    return path && !fstat(fd, &one) && !stat(path, &other) && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

static __u32 length_of(const unsigned char *picture) {
    __u32 length;
    memcpy(&length, picture, sizeof length);
    return length;
}

static void load(void) {
    struct stat all;
    const char *path = getenv("V4L2_STAND_IN");
    if (stat(path, &all)) abort();
    if (all.st_ino == loaded) return;
    FILE *file = fopen(path, "rb");
    size_t length = all.st_size - sizeof about;
    free(begin);
    begin = pictures = malloc(length);
    if (!file || fread(&about, sizeof about, 1, file) != 1 || fread(begin, 1, length, file) != length) abort();
    fclose(file);
    shown = largest = queued = 0;
    loaded = all.st_ino;
    const unsigned char *each = begin;
    for (__u32 number = 0; number < about.count; each += 4 + length_of(each), number++)
        if (length_of(each) > largest) largest = length_of(each);
}

static int refuse(int why) {
    errno = why;
    return -1;
}

static int fill(struct v4l2_buffer *buffer) {
    if (!queued) return refuse(EAGAIN);
    usleep(INTERVAL);
    buffer->index = queue[first++ % BUFFERS];
    queued--;
    buffer->bytesused = length_of(pictures);
    memcpy(buffers[buffer->index], pictures + 4, buffer->bytesused);
    pictures += 4 + buffer->bytesused;
    if (++shown % about.count == 0) pictures = begin;
    return 0;
}

static int answer(unsigned long request, void *asked) {
    struct v4l2_capability *capability = asked;
    struct v4l2_fmtdesc *described = asked;
    struct v4l2_frmsizeenum *size = asked;
    struct v4l2_frmivalenum *interval = asked;
    struct v4l2_format *format = asked;
    struct v4l2_streamparm *parameters = asked;
    struct v4l2_buffer *buffer = asked;
    switch (request) {
    case VIDIOC_QUERYCAP:
        strcpy((char *)capability->driver, "uvcvideo");
        strcpy((char *)capability->card, "Stand-in");
        strcpy((char *)capability->bus_info, "usb-0");
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    case VIDIOC_ENUM_FMT:
        if (described->index || described->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return refuse(EINVAL);
        strcpy((char *)described->description, "The only one");
        described->pixelformat = about.fourcc;
        return 0;
    case VIDIOC_ENUM_FRAMESIZES:
        if (size->index) return refuse(EINVAL);
        size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        size->discrete = (struct v4l2_frmsize_discrete){about.width, about.height};
        return 0;
    case VIDIOC_ENUM_FRAMEINTERVALS:
        if (interval->index) return refuse(EINVAL);
        interval->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        interval->discrete = (struct v4l2_fract){1, 30};
        return 0;
    case VIDIOC_G_FMT:
    case VIDIOC_S_FMT:
        format->fmt.pix = (struct v4l2_pix_format){
            .width = about.width, .height = about.height, .pixelformat = about.fourcc, .field = V4L2_FIELD_NONE,
            .sizeimage = largest, .colorspace = about.colorspace, .priv = V4L2_PIX_FMT_PRIV_MAGIC};
        return 0;
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM:
        parameters->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        parameters->parm.capture.timeperframe = (struct v4l2_fract){1, 30};
        return 0;
    case VIDIOC_REQBUFS:
        ((struct v4l2_requestbuffers *)asked)->count = BUFFERS;
        return 0;
    case VIDIOC_QUERYBUF:
        buffer->length = largest;
        buffer->m.offset = buffer->index * STEP;
        return 0;
    case VIDIOC_QBUF:
        queue[(first + queued++) % BUFFERS] = buffer->index;
        return 0;
    case VIDIOC_DQBUF:
        return fill(buffer);
    case VIDIOC_G_INPUT:
        *(int *)asked = 0;
        return 0;
    case VIDIOC_ENUMINPUT:
        ((struct v4l2_input *)asked)->type = V4L2_INPUT_TYPE_CAMERA;
        return 0;
    case VIDIOC_STREAMOFF:
        queued = 0;
        return 0;
    case VIDIOC_STREAMON:
        return 0;
    }
    return refuse(ENOTTY);
}

int ioctl(int fd, unsigned long request, ...) {
    static int (*next)(int, unsigned long, ...);
    va_list rest;
    va_start(rest, request);
    void *asked = va_arg(rest, void *);
    va_end(rest);
    if (!next) next = dlsym(RTLD_NEXT, "ioctl");
    if (!is_stand_in(fd)) return next(fd, request, asked);
    load();
    return answer(request & 0xFFFFFFFF, asked);
}

void *mmap(void *where, size_t length, int protection, int flags, int fd, off_t offset) {
    static void *(*next)(void *, size_t, int, int, int, off_t);
    if (!next) next = dlsym(RTLD_NEXT, "mmap");
    if (fd < 0 || !is_stand_in(fd)) return next(where, length, protection, flags, fd, offset);
    void *memory = next(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return buffers[offset / STEP] = memory;
}

void *mmap64(void *where, size_t length, int protection, int flags, int fd, off_t offset) {
    return mmap(where, length, protection, flags, fd, offset);
}
