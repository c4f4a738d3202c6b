/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: timers, sockets, promise jobs; the process ends when none is left.
 *
 * A turn runs the due timers, then what the sockets have, then the promise jobs, as on a device,
 * where promise jobs queue behind due timers and input (a program must not rely on less).
 */
#include "host.h"
#include <poll.h>

/* Sockets and look-ups that may be open at once; lwIP allows a device eight. */
enum { RESOURCE_LIMIT = 64 };

typedef struct timer timer;

struct timer {
	timer* next;
	txMachine* the;
	txSlot self;
	txSlot callback;
	double when;
	double interval;       /* 0: once */
	unsigned turn;         /* set in this turn: it waits for the next */
};

static timer* timers = NULL;
static resource* resources = NULL;
static int resourceCount = 0;
static int lastHandle = 0;
static unsigned turn = 0;

void* hostAllocate(size_t size)
{
	void* result = calloc(1, size);
	if (!result)
		hostFail(EXIT_MEMORY_FULL, "memory full: host");
	return result;
}

static double monotonic(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000.0 + now.tv_nsec / 1000000;
}

/* now(): number */
void xs_now(txMachine* the)
{
	fxNumber(the, mxResult, monotonic());
}

/* TIMERS */

static const txHostHooks timerHooks = { NULL, NULL, NULL };

static void removeTimer(timer* it)
{
	timer** address = &timers;
	while (*address != it)
		address = &(*address)->next;
	*address = it->next;
	fxForget(it->the, &it->callback);
	fxForget(it->the, &it->self);
	it->self.value.reference->next->value.host.data = NULL;
	free(it);
}

/* timerSet(callback: () => void, delay: number, interval: number): object */
void xs_timerSet(txMachine* the)
{
	timer* it;
	fxNewHostObject(the, NULL);
	mxPullSlot(mxResult);
	it = hostAllocate(sizeof(timer));
	it->the = the;
	it->self = *mxResult;
	it->callback = *mxArgv(0);
	it->when = monotonic() + fxToNumber(the, mxArgv(1));
	it->interval = fxToNumber(the, mxArgv(2));
	it->turn = turn;
	fxRemember(the, &it->self);
	fxRemember(the, &it->callback);
	fxSetHostData(the, mxResult, it);
	fxSetHostHooks(the, mxResult, &timerHooks);
	it->next = timers;
	timers = it;
}

/* timerClear(timer: object | undefined): void */
void xs_timerClear(txMachine* the)
{
	timer* it;
	if ((mxArgv(0)->kind != XS_REFERENCE_KIND) || (fxGetHostHooks(the, mxArgv(0)) != &timerHooks))
		return;
	it = fxGetHostData(the, mxArgv(0));
	if (it)
		removeTimer(it);
}

static timer* earliestTimer(int beforeTurn)
{
	timer* result = NULL;
	/* The list is newest first; `<=` makes the oldest of equals win. */
	for (timer* it = timers; it; it = it->next) {
		if (beforeTurn && (it->turn == turn))
			continue;
		if (!result || (it->when <= result->when))
			result = it;
	}
	return result;
}

static void runTimer(txMachine* the, timer* it)
{
	fxBeginHost(the);
	{
		mxTry(the) {
			mxPushUndefined();
			mxPush(it->callback);
			mxCall();
			if (it->interval) {
				it->when += it->interval;
				it->turn = turn;
			}
			else
				removeTimer(it);
			mxRunCount(0);
			mxPop();
		}
		mxCatch(the) {
			fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT);
		}
	}
	fxEndHost(the);
}

static void runTimers(txMachine* the)
{
	double now = monotonic();
	timer* it;
	turn++;
	while ((it = earliestTimer(1)) && (it->when <= now))
		runTimer(the, it);
}

/* RESOURCES */

