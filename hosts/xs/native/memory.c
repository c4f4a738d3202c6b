/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of the two machines, and its figures.
 *
 * The root machine allocates from the C heap: its content stands for the flash of a device. Slots
 * and chunks of the clone come from one arena of fixed size, as on a port that sets
 * `creation.static`: chunks grow from the low end, slots from the high end, and when slots need
 * room, what chunks no longer use is given back. The stack is apart, because its size is set apart.
 */
#include "host.h"

enum { STACK_PAINT = 0x5A };

static struct {
	txByte* low;
	txByte* high;
	txMachine* the;
	const char* lack;          /* what the last failed allocation was for */
	txSize slotsAfter;         /* in use after the last collection */
	txSize chunksAfter;
	double slotsAllocated;     /* since the start, up to the last collection */
	double chunksAllocated;
	int collections;
} arena = { .lack = "chunks" };

/* COLLECTOR */

/* Called by the engine while it marks: the counts still include the garbage. */
static void noteAllocations(txMachine* the, void* data, txMarkRoot markRoot)
{
	arena.slotsAllocated += the->currentHeapCount - arena.slotsAfter;
	arena.chunksAllocated += the->currentChunksSize - arena.chunksAfter;
}

static const txHostHooks probeHooks = { NULL, noteAllocations, NULL };
static txSlot probe;

/*
 * The engine calls this at the end of every collection (xsMemory.c is compiled with mxProfile).
 *
 * Its rule to get more slots after two collections that freed too little is void in this version:
 * the flag is cleared by the very collections that should set it. Without it a heap grows only when
 * nothing at all is free, and the collector runs every few slots.
 */
void fxCheckProfiler(txMachine* the, txSlot* frame)
{
	if (the != arena.the)
		return;
	arena.collections++;
	arena.slotsAfter = the->currentHeapCount;
	arena.chunksAfter = the->currentChunksSize;
	if (the->maximumHeapCount - the->currentHeapCount < the->minimumHeapCount)
		the->collectFlag |= XS_TRASHING_FLAG;
}

/* ALLOCATOR */

int isClone(txMachine* the)
{
	return the->sharedMachine != NULL;
}

void* fxAllocateChunks(txMachine* the, txSize size)
{
	void* result;
	if (!isClone(the))
		return malloc(size);
	if (size > arena.high - arena.low) {
		arena.lack = "chunks";
		return NULL;
	}
	result = arena.low;
	arena.low += size;
	return result;
}

void fxFreeChunks(txMachine* the, void* chunks)
{
	if (!isClone(the))
		free(chunks);
}

/* Takes back what the chunk heap reserved and does not use. */
static void reclaimChunks(txMachine* the)
{
	txBlock* block = the->firstBlock;
	txSize size;
	fxCollect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
	size = (txSize)(block->limit - block->current);
	block->limit -= size;
	the->maximumChunksSize -= size;
	arena.low -= size;
}

txSlot* fxAllocateSlots(txMachine* the, txSize count)
{
	txSize size = count * sizeof(txSlot);
	if (!isClone(the))
		return malloc(size);
	if (the->stackBottom == NULL) {
		void* stack = malloc(size);
		if (stack)
			memset(stack, STACK_PAINT, size);
		return stack;
	}
	if (size > arena.high - arena.low)
		reclaimChunks(the);
	if (size > arena.high - arena.low) {
		if (the->freeHeap)
			return (txSlot*)-1;          /* the engine reads: nothing new, but look again */
		arena.lack = "slots";
		return NULL;
	}
	arena.high -= size;
	return (txSlot*)arena.high;
}

void fxFreeSlots(txMachine* the, void* slots)
{
	if (!isClone(the))
		free(slots);
}

/* Before the clone is made. */
void memoryReserve(void)
{
	arena.low = hostAllocate(options.arena);
	arena.high = arena.low + options.arena;
}

