/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams over IPv4. A datagram waits in the operating system until the queue has room; what
 * comes when that is full, too, is lost, as UDP may lose.
 */
#include "host.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

/* Datagrams that wait for the program, and the longest that is taken. */
enum { QUEUE_LIMIT = 8, DATAGRAM_LIMIT = 1500 };

typedef struct {
	struct sockaddr_in remote;
	int length;
	txU1 bytes[DATAGRAM_LIMIT];
} datagram;

typedef struct {
	resource base;
	int port;
	datagram queue[QUEUE_LIMIT];
	int first, count;
} udp;

static short interest(resource* base)
{
	return ((udp*)base)->count < QUEUE_LIMIT ? POLLIN : 0;
}

static void ready(txMachine* the, resource* base, short events)
{
	udp* it = (udp*)base;
	int before = it->count;
	while (it->count < QUEUE_LIMIT) {
		datagram* next = &it->queue[(it->first + it->count) % QUEUE_LIMIT];
		socklen_t size = sizeof(next->remote);
		ssize_t length = recvfrom(base->fd, next->bytes, DATAGRAM_LIMIT, 0, (struct sockaddr*)&next->remote, &size);
		if (length >= 0) {
			next->length = (int)length;
			it->count++;
		}
		else if ((errno == EAGAIN) || (errno == EINTR))
			break;
		/* Other errors tell that an earlier datagram did not arrive: a loss like any other. */
	}
	if (it->count > before)
		loopEmit(the, base, EVENT_READABLE, it->count, NULL, -1);
}

static void dispose(resource* base)
{
	free(base);
}

/* udpOpen(self, dispatch, port: number): handle, or minus the error number */
void xs_udpOpen(txMachine* the)
{
	udp* it = hostAllocate(sizeof(udp));
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(fxToInteger(the, mxArgv(2))) };
	socklen_t length = sizeof(address);
	it->base.interest = interest;
	it->base.ready = ready;
	it->base.dispose = dispose;
	it->base.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if ((it->base.fd < 0) || bind(it->base.fd, (struct sockaddr*)&address, length)
			|| getsockname(it->base.fd, (struct sockaddr*)&address, &length)) {
		fxInteger(the, mxResult, -errno);
		if (it->base.fd >= 0)
			close(it->base.fd);
		free(it);
		return;
	}
	it->port = ntohs(address.sin_port);
	loopAdd(the, &it->base);
}

/* udpPort(handle): number, 0 after close */
void xs_udpPort(txMachine* the)
{
	udp* it = (udp*)loopFind(the, mxArgv(0));
	fxInteger(the, mxResult, it ? it->port : 0);
}

/* udpRead(handle, target, remote | undefined): bytes read, -1 when none waits, -2 after close */
void xs_udpRead(txMachine* the)
{
	udp* it = (udp*)loopFind(the, mxArgv(0));
	datagram* next;
	void* data;
	txUnsigned size;
	_xsmcGetBuffer(the, mxArgv(1), &data, &size, 1);
	if (!it || !it->count) {
		fxInteger(the, mxResult, it ? -1 : -2);
		return;
	}
	next = &it->queue[it->first];
	if (size > (txUnsigned)next->length)
		size = next->length;
	memcpy(data, next->bytes, size);
	if (mxArgv(2)->kind == XS_REFERENCE_KIND) {
		char text[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, &next->remote.sin_addr, text, sizeof(text));
		mxPushStringC(text);
		mxPushSlot(mxArgv(2));
		fxSetID(the, fxID(the, "address"));
		mxPop();
		mxPushInteger(ntohs(next->remote.sin_port));
		mxPushSlot(mxArgv(2));
		fxSetID(the, fxID(the, "port"));
		mxPop();
	}
	it->first = (it->first + 1) % QUEUE_LIMIT;
	it->count--;
	fxInteger(the, mxResult, size);
}

/* udpWrite(handle, source, address: string, port: number): 0; -1 when the address is no literal, -2 after close */
void xs_udpWrite(txMachine* the)
{
	udp* it = (udp*)loopFind(the, mxArgv(0));
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(fxToInteger(the, mxArgv(3))) };
	void* data;
	txUnsigned length;
	int result = 0;
	_xsmcGetBuffer(the, mxArgv(1), &data, &length, 0);
	if (!it)
		result = -2;
	else if (inet_pton(AF_INET, fxToString(the, mxArgv(2)), &address.sin_addr) != 1)
		result = -1;
	else
		(void)!sendto(it->base.fd, data, length, MSG_NOSIGNAL, (struct sockaddr*)&address, sizeof(address));
	fxInteger(the, mxResult, result);
}

/* udpClose(handle): void */
void xs_udpClose(txMachine* the)
{
	resource* it = loopFind(the, mxArgv(0));
	if (it)
		loopClose(the, it);
}
