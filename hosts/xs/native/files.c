/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage and flash as files that survive a kill at any moment.
 *
 * The layout is the Node host's. storage/<domain>/<key>: one file per value, replaced by a rename after the new one is on disk.
 * flash/<partition>: one file of the partition's size, mapped, so that a byte written is a byte kept.
 */
#include "host.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* As in the Node host, so that both can use one directory: ESP32's NVS partition has 24 KB for all values. */
enum { VALUE_LIMIT = 16384, NAME_LIMIT = 15, BLOCK = 4096 };

enum { STORAGE_ARGUMENT = -1, STORAGE_FULL = -2, STORAGE_FAILED = -3 };

/* STORAGE */

/* Appends `name`, with every character that a file name may not hold written as %xx, upper case among them. */
static int appendName(char* path, size_t size, const char* name)
{
	size_t length = strlen(path);
	size_t count = strlen(name);
	if ((count == 0) || (count > NAME_LIMIT))
		return 0;
	for (const char* c = name; *c; c++) {
		if ((*c < 0x20) || (*c > 0x7E) || (length + 4 > size))
			return 0;
		if (islower((unsigned char)*c) || isdigit((unsigned char)*c) || (*c == '_') || (*c == '-'))
			path[length++] = *c;
		else
			length += snprintf(path + length, size - length, "%%%02x", *c);
	}
	path[length] = 0;
	return 1;
}

static int makeDirectory(const char* path)
{
	return !mkdir(path, 0777) || (errno == EEXIST);
}

/* The directory of domain argument 0; with `key`, the file of key argument 1 in it. */
static int storagePath(txMachine* the, char* path, size_t size, int key)
{
	snprintf(path, size, "%s/storage", options.directory);
	if (!makeDirectory(options.directory) || !makeDirectory(path))
		return STORAGE_FAILED;
	strncat(path, "/", size - strlen(path) - 1);
	if (!appendName(path, size, fxToString(the, mxArgv(0))))
		return STORAGE_ARGUMENT;
	if (!makeDirectory(path))
		return STORAGE_FAILED;
	if (key) {
		strncat(path, "/", size - strlen(path) - 1);
		if (!appendName(path, size, fxToString(the, mxArgv(1))))
			return STORAGE_ARGUMENT;
	}
	return 0;
}

/* storageOpen(domain): 0 or an error */
void xs_storageOpen(txMachine* the)
{
	char path[C_PATH_MAX];
	fxInteger(the, mxResult, storagePath(the, path, sizeof(path), 0));
}

/* storageRead(domain, key): ArrayBuffer, undefined when there is none, or an error */
void xs_storageRead(txMachine* the)
{
	char path[C_PATH_MAX];
	txU1 value[VALUE_LIMIT];
	int error = storagePath(the, path, sizeof(path), 1);
	int file;
	ssize_t length;
	if (error) {
		fxInteger(the, mxResult, error);
		return;
	}
	file = open(path, O_RDONLY | O_CLOEXEC);
	if ((file < 0) && (errno == ENOENT))
		return;
	length = file < 0 ? -1 : read(file, value, sizeof(value));
	if (file >= 0)
		close(file);
	if (length < 0)
		fxInteger(the, mxResult, STORAGE_FAILED);
	else
		fxArrayBuffer(the, mxResult, value, (txInteger)length, -1);
}

static int syncDirectory(char* path)
{
	int file, result;
	*strrchr(path, '/') = 0;
	file = open(path, O_RDONLY | O_CLOEXEC);
	result = (file >= 0) && !fsync(file);
	close(file);
	return result;
}

/* storageWrite(domain, key, value): 0 or an error */
void xs_storageWrite(txMachine* the)
{
	char path[C_PATH_MAX], new[C_PATH_MAX];
	void* data;
	txUnsigned length;
	int file, done;
	int error = storagePath(the, path, sizeof(path), 1);
	_xsmcGetBuffer(the, mxArgv(2), &data, &length, 0);
	if (!error && (length > VALUE_LIMIT))
		error = STORAGE_FULL;
	if (!error) {
		/* No key has a dot in its file name, so no key can be taken for a value that was not finished. */
		snprintf(new, sizeof(new), "%.*s.new", C_PATH_MAX - 5, path);
		file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		done = (file >= 0) && (write(file, data, length) == (ssize_t)length) && !fsync(file);
		close(file);
		if (!done || rename(new, path) || !syncDirectory(path))
			error = errno == ENOSPC ? STORAGE_FULL : STORAGE_FAILED;
	}
	fxInteger(the, mxResult, error);
}

/* storageDelete(domain, key): 0 or an error */
void xs_storageDelete(txMachine* the)
{
	char path[C_PATH_MAX];
	int error = storagePath(the, path, sizeof(path), 1);
	if (!error && ((unlink(path) && (errno != ENOENT)) || !syncDirectory(path)))
		error = STORAGE_FAILED;
	fxInteger(the, mxResult, error);
}

static void decodeName(const char* name, char* key)
{
	unsigned code;
	while (*name) {
		if ((*name == '%') && (sscanf(name + 1, "%2x", &code) == 1)) {
			*key++ = (char)code;
			name += 3;
		}
		else
			*key++ = *name++;
	}
	*key = 0;
}

