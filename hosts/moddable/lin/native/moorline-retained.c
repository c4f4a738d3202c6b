// SPDX-License-Identifier: Apache-2.0
/*
 * What outlives the program, in files of the simulated device: memory that a reset leaves as it is, mapped, so that a
 * byte written is a byte kept; and how the program crashed, written while it dies.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETAINED_LENGTH = 4096, PATH_LENGTH = 1024, MESSAGE_LENGTH = 520, TEXT_LENGTH = 2048 };

/* Of a file in the directory that is argument 0, which is made where its parent is there. */
static void pathOf(xsMachine *the, char *path, const char *name)
{
	snprintf(path, PATH_LENGTH, "%s", xsmcToString(xsArg(0)));
	mkdir(path, 0777);
	snprintf(path, PATH_LENGTH, "%s/%s", xsmcToString(xsArg(0)), name);
}

/* moorline_retained(directory): a buffer */
void moorline_retained(xsMachine *the)
{
	char path[PATH_LENGTH];
	struct stat status;
	uint8_t *bytes;
	int file, isNew, i;
	pathOf(the, path, "retained");
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if ((file < 0) || fstat(file, &status) || ftruncate(file, RETAINED_LENGTH))
		xsUnknownError("%s: %s", path, strerror(errno));
	isNew = status.st_size != RETAINED_LENGTH;
	bytes = mmap(NULL, RETAINED_LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (MAP_FAILED == bytes)
		xsUnknownError("%s: %s", path, strerror(errno));
	/* 256 bytes and less come whole. */
	for (i = 0; isNew && (i < RETAINED_LENGTH); i += 256) {
		if (getrandom(bytes + i, 256, 0) != 256)
			xsUnknownError("getrandom: %s", strerror(errno));
	}
	xsResult = xsNewHostObject(NULL);
	xsmcSetHostBuffer(xsResult, bytes, RETAINED_LENGTH);
}

/* moorline_crash_keep(directory, reason, message, stack). Allocates nothing: the engine may have nothing left. */
void moorline_crash_keep(xsMachine *the)
{
	char path[PATH_LENGTH], text[TEXT_LENGTH], *c;
	int file, length, head = snprintf(text, sizeof(text), "%s\n", xsmcToString(xsArg(1)));
	snprintf(text + head, MESSAGE_LENGTH, "%s", xsmcToString(xsArg(2)));
	for (c = text + head; *c; c++) {
		if ('\n' == *c)
			*c = ' ';
	}
	length = strlen(text);
	snprintf(text + length, sizeof(text) - length, "\n%s", xsmcToString(xsArg(3)));
	pathOf(the, path, "crash");
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (file >= 0) {
		length = write(file, text, strlen(text));
		close(file);
	}
}

/* moorline_crash_take(directory): string | undefined. It is told once. */
void moorline_crash_take(xsMachine *the)
{
	char path[PATH_LENGTH], text[TEXT_LENGTH];
	int file;
	ssize_t length;
	pathOf(the, path, "crash");
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return;
	length = read(file, text, sizeof(text) - 1);
	close(file);
	unlink(path);
	if (length > 0) {
		text[length] = 0;
		xsmcSetString(xsResult, text);
	}
}
