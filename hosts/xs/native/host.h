/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the XS host know of each other.
 *
 * One process runs one device program: `root` is linked and preloaded, then shared; `clone` runs.
 */
#ifndef MOORLINE_XS_HOST_H
#define MOORLINE_XS_HOST_H

#include "xsAll.h"
#include "xsScript.h"

/* Exit codes of the process; hosts/xs/node/run.ts repeats them. */
enum {
	EXIT_USAGE = 2,
	EXIT_EXCEPTION = 10,
	EXIT_REJECTION = 11,
	EXIT_MEMORY_FULL = 12,
	EXIT_STACK_OVERFLOW = 13,
	EXIT_KEYS = 14,
	EXIT_RESTART = 75,               /* as of the Node host */
};

typedef struct {
	const char* name;
	const char* value;
} hostPair;

enum { OPTION_LIMIT = 1024 };

typedef struct {
	size_t arena;                    /* bytes of slots and chunks of the clone */
	int stack;                       /* slots of its stack */
	int thaw;                        /* leave the built-ins of the root writable */
	int report;                      /* write the heap figures to file 3 at the end */
	uint64_t seed;                   /* of `random`; 0 asks the operating system */
	const char* directory;           /* holds storage/ and flash/ */
	const char* resetReason;
	const char* identifier;
	const char* relayToken;
	int relayPort;
	const char* program;
	char** arguments;
	int argumentCount;
	const char* preloads[OPTION_LIMIT];
	int preloadCount;
	const char* modules[OPTION_LIMIT];
	int moduleCount;
	hostPair imports[OPTION_LIMIT];
	int importCount;
	hostPair partitions[OPTION_LIMIT];
	int partitionCount;
} hostOptions;

extern hostOptions options;

/* The end of the process: one line on stderr, then the report, then `code`. */
void hostFail(int code, const char* format, ...) __attribute__((noreturn, format(printf, 2, 3)));
void hostExit(int code) __attribute__((noreturn));

/* machine.c */
txMachine* machineCreateRoot(void);
txMachine* machineClone(txMachine* root);

/* memory.c */
int isClone(txMachine* the);
void memoryReserve(void);
void memoryObserve(txMachine* the);
const char* memoryLack(void);
void memoryReport(void);

/* link.c */
void linkModules(txMachine* root);
void linkPreloads(txMachine* root);
void linkRun(txMachine* the, const char* path);
txScript* linkParse(txMachine* the, const char* path, txUnsigned flags, void (*onTree)(txMachine*, const char*, txModuleNode*));

/* lines.c: places of byte code, and lines. */
txByte* linesPlace(const char* path, txByte* code, txSize size);
txU4 linesPosition(txByte* code);                                           /* 0 for code of no module */
int linesFind(txMachine* root, txU4 position, const char** path);                 /* 0 when it is not known */
txSize codeLength(txByte* code);

/* crash.c */
void crashLoad(void);

/* freeze.c */
void freezeRoot(txMachine* root, txSlot* boundary);
void externalizeRoot(txMachine* root);

/* natives.c */
void nativesInstall(txMachine* root);
void nativesEnable(void);

/* loop.c: what the loop waits for. Callbacks run from the loop only, with nothing of ours on the stack. */
typedef struct resource resource;

struct resource {
	resource* next;
	int handle;
	int fd;                                     /* -1 when there is nothing to wait for */
	int silent;                                 /* closed by the program, which hears nothing more, but not finished */
	int closed;                                 /* freed at the end of the turn */
	short (*interest)(resource*);               /* events to poll for; 0: none */
	int (*due)(resource*);                      /* there is an event to deliver without waiting; may be NULL */
	void (*ready)(txMachine*, resource*, short);
	void (*dispose)(resource*);
	txSlot self;                                /* the JavaScript object, rooted while open */
	txSlot dispatch;                            /* function (self, event, value, message, detail) */
};

enum { EVENT_READABLE, EVENT_WRITABLE, EVENT_ERROR };
enum { CODE_UNREACHABLE, CODE_CLOSED, CODE_TLS, CODE_TIMEOUT, CODE_STATE };

void loopRun(txMachine* the);
void loopJobs(txMachine* the);
void loopAdd(txMachine* the, resource* it);
resource* loopFind(txMachine* the, txSlot* handle);
void loopSilence(txMachine* the, resource* it);
void loopClose(txMachine* the, resource* it);
void loopEmit(txMachine* the, resource* it, int event, txInteger value, const char* message, int detail);
void* hostAllocate(size_t size);

/* xsmc.c */
extern txInteger _xsmcGetBuffer(txMachine* the, txSlot* slot, void** data, txUnsigned* count, txBoolean writable);

#endif
