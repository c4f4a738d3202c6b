/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two machines: the root, linked, preloaded, frozen and shared; and the clone, which runs the
 * program.
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
