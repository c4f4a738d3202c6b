/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS streams and the work with private keys, both done by the parent's relay (hosts/xs/node/relay.ts).
 *
 * A relayed stream opens TCP to the relay, sends one header, and then receives frames of
 * type (1 byte), length (2 bytes, big endian) and payload: OPEN (the handshake is over), DATA, and
 * FAIL (code, alert or 255, message). What it sends after the header is not framed.
 */
#include "stream.h"

enum { FRAME_OPEN = 1, FRAME_DATA = 2, FRAME_FAIL = 3 };

/* FRAMES */

static void endFrame(stream* it)
{
	it->headLength = 0;
	if (it->head[0] == FRAME_FAIL) {
		int length = it->failureLength < 2 ? 0 : it->failureLength - 2;
		char message[FAILURE_MAXIMUM];
		snprintf(message, sizeof(message), "%.*s", length, (char*)it->failure + 2);
		streamEnd(it, it->failure[0], it->failure[1] == 255 ? -1 : it->failure[1], message);
	}
}

int relayReceive(stream* it)
{
	for (;;) {
		int length;
		if (it->headLength < FRAME_HEAD) {
			length = streamReceive(it, it->head + it->headLength, FRAME_HEAD - it->headLength);
			it->headLength += length;
			if (it->headLength < FRAME_HEAD)
				return 0;
			it->frameRest = it->head[1] << 8 | it->head[2];
			it->failureLength = 0;
		}
		else {
			if (it->head[0] == FRAME_DATA)
				length = streamReceiveInput(it, it->frameRest);
			else {
				int space = FAILURE_MAXIMUM - it->failureLength;
				length = streamReceive(it, it->failure + it->failureLength, it->frameRest < space ? it->frameRest : space);
				it->failureLength += length;
			}
			it->frameRest -= length;
			if (!length)
				return 0;
		}
		if (!it->frameRest) {
			endFrame(it);
			if (it->over || (it->head[0] == FRAME_OPEN))
				return !it->over;
		}
	}
}

/* HEADER */

typedef struct {
	txU1* bytes;
	size_t length;
} header;

static void putField(header* to, char tag, const void* data, size_t length)
{
	to->bytes = realloc(to->bytes, to->length + 5 + length);
	if (!to->bytes)
		hostFail(EXIT_MEMORY_FULL, "memory full: host");
	to->bytes[to->length] = tag;
	for (int i = 0; i < 4; i++)
		to->bytes[to->length + 1 + i] = (txU1)(length >> (24 - 8 * i));
	memcpy(to->bytes + to->length + 5, data, length);
	to->length += 5 + length;
}

static void putBuffer(txMachine* the, header* to, char tag, txSlot* slot)
{
	void* data;
	txUnsigned length;
	if (slot->kind == XS_UNDEFINED_KIND)
		return;
	if ((slot->kind == XS_STRING_KIND) || (slot->kind == XS_STRING_X_KIND)) {
		putField(to, tag, slot->value.string, strlen(slot->value.string));
		return;
	}
	_xsmcGetBuffer(the, slot, &data, &length, 0);
	putField(to, tag, data, length);
}

static void putList(txMachine* the, header* to, char tag, txSlot* list)
{
	txInteger count;
	if (list->kind == XS_UNDEFINED_KIND)
		return;
	mxPushSlot(list);
	mxGetID(mxID(_length));
	count = fxToInteger(the, the->stack);
	mxPop();
	for (txInteger i = 0; i < count; i++) {
		mxPushSlot(list);
		mxGetIndex(i);
		putBuffer(the, to, tag, the->stack);
		mxPop();
	}
}

static void beginHeader(header* to)
{
	putField(to, 0, NULL, 0);
	to->length = 4;
	putField(to, 'T', options.relayToken, strlen(options.relayToken));
}

/* Connects to the relay, which is sent the header first: its length in 4 bytes, then fields of tag (1 byte), length (4 bytes) and value. */
static void openRelay(txMachine* the, header* fields)
{
	struct sockaddr_storage address;
	socklen_t length;
	stream* it;
	for (int i = 0; i < 4; i++)
		fields->bytes[i] = (txU1)((fields->length - 4) >> (24 - 8 * i));
	streamAddress("127.0.0.1", options.relayPort, &address, &length);
	it = streamOpen(the, &address, length, 1);
	it->relayed = 1;
	it->header = fields->bytes;
	it->headerLength = fields->length;
}

/* relayOpen(self, dispatch, address, port, nodelay, host, anchors, chain, key, protocols): handle, or -1 as tcpOpen. */
void xs_relayOpen(txMachine* the)
{
	struct sockaddr_storage address;
	socklen_t length;
	header fields = { NULL, 0 };
	char port[8];
	if (!streamAddress(fxToString(the, mxArgv(2)), 0, &address, &length)) {
		fxInteger(the, mxResult, -1);
		return;
	}
	beginHeader(&fields);
	putBuffer(the, &fields, 'A', mxArgv(2));
	snprintf(port, sizeof(port), "%d", fxToInteger(the, mxArgv(3)) & 0xFFFF);
	putField(&fields, 'P', port, strlen(port));
	putBuffer(the, &fields, 'H', mxArgv(5));
	putList(the, &fields, 'C', mxArgv(6));
	putList(the, &fields, 'L', mxArgv(7));
	putBuffer(the, &fields, 'K', mxArgv(8));
	putList(the, &fields, 'N', mxArgv(9));
	openRelay(the, &fields);
}

/* relayAsk(self, dispatch, question, key, bytes): handle of a stream with the answer, behind its length in 2 bytes. */
void xs_relayAsk(txMachine* the)
{
	header fields = { NULL, 0 };
	beginHeader(&fields);
	putBuffer(the, &fields, 'Q', mxArgv(2));
	putBuffer(the, &fields, 'K', mxArgv(3));
	putBuffer(the, &fields, 'B', mxArgv(4));
	openRelay(the, &fields);
}
