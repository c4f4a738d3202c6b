/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-128, encryption only, in the modes CBC and CTR (FIPS 197, SP 800-38A): what CCM is made of.
 *
 * The S-box is computed, once, as section 5.1.1 defines it. Time depends on the data here, as it
 * does on nothing that a process for tests could give away.
 */
#include "host.h"

enum { BLOCK = 16, ROUNDS = 10 };

typedef txU1 schedule[(ROUNDS + 1) * BLOCK];

static txU1 substitutes[256];

/* Multiplication by x in GF(2^8), section 4.2.1. */
static txU1 times2(txU1 value)
{
	return (txU1)(value << 1 ^ (value & 0x80 ? 0x1b : 0));
}

static txU1 rotate(txU1 value, int bits)
{
	return (txU1)(value << bits | value >> (8 - bits));
}

/* Powers of 3, and of its inverse 0xf6, run through all inverses. */
static void prepare(void)
{
	txU1 power = 1, inverse = 1;
	if (substitutes[0])
		return;
	do {
		power ^= times2(power);
		inverse ^= inverse << 1;
		inverse ^= inverse << 2;
		inverse ^= inverse << 4;
		if (inverse & 0x80)
			inverse ^= 0x09;
		substitutes[power] = (txU1)(inverse ^ rotate(inverse, 1) ^ rotate(inverse, 2) ^ rotate(inverse, 3) ^ rotate(inverse, 4) ^ 0x63);
	} while (power != 1);
	substitutes[0] = 0x63;
}

/* KeyExpansion, section 5.2. */
static void expand(const txU1* key, txU1* words)
{
	txU1 round = 1;
	prepare();
	memcpy(words, key, BLOCK);
	for (int i = BLOCK; i < (int)sizeof(schedule); i += 4) {
		txU1 word[4];
		memcpy(word, words + i - 4, 4);
		if (i % BLOCK == 0) {
			txU1 first = word[0];
			word[0] = substitutes[word[1]] ^ round;
			word[1] = substitutes[word[2]];
			word[2] = substitutes[word[3]];
			word[3] = substitutes[first];
			round = times2(round);
		}
		for (int j = 0; j < 4; j++)
			words[i + j] = words[i + j - BLOCK] ^ word[j];
	}
}

static void add(txU1* state, const txU1* other)
{
	for (int i = 0; i < BLOCK; i++)
		state[i] ^= other[i];
}

/* Cipher, section 5.1. The state lies in columns, as the input does. */
static void encrypt(const txU1* words, txU1* state)
{
	add(state, words);
	for (int round = 1; round <= ROUNDS; round++) {
		txU1 shifted[BLOCK];
		for (int i = 0; i < BLOCK; i++)
			shifted[i] = substitutes[state[(i + 4 * (i % 4)) % BLOCK]];
		for (int i = 0; i < BLOCK; i += 4) {
			txU1* a = shifted + i;
			txU1 all = a[0] ^ a[1] ^ a[2] ^ a[3];
			for (int j = 0; j < 4; j++)
				state[i + j] = round == ROUNDS ? a[j] : a[j] ^ all ^ times2(a[j] ^ a[(j + 1) % 4]);
		}
		add(state, words + round * BLOCK);
	}
}

/* NATIVES */

/* aesChain(key, bytes): void. CBC from zeros, in place; `bytes` are whole blocks. */
void xs_aesChain(txMachine* the)
{
	schedule words;
	txU1 *key, *bytes, state[BLOCK] = { 0 };
	txUnsigned keyLength, length;
	_xsmcGetBuffer(the, mxArgv(0), (void**)&key, &keyLength, 0);
	_xsmcGetBuffer(the, mxArgv(1), (void**)&bytes, &length, 1);
	expand(key, words);
	for (; length >= BLOCK; length -= BLOCK, bytes += BLOCK) {
		add(state, bytes);
		encrypt(words, state);
		memcpy(bytes, state, BLOCK);
	}
}

/* aesStream(key, counter, bytes): void. CTR from a counter of one block, in place. */
void xs_aesStream(txMachine* the)
{
	schedule words;
	txU1 *key, *start, *bytes, counter[BLOCK];
	txUnsigned keyLength, counterLength, length;
	_xsmcGetBuffer(the, mxArgv(0), (void**)&key, &keyLength, 0);
	_xsmcGetBuffer(the, mxArgv(1), (void**)&start, &counterLength, 0);
	_xsmcGetBuffer(the, mxArgv(2), (void**)&bytes, &length, 1);
	expand(key, words);
	memcpy(counter, start, BLOCK);
	while (length) {
		txU1 state[BLOCK];
		memcpy(state, counter, BLOCK);
		encrypt(words, state);
		for (int i = 0; i < BLOCK && length; i++, length--)
			*bytes++ ^= state[i];
		for (int i = BLOCK - 1; i >= 0 && !++counter[i]; i--)
			;
	}
}
