/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two machines: the root, linked, preloaded, frozen and shared; the clone, which runs the
 * program; and how they end.
 */
#include "host.h"

/* Shares of the arena: what slots and chunks each start with, and the step by which they grow. */
enum { INITIAL_SHARE = 8, STEP_SHARE = 64, STEP_MINIMUM = 512 };

void fxCreateMachinePlatform(txMachine* the)
{
	the->promiseJobs = 0;
}

void fxDeleteMachinePlatform(txMachine* the)
{
}

void fxQueuePromiseJobs(txMachine* the)
{
	the->promiseJobs = 1;
}

/* Both machines must agree on the sizes of the name tables, which the clone copies. */
enum { NAME_MODULO = 1993, SYMBOL_MODULO = 127 };

txMachine* machineCreateRoot(void)
{
	static txCreation creation = {
		.initialChunkSize = 8 * 1024 * 1024,
		.incrementalChunkSize = 1024 * 1024,
		.initialHeapCount = 256 * 1024,
		.incrementalHeapCount = 64 * 1024,
		.stackCount = 16 * 1024,
		.initialKeyCount = 8 * 1024,
		.incrementalKeyCount = 1024,
		.nameModulo = NAME_MODULO,
		.symbolModulo = SYMBOL_MODULO,
		.parserBufferSize = 1024 * 1024,
		.parserTableModulo = 1993,
	};
	txSlot* boundary;
	txMachine* root = fxCreateMachine(&creation, "root", NULL, XS_NO_ID);
	if (!root)
		hostFail(EXIT_MEMORY_FULL, "memory full: root machine");
	/* No collection: addresses of instances then tell built-ins from what the program made. */
	root->collectFlag &= ~XS_COLLECTING_FLAG;
	boundary = root->freeHeap;
	nativesInstall(root);
	linkModules(root);
	linkPreloads(root);
	nativesEnable();
	freezeRoot(root, boundary);
	root->collectFlag |= XS_COLLECTING_FLAG;
	fxShareMachine(root);
	externalizeRoot(root);
	return root;
}

txMachine* machineClone(txMachine* root)
{
	txSize step = (txSize)(options.arena / STEP_SHARE) & ~15;
	txSize initial = (txSize)(options.arena / INITIAL_SHARE) & ~15;
	txCreation creation;
	txMachine* the;
	if (step < STEP_MINIMUM)
		step = STEP_MINIMUM;
	creation = (txCreation){
		.initialChunkSize = initial,
		.incrementalChunkSize = step,
		.initialHeapCount = initial / sizeof(txSlot),
		.incrementalHeapCount = step / sizeof(txSlot),
		.stackCount = options.stack,
		.initialKeyCount = 32,
		.incrementalKeyCount = 32,
		.nameModulo = NAME_MODULO,
		.symbolModulo = SYMBOL_MODULO,
		.parserBufferSize = 64 * 1024,
		.parserTableModulo = 127,
	};
	memoryReserve();
	the = fxCloneMachine(&creation, root, "program", NULL);
	if (!the)
		hostFail(EXIT_MEMORY_FULL, "memory full: the arena is too small for an empty program");
	memoryObserve(the);
	return the;
}

/* THE END */

static void failWithException(txMachine* the, int code, const char* kind)
{
	char text[4096];
	snprintf(text, sizeof(text), "(not printable)");
	mxPush(mxException);
	mxException = mxUndefined;
	{
		mxTry(the) {
			txSlot* error = the->stack;
			mxPushSlot(error);
			if (error->kind == XS_REFERENCE_KIND)
				mxGetID(mxID(_stack));
			if ((the->stack->kind != XS_STRING_KIND) && (the->stack->kind != XS_STRING_X_KIND)) {
				mxPop();
				mxPushSlot(error);
			}
			snprintf(text, sizeof(text), "%s", fxToString(the, the->stack));
		}
		mxCatch(the) {
		}
	}
	hostFail(code, "%s: %s", kind, text);
}

/* Frames that are printed at most. */
enum { TRACE_LIMIT = 64 };

/* The functions that run, innermost first, in the form of Error.prototype.stack; allocates nothing. */
static const char* traceFrames(txMachine* the)
{
	static char text[8192];
	size_t length = 0;
	int count = 0;
	for (txSlot* frame = the->frame; frame && (count < TRACE_LIMIT); frame = frame->next) {
		txSlot* function = frame + 3;
		txSlot* name = NULL;
		if ((function->kind != XS_REFERENCE_KIND) || !mxIsFunction(function->value.reference))
			continue;
		for (txSlot* property = function->value.reference->next; property && !name; property = property->next) {
			if ((property->ID == mxID(_name)) && ((property->kind == XS_STRING_KIND) || (property->kind == XS_STRING_X_KIND)))
				name = property;
		}
		length += snprintf(text + length, sizeof(text) - length, "\n at %.100s ()", name ? name->value.string : "");
		count++;
	}
	return text;
}

void fxAbort(txMachine* the, int status)
{
	const char* where = isClone(the) ? "" : " (preloading)";
	switch (status) {
	case XS_NOT_ENOUGH_MEMORY_EXIT:
		hostFail(EXIT_MEMORY_FULL, "memory full: %s%s%s", memoryLack(), where, traceFrames(the));
	case XS_STACK_OVERFLOW_EXIT:
		hostFail(EXIT_STACK_OVERFLOW, "stack overflow: %ld slots%s%s", (long)(the->stackTop - the->stackBottom), where, traceFrames(the));
	case XS_NO_MORE_KEYS_EXIT:
		hostFail(EXIT_KEYS, "not enough keys%s", where);
	case XS_UNHANDLED_REJECTION_EXIT:
		failWithException(the, EXIT_REJECTION, "unhandled rejection");
		break;
	case XS_UNHANDLED_EXCEPTION_EXIT:
		failWithException(the, EXIT_EXCEPTION, "uncaught exception");
		break;
	default:
		hostFail(EXIT_EXCEPTION, "engine stopped with status %d%s", status, where);
	}
}
