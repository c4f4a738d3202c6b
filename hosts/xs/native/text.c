/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8, strict both ways (Unicode 15, table 3-7).
 *
 * Strings of the engine are UTF-8 with two liberties: U+0000 is C0 80, and a surrogate is a sequence
 * of its own (ED A0..BF xx), paired or not. Neither may reach the wire.
 */
#include "host.h"

/* The bytes of the next character of an engine string as strict UTF-8; 0 for an unpaired surrogate. */
static int nextCharacter(const txU1** text, txU1 out[4])
{
	const txU1* c = *text;
	int length = c[0] < 0x80 ? 1 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;
	if ((c[0] == 0xC0) && (c[1] == 0x80)) {
		out[0] = 0;
		*text += 2;
		return 1;
	}
	if ((c[0] == 0xED) && (c[1] >= 0xA0)) {
		txU4 high, low, code;
		if ((c[1] >= 0xB0) || (c[3] != 0xED) || (c[4] < 0xB0))
			return 0;
		high = (c[1] & 0x0F) << 6 | (c[2] & 0x3F);
		low = (c[4] & 0x0F) << 6 | (c[5] & 0x3F);
		code = 0x10000 + (high << 10 | low);
		out[0] = (txU1)(0xF0 | code >> 18);
		out[1] = (txU1)(0x80 | (code >> 12 & 0x3F));
		out[2] = (txU1)(0x80 | (code >> 6 & 0x3F));
		out[3] = (txU1)(0x80 | (code & 0x3F));
		*text += 6;
		return 4;
	}
	memcpy(out, c, length);
	*text += length;
	return length;
}

/* The bytes of an engine string as strict UTF-8, or -1 on an unpaired surrogate. */
static txInteger byteLength(const txU1* text)
{
	txU1 out[4];
	txInteger total = 0;
	while (*text) {
		int length = nextCharacter(&text, out);
		if (!length)
			return -1;
		total += length;
	}
	return total;
}

/* Whether `slot` holds an integer from `minimum` to `maximum`. To be asked before fxToInteger, which rounds in place. */
static int inRange(txMachine* the, txSlot* slot, txNumber minimum, txNumber maximum)
{
	txNumber value = fxToNumber(the, slot);
	return (value >= minimum) && (value <= maximum) && (value == c_trunc(value));
}

/* textLength(text): bytes, or -1 on an unpaired surrogate */
void xs_textLength(txMachine* the)
{
	fxInteger(the, mxResult, byteLength((const txU1*)fxToString(the, mxArgv(0))));
}

/* textEncode(text, target, start): bytes written; -1 on an unpaired surrogate, -2 when it does not fit, -3 when start is no index */
void xs_textEncode(txMachine* the)
{
	const txU1* text = (const txU1*)fxToString(the, mxArgv(0));
	txU1* data;
	txUnsigned size;
	txInteger start, total;
	_xsmcGetBuffer(the, mxArgv(1), (void**)&data, &size, 1);
	if (!inRange(the, mxArgv(2), 0, size)) {
		fxInteger(the, mxResult, -3);
		return;
	}
	total = byteLength(text);
	start = fxToInteger(the, mxArgv(2));
	if ((total < 0) || (total > (txInteger)size - start)) {
		fxInteger(the, mxResult, total < 0 ? -1 : -2);
		return;
	}
	for (data += start; *text; data += nextCharacter(&text, data)) {
	}
	fxInteger(the, mxResult, total);
}

/* The length of the well-formed sequence at `c`, 0 when there is none. */
static int sequenceLength(const txU1* c, const txU1* limit)
{
	int length, i;
	txU1 lowest = 0x80, highest = 0xBF;
	if (c[0] < 0x80)
		return 1;
	if ((c[0] < 0xC2) || (c[0] > 0xF4))
		return 0;
	length = c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;
	if (limit - c < length)
		return 0;
	switch (c[0]) {
	case 0xE0: lowest = 0xA0; break;
	case 0xED: highest = 0x9F; break;
	case 0xF0: lowest = 0x90; break;
	case 0xF4: highest = 0x8F; break;
	}
	if ((c[1] < lowest) || (c[1] > highest))
		return 0;
	for (i = 2; i < length; i++) {
		if ((c[i] & 0xC0) != 0x80)
			return 0;
	}
	return length;
}

/* textDecode(bytes, start, end): string; -1 when ill-formed, -2 when the range is none */
void xs_textDecode(txMachine* the)
{
	txInteger start, end;
	txU1* data;
	txUnsigned size;
	const txU1* c;
	txInteger zeros = 0;
	txString result;
	_xsmcGetBuffer(the, mxArgv(0), (void**)&data, &size, 0);
	if (!inRange(the, mxArgv(2), 0, size) || !inRange(the, mxArgv(1), 0, fxToNumber(the, mxArgv(2)))) {
		fxInteger(the, mxResult, -2);
		return;
	}
	start = fxToInteger(the, mxArgv(1));
	end = fxToInteger(the, mxArgv(2));
	for (c = data + start; c < data + end;) {
		int length = sequenceLength(c, data + end);
		if (!length) {
			fxInteger(the, mxResult, -1);
			return;
		}
		zeros += !*c;
		c += length;
	}
	mxResult->value.string = result = fxNewChunk(the, end - start + zeros + 1);
	mxResult->kind = XS_STRING_KIND;
	/* The allocation may have moved the bytes. */
	_xsmcGetBuffer(the, mxArgv(0), (void**)&data, &size, 0);
	for (c = data + start; c < data + end; c++) {
		if (*c)
			*result++ = (char)*c;
		else {
			*result++ = (char)0xC0;
			*result++ = (char)0x80;
		}
	}
	*result = 0;
}
