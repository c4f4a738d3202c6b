/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which line of which module a place in byte code is.
 *
 * Byte code has no lines in it, and pays nothing for them. When a place is asked for, its module is
 * parsed once more, this time with codes of lines among the others, and both are walked side by side.
 * All code lies in one region, so that a place is a number of 32 bits and outlives everything.
 */
#include "host.h"
#include <sys/mman.h>

/* Reserved, not used: no program is that long. */
enum { REGION = 64 * 1024 * 1024 };
/* Functions within functions. */
enum { DEPTH_LIMIT = 64 };

typedef struct placedModule placedModule;

struct placedModule {
	placedModule* next;
	const char* path;
	txU4 start;
	txSize size;
};

static txByte* region = NULL;
static txU4 used = 1;                 /* 0 is no place */
static placedModule* placed = NULL;

txByte* linesPlace(const char* path, txByte* code, txSize size)
{
	placedModule* it = hostAllocate(sizeof(placedModule));
	txByte* result;
	if (!region)
		region = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if ((region == MAP_FAILED) || (size > (txSize)(REGION - used)))
		hostFail(EXIT_MEMORY_FULL, "memory full: code");
	*it = (placedModule){ placed, path, used, size };
	placed = it;
	result = memcpy(region + used, code, size);
	used += size;
	return result;
}

txU4 linesPosition(txByte* code)
{
	return region && (region < code) && (code < region + used) ? (txU4)(code - region) : 0;
}

txSize codeLength(txByte* code)
{
	txS1 length = gxCodeSizes[(txU1)*code];
	txU2 length2;
	txS4 length4;
	if (length > 0)
		return length;
	if (length == 0)
		return 1 + sizeof(txID);
	code++;
	if (length == -1)
		return 2 + *(txU1*)code;
	if (length == -2) {
		mxDecode2(code, length2);
		return 3 + length2;
	}
	mxDecode4(code, length4);
	return 5 + length4;
}

/* What differs between the two codes: distances, which lines lengthen, and where strings and functions are kept. */
static int family(txByte* code)
{
	switch ((txU1)*code) {
	case XS_CODE_BRANCH_2: case XS_CODE_BRANCH_4: return XS_CODE_BRANCH_1;
	case XS_CODE_BRANCH_CHAIN_2: case XS_CODE_BRANCH_CHAIN_4: return XS_CODE_BRANCH_CHAIN_1;
	case XS_CODE_BRANCH_COALESCE_2: case XS_CODE_BRANCH_COALESCE_4: return XS_CODE_BRANCH_COALESCE_1;
	case XS_CODE_BRANCH_ELSE_2: case XS_CODE_BRANCH_ELSE_4: return XS_CODE_BRANCH_ELSE_1;
	case XS_CODE_BRANCH_IF_2: case XS_CODE_BRANCH_IF_4: return XS_CODE_BRANCH_IF_1;
	case XS_CODE_BRANCH_STATUS_2: case XS_CODE_BRANCH_STATUS_4: return XS_CODE_BRANCH_STATUS_1;
	case XS_CODE_CATCH_2: case XS_CODE_CATCH_4: return XS_CODE_CATCH_1;
	case XS_CODE_CODE_2: case XS_CODE_CODE_4: return XS_CODE_CODE_1;
	case XS_CODE_CODE_ARCHIVE_1: case XS_CODE_CODE_ARCHIVE_2: case XS_CODE_CODE_ARCHIVE_4: return XS_CODE_CODE_1;
	case XS_CODE_STRING_ARCHIVE_1: return XS_CODE_STRING_1;
	case XS_CODE_STRING_ARCHIVE_2: return XS_CODE_STRING_2;
	case XS_CODE_STRING_ARCHIVE_4: return XS_CODE_STRING_4;
	default: return (txU1)*code;
	}
}

/* The bytes of the function that begins behind this code; 0 for all other codes. */
static txSize functionLength(txByte* code)
{
	txU2 length2;
	txS4 length4;
	switch ((txU1)*code++) {
	case XS_CODE_CODE_1:
		return *(txU1*)code;
	case XS_CODE_CODE_2:
		mxDecode2(code, length2);
		return length2;
	case XS_CODE_CODE_4:
		mxDecode4(code, length4);
		return length4;
	default:
		return 0;
	}
}

/* The line of the instruction at `offset` of `plain`; 0 when the codes turn out not to be of the same text. */
static int findLine(txByte* plain, txSize size, txSize offset, txByte* marked, txSize markedSize)
{
	txByte* from = plain;
	txByte* limit = marked + markedSize;
	struct { txByte* end; int line; } outer[DEPTH_LIMIT];
	int depth = 0, line = 0;
	while ((marked < limit) && (plain < from + size)) {
		txU1 opcode = (txU1)*marked;
		txSize length = codeLength(marked);
		while (depth && (marked >= outer[depth - 1].end))
			line = outer[--depth].line;
		if (opcode == XS_CODE_LINE) {
			txByte* operand = marked + 1;
			txU2 value;
			mxDecode2(operand, value);
			line = value;
		}
		else if ((opcode != XS_CODE_FILE) && (opcode != XS_CODE_PROFILE)) {
			txSize body = functionLength(marked);
			if (family(plain) != family(marked))
				return 0;
			plain += codeLength(plain);
			if (offset < plain - from)
				return line;
			if (body && (depth < DEPTH_LIMIT)) {
				outer[depth].end = marked + length + body;
				outer[depth++].line = line;
			}
		}
		marked += length;
	}
	return 0;
}

int linesFind(txMachine* root, txU4 position, const char** path)
{
	placedModule* it = placed;
	txScript* script;
	int line;
	while (it && ((position < it->start) || (it->start + it->size <= position)))
		it = it->next;
	if (!it)
		return 0;
	*path = it->path;
	script = linkParse(root, it->path, mxDebugFlag, NULL);
	if (!script)
		return 0;
	line = findLine(region + it->start, it->size, position - it->start, script->codeBuffer, script->codeSize);
	fxDeleteScript(script);
	return line;
}
