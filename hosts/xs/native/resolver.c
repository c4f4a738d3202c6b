/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses, by the operating system's resolver in a thread of its own: getaddrinfo blocks,
 * and the loop must not. The thread talks through a pipe and never touches the machine.
 */
#include "host.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <fcntl.h>

enum { NAME_LIMIT = 254 };

typedef struct {
	int pipe;
	char name[NAME_LIMIT];
} request;

typedef struct {
	int error;
	char address[INET6_ADDRSTRLEN];
} answer;

/* IPv4 first: it is what a device's network stack is built with. */
static void pick(struct addrinfo* list, answer* result)
{
	for (int pass = 0; pass < 2; pass++) {
		for (struct addrinfo* it = list; it; it = it->ai_next) {
			if (!pass && (it->ai_family == AF_INET)) {
				inet_ntop(AF_INET, &((struct sockaddr_in*)it->ai_addr)->sin_addr, result->address, sizeof(result->address));
				return;
			}
			if (pass && (it->ai_family == AF_INET6)) {
				inet_ntop(AF_INET6, &((struct sockaddr_in6*)it->ai_addr)->sin6_addr, result->address, sizeof(result->address));
				return;
			}
		}
	}
	result->error = EAI_NONAME;
}

static void* resolve(void* data)
{
	request* it = data;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo* list = NULL;
	answer result = { 0, "" };
	result.error = getaddrinfo(it->name, NULL, &hints, &list);
	if (!result.error) {
		pick(list, &result);
		freeaddrinfo(list);
	}
	/* When the look-up was dropped, the other end is closed and nobody minds. */
	(void)!write(it->pipe, &result, sizeof(result));
	close(it->pipe);
	free(it);
	return NULL;
}

static short interest(resource* it)
{
	return POLLIN;
}

static void ready(txMachine* the, resource* it, short events)
{
	answer result;
	if (read(it->fd, &result, sizeof(result)) != sizeof(result))
		result.error = EAI_FAIL;
	close(it->fd);
	it->fd = -1;
	if (result.error)
		loopEmit(the, it, EVENT_ERROR, CODE_UNREACHABLE, gai_strerror(result.error), -1);
	else
		loopEmit(the, it, EVENT_READABLE, 0, result.address, -1);
}

static void dispose(resource* it)
{
	free(it);
}

/* resolverStart(self, dispatch, host: string): handle, or -1 when the name is too long or no thread is to be had */
void xs_resolverStart(txMachine* the)
{
	txString name = fxToString(the, mxArgv(2));
	resource* it;
	request* to;
	pthread_t thread;
	int ends[2];
	fxInteger(the, mxResult, -1);
	if ((strlen(name) >= NAME_LIMIT) || (pipe2(ends, O_CLOEXEC) < 0))
		return;
	to = hostAllocate(sizeof(request));
	to->pipe = ends[1];
	snprintf(to->name, sizeof(to->name), "%s", name);
	if (pthread_create(&thread, NULL, resolve, to)) {
		close(ends[0]);
		close(ends[1]);
		free(to);
		return;
	}
	pthread_detach(thread);
	it = hostAllocate(sizeof(resource));
	it->interest = interest;
	it->ready = ready;
	it->dispose = dispose;
	it->fd = ends[0];
	loopAdd(the, it);
}

/* resolverClose(handle): void */
void xs_resolverClose(txMachine* the)
{
	resource* it = loopFind(the, mxArgv(0));
	if (it)
		loopClose(the, it);
}