void loopAdd(txMachine* the, resource* it)
{
	resource** address = &resources;
	if (resourceCount == RESOURCE_LIMIT)
		hostFail(EXIT_MEMORY_FULL, "memory full: %d sockets are open", RESOURCE_LIMIT);
	it->handle = ++lastHandle;
	it->self = *mxArgv(0);
	it->dispatch = *mxArgv(1);
	fxRemember(the, &it->self);
	fxRemember(the, &it->dispatch);
	while (*address)
		address = &(*address)->next;
	*address = it;
	resourceCount++;
	fxInteger(the, mxResult, it->handle);
}

resource* loopFind(txMachine* the, txSlot* handle)
{
	int wanted = fxToInteger(the, handle);
	resource* it = resources;
	while (it && ((it->handle != wanted) || it->silent))
		it = it->next;
	return it;
}

/* The program has closed it; what is under way may still be finished. */
void loopSilence(txMachine* the, resource* it)
{
	it->silent = 1;
	fxForget(the, &it->self);
	fxForget(the, &it->dispatch);
}

void loopClose(txMachine* the, resource* it)
{
	loopSilence(the, it);
	it->closed = 1;
	if (it->fd >= 0)
		close(it->fd);
	it->fd = -1;
}

void loopEmit(txMachine* the, resource* it, int event, txInteger value, const char* message, int detail)
{
	if (it->silent)
		return;
	fxBeginHost(the);
	{
		mxTry(the) {
			mxPushUndefined();
			mxPush(it->dispatch);
			mxCall();
			mxPush(it->self);
			mxPushInteger(event);
			mxPushInteger(value);
			if (message)
				mxPushStringC((txString)message);
			else
				mxPushUndefined();
			if (detail >= 0)
				mxPushInteger(detail);
			else
				mxPushUndefined();
			mxRunCount(5);
			mxPop();
		}
		mxCatch(the) {
			fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT);
		}
	}
	fxEndHost(the);
}

static void disposeClosed(void)
{
	resource** address = &resources;
	resource* it;
	while ((it = *address)) {
		if (it->closed) {
			*address = it->next;
			resourceCount--;
			it->dispose(it);
		}
		else
			address = &it->next;
	}
}

/* Waits until something happens, at most until the next timer, and delivers it. Returns 0 when nothing ever will. */
static int serveResources(txMachine* the)
{
	struct pollfd fds[RESOURCE_LIMIT];
	resource* polled[RESOURCE_LIMIT];
	int count = 0, timeout = -1, live = 0;
	timer* next = earliestTimer(0);
	if (next) {
		double wait = ceil(next->when - monotonic());
		timeout = wait < 0 ? 0 : wait > INT_MAX ? INT_MAX : (int)wait;
		live = 1;
	}
	for (resource* it = resources; it; it = it->next) {
		short interest = it->fd >= 0 ? it->interest(it) : 0;
		int due = it->due && it->due(it);
		if (due)
			timeout = 0;
		if (it->fd >= 0 || due)
			live = 1;
		if (!interest && !due)
			continue;
		polled[count] = it;
		/* Without interest poll would still report a hang-up, again and again. */
		fds[count] = (struct pollfd){ interest ? it->fd : -1, interest, 0 };
		count++;
	}
	if (the->promiseJobs) {
		timeout = 0;
		live = 1;
	}
	if (!live)
		return 0;
	if ((poll(fds, count, timeout) < 0) && (errno != EINTR))
		hostFail(EXIT_EXCEPTION, "poll: %s", strerror(errno));
	for (int i = 0; i < count; i++) {
		resource* it = polled[i];
		if (!it->closed && (fds[i].revents || (it->due && it->due(it))))
			it->ready(the, it, fds[i].revents);
	}
	disposeClosed();
	return 1;
}

/* TURNS */

/* Runs promise jobs until none is left; then a rejection that nobody handles is fatal. */
void loopJobs(txMachine* the)
{
	while (the->promiseJobs) {
		the->promiseJobs = 0;
		fxRunPromiseJobs(the);
	}
	fxEndJob(the);
	fxCheckUnhandledRejections(the, 1);
}

void loopRun(txMachine* the)
{
	do {
		loopJobs(the);
		runTimers(the);
	} while (serveResources(the));
	/* Of the last turn. */
	fxCheckUnhandledRejections(the, 1);
}