/* storageKeys(domain): string[], or an error */
void xs_storageKeys(txMachine* the)
{
	char path[C_PATH_MAX], key[256];
	int error = storagePath(the, path, sizeof(path), 0);
	DIR* directory = error ? NULL : opendir(path);
	struct dirent* entry;
	txInteger count = 0;
	if (!directory) {
		fxInteger(the, mxResult, error ? error : STORAGE_FAILED);
		return;
	}
	_xsNewArray(the, mxResult, 0);
	while ((entry = readdir(directory))) {
		if (strchr(entry->d_name, '.'))
			continue;
		decodeName(entry->d_name, key);
		mxPushStringC(key);
		mxPushSlot(mxResult);
		mxSetIndex(count++);
		mxPop();
	}
	closedir(directory);
}

/* FLASH */

static struct {
	txU1* bytes;
	txUnsigned size;
} partitions[OPTION_LIMIT];

static void mapPartition(int index)
{
	char path[C_PATH_MAX], block[BLOCK];
	struct stat status;
	txUnsigned size = (txUnsigned)strtoul(options.partitions[index].value, NULL, 0);
	int file;
	if (!size || (size % BLOCK))
		hostFail(EXIT_USAGE, "partition %s: size must be a multiple of %d", options.partitions[index].name, BLOCK);
	snprintf(path, sizeof(path), "%s/flash", options.directory);
	if (!makeDirectory(options.directory) || !makeDirectory(path))
		hostFail(EXIT_USAGE, "%s: %s", path, strerror(errno));
	snprintf(path, sizeof(path), "%s/flash/%s", options.directory, options.partitions[index].name);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if ((file < 0) || fstat(file, &status))
		hostFail(EXIT_USAGE, "%s: %s", path, strerror(errno));
	memset(block, 0xFF, sizeof(block));
	for (; status.st_size < size; status.st_size += BLOCK) {
		if (pwrite(file, block, BLOCK, status.st_size) != BLOCK)
			hostFail(EXIT_USAGE, "%s: %s", path, strerror(errno));
	}
	partitions[index].size = size;
	partitions[index].bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (partitions[index].bytes == MAP_FAILED)
		hostFail(EXIT_USAGE, "%s: %s", path, strerror(errno));
}

/* flashOpen(name): index, or -1 when no partition has that name */
void xs_flashOpen(txMachine* the)
{
	txString name = fxToString(the, mxArgv(0));
	int index = options.partitionCount;
	while ((--index >= 0) && strcmp(options.partitions[index].name, name)) {
	}
	if ((index >= 0) && !partitions[index].bytes)
		mapPartition(index);
	fxInteger(the, mxResult, index);
}

/* flashSize(index): number */
void xs_flashSize(txMachine* the)
{
	fxInteger(the, mxResult, partitions[fxToInteger(the, mxArgv(0)) % OPTION_LIMIT].size);
}

/* The cells that argument 1 covers at offset argument 2, or NULL beyond the end. */
static txU1* cells(txMachine* the, txU1** data, txUnsigned* length, int writable)
{
	int index = fxToInteger(the, mxArgv(0)) % OPTION_LIMIT;
	txNumber offset = fxToNumber(the, mxArgv(2));
	_xsmcGetBuffer(the, mxArgv(1), (void**)data, length, writable);
	if (!(offset >= 0) || (offset != c_trunc(offset)) || (offset + *length > partitions[index].size))
		return NULL;
	return partitions[index].bytes + (txUnsigned)offset;
}

/* flashRead(index, target, offset): 0, or -1 beyond the end */
void xs_flashRead(txMachine* the)
{
	txU1* data;
	txUnsigned length;
	txU1* from = cells(the, &data, &length, 1);
	if (from)
		memcpy(data, from, length);
	fxInteger(the, mxResult, from ? 0 : -1);
}

/* flashWrite(index, source, offset): 0, or -1 beyond the end. Bits are only cleared. */
void xs_flashWrite(txMachine* the)
{
	txU1* data;
	txUnsigned length;
	txU1* to = cells(the, &data, &length, 0);
	for (txUnsigned i = 0; to && (i < length); i++)
		to[i] &= data[i];
	fxInteger(the, mxResult, to ? 0 : -1);
}

/* flashErase(index, from, to): 0, or -1 beyond the end */
void xs_flashErase(txMachine* the)
{
	int index = fxToInteger(the, mxArgv(0)) % OPTION_LIMIT;
	txNumber from = fxToNumber(the, mxArgv(1)), to = fxToNumber(the, mxArgv(2));
	txUnsigned blocks = partitions[index].size / BLOCK;
	int good = (from >= 0) && (from <= to) && (to <= blocks) && (from == c_trunc(from)) && (to == c_trunc(to));
	if (good)
		memset(partitions[index].bytes + (txUnsigned)from * BLOCK, 0xFF, (size_t)(to - from) * BLOCK);
	fxInteger(the, mxResult, good ? 0 : -1);
}