/* After the clone is made: counts its collections and allocations. The probe is a root, it takes no slot of the heap. */
void memoryObserve(txMachine* the)
{
	probe.kind = XS_HOST_KIND;
	probe.flag = XS_HOST_HOOKS_FLAG;
	probe.value.host.data = &arena;
	probe.value.host.variant.hooks = (txHostHooks*)&probeHooks;
	probe.next = the->cRoot;
	the->cRoot = &probe;
	arena.the = the;
}

/* What the last failed allocation was for. */
const char* memoryLack(void)
{
	return arena.lack;
}

/* FIGURES */

/* Slots in a row that nothing wrote to: below them, only number conversion scribbled, which borrows the free end. */
enum { STACK_QUIET = 8 };

static int isPainted(txSlot* slot)
{
	txByte* byte = (txByte*)slot;
	while ((byte < (txByte*)(slot + 1)) && (*byte == STACK_PAINT))
		byte++;
	return byte == (txByte*)(slot + 1);
}

static int stackPeak(txMachine* the)
{
	int quiet = 0;
	txSlot* slot = the->stackTop;
	while ((quiet < STACK_QUIET) && (slot > the->stackBottom))
		quiet = isPainted(--slot) ? quiet + 1 : 0;
	return (int)(the->stackTop - slot) - quiet;
}

/* Names in the order of `Figure` in hosts/xs/native.ts. */
static const char* const figureNames[] = {
	"slots", "slotBytes", "slotsPeak", "chunks", "chunksPeak", "stack", "stackPeak",
	"collections", "slotsAllocated", "chunksAllocated", "arena", "arenaUsed", "aliases",
};
enum { FIGURE_COUNT = sizeof(figureNames) / sizeof(figureNames[0]) };

static double figure(txMachine* the, int index)
{
	switch (index) {
	case 0: return the->currentHeapCount;
	case 1: return sizeof(txSlot);
	case 2: return the->peakHeapCount;
	case 3: return the->currentChunksSize;
	case 4: return the->peakChunksSize;
	case 5: return the->stackTop - the->stackBottom;
	case 6: return stackPeak(the);
	case 7: return arena.collections;
	case 8: return arena.slotsAllocated + (the->currentHeapCount - arena.slotsAfter);
	case 9: return arena.chunksAllocated + (the->currentChunksSize - arena.chunksAfter);
	case 10: return options.arena;
	case 11: return options.arena - (arena.high - arena.low);
	case 12: return the->aliasCount;
	default: return NAN;
	}
}

void memoryReport(void)
{
	char line[1024];
	int length = 0;
	if (!options.report || !arena.the)
		return;
	for (int i = 0; i < FIGURE_COUNT; i++)
		length += snprintf(line + length, sizeof(line) - length, "%c\"%s\":%.0f", i ? ',' : '{', figureNames[i], figure(arena.the, i));
	length += snprintf(line + length, sizeof(line) - length, "}\n");
	if (write(3, line, length) < 0)
		fprintf(stderr, "xs: report: %s\n", strerror(errno));
}

/* figure(index: number): number */
void xs_figure(txMachine* the)
{
	fxNumber(the, mxResult, figure(the, fxToInteger(the, mxArgv(0))));
}

/* collect(): void */
void xs_collect(txMachine* the)
{
	fxCollectGarbage(the);
}

/* collector(enabled: boolean): void. While it is off, every allocation adds to the counts: they are exact. */
void xs_collector(txMachine* the)
{
	if (fxToBoolean(the, mxArgv(0)))
		the->collectFlag = (the->collectFlag | XS_COLLECTING_FLAG) & ~XS_SKIPPED_COLLECT_FLAG;
	else
		the->collectFlag &= ~XS_COLLECTING_FLAG;
}

/* resetPeaks(): void. The next peaks are those since now. */
void xs_resetPeaks(txMachine* the)
{
	/* The frame of this very call lies above `stack`, and a few slots below it are about to be used. */
	txByte* end = (txByte*)(the->stack - 1);
	the->peakHeapCount = the->currentHeapCount;
	the->peakChunksSize = the->currentChunksSize;
	if (end > (txByte*)the->stackBottom)
		memset(the->stackBottom, STACK_PAINT, end - (txByte*)the->stackBottom);
}
