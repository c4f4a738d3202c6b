/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte streams over TCP: writes go to a buffer that the loop empties, reading stops while the
 * program leaves the buffer full.
 */
#include "stream.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>

/* Windows that are thrown away at most when a stream is closed; a peer that sends on and on is reset. */
enum { DRAIN_LIMIT = 64 };

/* THE END OF A STREAM */

void streamEnd(stream* it, int code, int detail, const char* message)
{
	if (it->over)
		return;
	it->over = 1;
	it->code = code;
	it->detail = detail;
	snprintf(it->message, sizeof(it->message), "%s", message);
	close(it->base.fd);
	it->base.fd = -1;
}

static void endWithErrno(stream* it, int number)
{
	int code = CODE_UNREACHABLE;
	if ((number == ECONNRESET) || (number == EPIPE))
		code = CODE_CLOSED;
	else if (number == ETIMEDOUT)
		code = CODE_TIMEOUT;
	streamEnd(it, code, -1, strerror(number));
}

static int unread(stream* it)
{
	return it->inputLength - it->inputRead;
}

/* LOOP */

static short interest(resource* base)
{
	stream* it = (stream*)base;
	short events = 0;
	if (it->connecting || it->base.silent)
		return POLLOUT;
	if (it->outputLength || (it->headerSent < it->headerLength))
		events |= POLLOUT;
	if (unread(it) < WINDOW)
		events |= POLLIN;
	return events;
}

static int due(resource* base)
{
	stream* it = (stream*)base;
	return it->over && !it->delivered;
}

int streamReceive(stream* it, void* target, int size)
{
	ssize_t length = recv(it->base.fd, target, size, 0);
	if (length > 0)
		return (int)length;
	if (length == 0)
		streamEnd(it, CODE_CLOSED, -1, "closed by the peer");
	else if ((errno != EAGAIN) && (errno != EINTR))
		endWithErrno(it, errno);
	return 0;
}

int streamReceiveInput(stream* it, int maximum)
{
	int space, length;
	if (it->inputRead) {
		memmove(it->input, it->input + it->inputRead, unread(it));
		it->inputLength -= it->inputRead;
		it->inputRead = 0;
	}
	space = WINDOW - it->inputLength;
	length = space ? streamReceive(it, it->input + it->inputLength, space < maximum ? space : maximum) : 0;
	it->inputLength += length;
	return length;
}

static void receiveReady(txMachine* the, stream* it)
{
	int before = unread(it);
	if (!it->relayed)
		streamReceiveInput(it, WINDOW);
	else if (relayReceive(it)) {
		it->open = 1;
		loopEmit(the, &it->base, EVENT_WRITABLE, WINDOW, NULL, -1);
	}
	if (unread(it) > before)
		loopEmit(the, &it->base, EVENT_READABLE, unread(it), NULL, -1);
}

static void sendReady(txMachine* the, stream* it)
{
	ssize_t length;
	if (it->headerSent < it->headerLength) {
		length = send(it->base.fd, it->header + it->headerSent, it->headerLength - it->headerSent, MSG_NOSIGNAL);
		if (length > 0)
			it->headerSent += length;
		else if ((errno != EAGAIN) && (errno != EINTR))
			endWithErrno(it, errno);
		return;
	}
	length = send(it->base.fd, it->output, it->outputLength, MSG_NOSIGNAL);
	if (length > 0) {
		it->outputLength -= length;
		memmove(it->output, it->output + length, it->outputLength);
		loopEmit(the, &it->base, EVENT_WRITABLE, WINDOW - it->outputLength, NULL, -1);
	}
	else if ((errno != EAGAIN) && (errno != EINTR))
		endWithErrno(it, errno);
}

static void connectReady(txMachine* the, stream* it)
{
	int error = 0;
	socklen_t length = sizeof(error);
	getsockopt(it->base.fd, SOL_SOCKET, SO_ERROR, &error, &length);
	it->connecting = 0;
	if (error)
		streamEnd(it, error == ETIMEDOUT ? CODE_TIMEOUT : CODE_UNREACHABLE, -1, strerror(error));
	else if (!it->relayed) {
		it->open = 1;
		loopEmit(the, &it->base, EVENT_WRITABLE, WINDOW, NULL, -1);
	}
}

/* Ends in order: unread bytes are thrown away first, because closing over them would reset the connection. */
static void finish(txMachine* the, stream* it)
{
	txU1 rest[WINDOW];
	if (it->base.fd >= 0) {
		shutdown(it->base.fd, SHUT_WR);
		for (int i = 0; (i < DRAIN_LIMIT) && (recv(it->base.fd, rest, sizeof(rest), 0) > 0); i++) {
		}
	}
	loopClose(the, &it->base);
}

