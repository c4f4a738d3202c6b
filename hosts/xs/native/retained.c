/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that a reset leaves as it is: <directory>/retained, mapped, so that a byte written is a byte
 * kept however the process ends. Who cuts the power deletes the file: its content is noise then.
 */
#include "host.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { RETAINED_LENGTH = 4096 };

static void fillWithNoise(txU1* bytes)
{
	if (options.seed) {
		uint64_t state = options.seed;
		for (int i = 0; i < RETAINED_LENGTH; i++) {
			state = state * 6364136223846793005ULL + 1442695040888963407ULL;
			bytes[i] = (txU1)(state >> 56);
		}
	}
	/* 256 bytes and less come whole. */
	else for (int i = 0; i < RETAINED_LENGTH; i += 256) {
		if (getrandom(bytes + i, 256, 0) != 256)
			hostFail(EXIT_USAGE, "getrandom: %s", strerror(errno));
	}
}

static txU1* map(void)
{
	char path[C_PATH_MAX];
	struct stat status;
	txU1* bytes;
	int file;
	snprintf(path, sizeof(path), "%s/retained", options.directory);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if ((file < 0) || fstat(file, &status) || ftruncate(file, RETAINED_LENGTH))
		hostFail(EXIT_USAGE, "%s: %s", path, strerror(errno));
	bytes = mmap(NULL, RETAINED_LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (bytes == MAP_FAILED)
		hostFail(EXIT_USAGE, "%s: %s", path, strerror(errno));
	if (status.st_size != RETAINED_LENGTH)
		fillWithNoise(bytes);
	return bytes;
}

/* retained(): a buffer over the memory */
void xs_retained(txMachine* the)
{
	static txU1* bytes = NULL;
	if (!bytes)
		bytes = map();
	fxNewHostObject(the, NULL);
	mxPullSlot(mxResult);
	fxSetHostBuffer(the, mxResult, bytes, RETAINED_LENGTH);
}
