/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that JavaScript sees: the properties of the global `native`, declared in
 * hosts/xs/native.ts. Each is documented where it is written.
 *
 * While modules are preloaded they all throw: on a device that happens on the build machine.
 */
#include "host.h"
#include <sys/random.h>

#define NATIVES(EACH) \
	EACH(tcpOpen) EACH(relayOpen) EACH(relayAsk) EACH(streamRead) EACH(streamWrite) EACH(streamClose) \
	EACH(udpOpen) EACH(udpPort) EACH(udpRead) EACH(udpWrite) EACH(udpClose) \
	EACH(resolverStart) EACH(resolverClose) \
	EACH(timerSet) EACH(timerClear) EACH(now) \
	EACH(storageOpen) EACH(storageRead) EACH(storageWrite) EACH(storageDelete) EACH(storageKeys) \
	EACH(flashOpen) EACH(flashSize) EACH(flashRead) EACH(flashWrite) EACH(flashErase) \
	EACH(textLength) EACH(textEncode) EACH(textDecode) \
	EACH(digestOpen) EACH(digestUpdate) EACH(digestFinish) EACH(aesChain) EACH(aesStream) \
	EACH(random) EACH(restart) EACH(crash) EACH(retained) EACH(resetReason) EACH(identifier) EACH(argument) EACH(trace) \
	EACH(figure) EACH(collect) EACH(collector) EACH(resetPeaks)

#define DECLARE(NAME) void xs_##NAME(txMachine* the);
NATIVES(DECLARE)

#define LIST(NAME) { #NAME, xs_##NAME },
static const struct {
	const char* name;
	txCallback callback;
} natives[] = { NATIVES(LIST) };

enum { NATIVE_COUNT = sizeof(natives) / sizeof(natives[0]) };

static txSlot* functions[NATIVE_COUNT];

static void unavailable(txMachine* the)
{
	mxTypeError("native functions are not available while modules are preloaded");
}

void nativesInstall(txMachine* the)
{
	txSlot* object;
	fxBeginHost(the);
	mxPush(mxObjectPrototype);
	fxNewObjectInstance(the);
	object = the->stack;
	for (int i = 0; i < NATIVE_COUNT; i++) {
		functions[i] = fxNewHostFunction(the, unavailable, 0, XS_NO_ID, XS_NO_ID);
		mxPushSlot(object);
		fxDefineID(the, fxID(the, (txString)natives[i].name), XS_GET_ONLY, XS_GET_ONLY);
		mxPop();
	}
	mxPush(mxGlobal);
	fxDefineID(the, fxID(the, "native"), XS_GET_ONLY, XS_GET_ONLY);
	mxPop();
	fxEndHost(the);
}

void nativesEnable(void)
{
	for (int i = 0; i < NATIVE_COUNT; i++)
		mxFunctionInstanceCode(functions[i])->value.callback.address = natives[i].callback;
}

/* random(target): void. With a seed, the same bytes in every run (splitmix64). */
void xs_random(txMachine* the)
{
	txU1* data;
	txUnsigned length, position = 0;
	uint64_t word = 0;
	_xsmcGetBuffer(the, mxArgv(0), (void**)&data, &length, 1);
	if (options.seed) {
		for (; position < length; position++, word >>= 8) {
			if (position % 8 == 0) {
				word = options.seed += 0x9E3779B97F4A7C15ULL;
				word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9ULL;
				word = (word ^ word >> 27) * 0x94D049BB133111EBULL;
				word ^= word >> 31;
			}
			data[position] = (txU1)word;
		}
		return;
	}
	while (position < length) {
		ssize_t count = getrandom(data + position, length - position, 0);
		if (count > 0)
			position += count;
		else if (errno != EINTR)
			hostFail(EXIT_EXCEPTION, "getrandom: %s", strerror(errno));
	}
}

/* restart(): never */
void xs_restart(txMachine* the)
{
	hostExit(EXIT_RESTART);
}

/* resetReason(): string */
void xs_resetReason(txMachine* the)
{
	fxString(the, mxResult, (txString)options.resetReason);
}

/* identifier(): string */
void xs_identifier(txMachine* the)
{
	fxString(the, mxResult, (txString)options.identifier);
}

/* argument(index): string | undefined. What the command line gives after the program. */
void xs_argument(txMachine* the)
{
	txInteger index = fxToInteger(the, mxArgv(0));
	if ((index >= 0) && (index < options.argumentCount))
		fxString(the, mxResult, options.arguments[index]);
}

/* trace(line): void */
void xs_trace(txMachine* the)
{
	puts(fxToString(the, mxArgv(0)));
	fflush(stdout);
}