static void ready(txMachine* the, resource* base, short events)
{
	stream* it = (stream*)base;
	if (base->silent) {
		if (!it->over && events)
			sendReady(the, it);
		if (it->over || !it->outputLength)
			finish(the, it);
		return;
	}
	if (it->connecting) {
		if (events)
			connectReady(the, it);
	}
	else {
		if (events & (POLLIN | POLLERR | POLLHUP))
			receiveReady(the, it);
		if (!base->silent && !it->over && (events & POLLOUT))
			sendReady(the, it);
	}
	if (!base->silent && due(base)) {
		it->delivered = 1;
		loopEmit(the, base, EVENT_ERROR, it->code, it->message, it->detail);
	}
}

static void dispose(resource* base)
{
	free(((stream*)base)->header);
	free(base);
}

/* NATIVES */

int streamAddress(const char* text, int port, struct sockaddr_storage* address, socklen_t* length)
{
	struct sockaddr_in* four = (struct sockaddr_in*)address;
	struct sockaddr_in6* six = (struct sockaddr_in6*)address;
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		*length = sizeof(*four);
		return 1;
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		*length = sizeof(*six);
		return 1;
	}
	return 0;
}

stream* streamOpen(txMachine* the, const struct sockaddr_storage* address, socklen_t length, int nodelay)
{
	stream* it = hostAllocate(sizeof(stream));
	it->base.interest = interest;
	it->base.due = due;
	it->base.ready = ready;
	it->base.dispose = dispose;
	it->base.fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	it->connecting = 1;
	if (it->base.fd < 0)
		endWithErrno(it, errno);
	else {
		/* The operating system's buffers are as small as the device's, or its windows would mean little. */
		int window = WINDOW;
		setsockopt(it->base.fd, SOL_SOCKET, SO_SNDBUF, &window, sizeof(window));
		setsockopt(it->base.fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
		setsockopt(it->base.fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof(nodelay));
		if ((connect(it->base.fd, (const struct sockaddr*)address, length) < 0) && (errno != EINPROGRESS))
			endWithErrno(it, errno);
	}
	loopAdd(the, &it->base);
	return it;
}

/* tcpOpen(self, dispatch, address: string, port: number, nodelay: boolean): handle, or -1 when the address is no literal */
void xs_tcpOpen(txMachine* the)
{
	struct sockaddr_storage address;
	socklen_t length;
	if (streamAddress(fxToString(the, mxArgv(2)), fxToInteger(the, mxArgv(3)), &address, &length))
		streamOpen(the, &address, length, fxToBoolean(the, mxArgv(4)));
	else
		fxInteger(the, mxResult, -1);
}

/* streamRead(handle, target): bytes read; -1 when target is empty or longer than what is there, -2 after close */
void xs_streamRead(txMachine* the)
{
	stream* it = (stream*)loopFind(the, mxArgv(0));
	void* data;
	txUnsigned length;
	_xsmcGetBuffer(the, mxArgv(1), &data, &length, 1);
	if (!it)
		fxInteger(the, mxResult, -2);
	else if ((length == 0) || (length > (txUnsigned)unread(it)))
		fxInteger(the, mxResult, -1);
	else {
		memcpy(data, it->input + it->inputRead, length);
		it->inputRead += length;
		fxInteger(the, mxResult, length);
	}
}

/* streamWrite(handle, source): room that is left; -1 when source is longer than the room, -2 before open and after the end */
void xs_streamWrite(txMachine* the)
{
	stream* it = (stream*)loopFind(the, mxArgv(0));
	void* data;
	txUnsigned length;
	_xsmcGetBuffer(the, mxArgv(1), &data, &length, 0);
	if (!it || !it->open || it->delivered)
		fxInteger(the, mxResult, -2);
	else if (length > (txUnsigned)(WINDOW - it->outputLength))
		fxInteger(the, mxResult, -1);
	else {
		memcpy(it->output + it->outputLength, data, length);
		it->outputLength += length;
		fxInteger(the, mxResult, WINDOW - it->outputLength);
	}
}

/* streamClose(handle): void. What was written is still sent. */
void xs_streamClose(txMachine* the)
{
	stream* it = (stream*)loopFind(the, mxArgv(0));
	if (!it)
		return;
	if ((it->base.fd >= 0) && it->open && it->outputLength)
		loopSilence(the, &it->base);
	else
		finish(the, it);
}
