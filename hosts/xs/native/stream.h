/* SPDX-License-Identifier: Apache-2.0 */
/* A byte stream, as stream.c (TCP) and relay.c (TLS carried by the parent) share it. */
#ifndef MOORLINE_XS_STREAM_H
#define MOORLINE_XS_STREAM_H

#include "host.h"
#include <sys/socket.h>

/* The windows of an ESP32, so that a program meets the same back-pressure here. */
enum { WINDOW = 5744, FRAME_HEAD = 3, FAILURE_MAXIMUM = 512 };

typedef struct {
	resource base;
	int connecting;
	int open;                        /* the program may write */
	int over;                        /* the failure below is to be delivered; what arrived before it can still be read */
	int delivered;
	int code, detail;
	char message[FAILURE_MAXIMUM];
	txU1* header;                    /* relayed: what is sent first */
	size_t headerLength, headerSent;
	int relayed;                     /* what comes is in frames */
	txU1 head[FRAME_HEAD];
	int headLength;
	int frameRest;
	int failureLength;
	txU1 failure[FAILURE_MAXIMUM];
	txU1 input[WINDOW];
	int inputLength, inputRead;
	txU1 output[WINDOW];
	int outputLength;
} stream;

/* stream.c */
int streamAddress(const char* text, int port, struct sockaddr_storage* address, socklen_t* length);
stream* streamOpen(txMachine* the, const struct sockaddr_storage* address, socklen_t length, int nodelay);
void streamEnd(stream* it, int code, int detail, const char* message);
/* Bytes that came, at most `size`; 0 when the stream ended or nothing is there. */
int streamReceive(stream* it, void* target, int size);
int streamReceiveInput(stream* it, int maximum);

/* relay.c: takes what frames there are. Returns 1 when the handshake was over just now. */
int relayReceive(stream* it);

#endif
