/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-1, SHA-256, SHA-384 and SHA-512 (FIPS 180-4), incremental.
 *
 * The tables are those of SHA-512: SHA-256 takes the upper halves of the same numbers, because both
 * are the leading bits of the same roots (sections 4.2.2, 4.2.3, 5.3.3, 5.3.5). The state of a
 * digest lies in a chunk of the heap.
 */
#include "host.h"

enum { SHA_1, SHA_256, SHA_384, SHA_512 };

typedef struct {
	int algorithm;
	int fill;
	uint64_t length;
	uint64_t state[8];       /* SHA-1 and SHA-256 use the low halves */
	txU1 block[128];
} digest;

static const uint64_t roundConstants[80] = {
	0x428a2f98d728ae22ULL, 0x7137449123ef65cdULL, 0xb5c0fbcfec4d3b2fULL, 0xe9b5dba58189dbbcULL,
	0x3956c25bf348b538ULL, 0x59f111f1b605d019ULL, 0x923f82a4af194f9bULL, 0xab1c5ed5da6d8118ULL,
	0xd807aa98a3030242ULL, 0x12835b0145706fbeULL, 0x243185be4ee4b28cULL, 0x550c7dc3d5ffb4e2ULL,
	0x72be5d74f27b896fULL, 0x80deb1fe3b1696b1ULL, 0x9bdc06a725c71235ULL, 0xc19bf174cf692694ULL,
	0xe49b69c19ef14ad2ULL, 0xefbe4786384f25e3ULL, 0x0fc19dc68b8cd5b5ULL, 0x240ca1cc77ac9c65ULL,
	0x2de92c6f592b0275ULL, 0x4a7484aa6ea6e483ULL, 0x5cb0a9dcbd41fbd4ULL, 0x76f988da831153b5ULL,
	0x983e5152ee66dfabULL, 0xa831c66d2db43210ULL, 0xb00327c898fb213fULL, 0xbf597fc7beef0ee4ULL,
	0xc6e00bf33da88fc2ULL, 0xd5a79147930aa725ULL, 0x06ca6351e003826fULL, 0x142929670a0e6e70ULL,
	0x27b70a8546d22ffcULL, 0x2e1b21385c26c926ULL, 0x4d2c6dfc5ac42aedULL, 0x53380d139d95b3dfULL,
	0x650a73548baf63deULL, 0x766a0abb3c77b2a8ULL, 0x81c2c92e47edaee6ULL, 0x92722c851482353bULL,
	0xa2bfe8a14cf10364ULL, 0xa81a664bbc423001ULL, 0xc24b8b70d0f89791ULL, 0xc76c51a30654be30ULL,
	0xd192e819d6ef5218ULL, 0xd69906245565a910ULL, 0xf40e35855771202aULL, 0x106aa07032bbd1b8ULL,
	0x19a4c116b8d2d0c8ULL, 0x1e376c085141ab53ULL, 0x2748774cdf8eeb99ULL, 0x34b0bcb5e19b48a8ULL,
	0x391c0cb3c5c95a63ULL, 0x4ed8aa4ae3418acbULL, 0x5b9cca4f7763e373ULL, 0x682e6ff3d6b2b8a3ULL,
	0x748f82ee5defb2fcULL, 0x78a5636f43172f60ULL, 0x84c87814a1f0ab72ULL, 0x8cc702081a6439ecULL,
	0x90befffa23631e28ULL, 0xa4506cebde82bde9ULL, 0xbef9a3f7b2c67915ULL, 0xc67178f2e372532bULL,
	0xca273eceea26619cULL, 0xd186b8c721c0c207ULL, 0xeada7dd6cde0eb1eULL, 0xf57d4f7fee6ed178ULL,
	0x06f067aa72176fbaULL, 0x0a637dc5a2c898a6ULL, 0x113f9804bef90daeULL, 0x1b710b35131c471bULL,
	0x28db77f523047d84ULL, 0x32caab7b40c72493ULL, 0x3c9ebe0a15c9bebcULL, 0x431d67c49c100d4cULL,
	0x4cc5d4becb3e42b6ULL, 0x597f299cfc657e2aULL, 0x5fcb6fab3ad6faecULL, 0x6c44198c4a475817ULL
};

static const uint64_t initial512[8] = {
	0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL,
	0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL
};

static const uint64_t initial384[8] = {
	0xcbbb9d5dc1059ed8ULL, 0x629a292a367cd507ULL, 0x9159015a3070dd17ULL, 0x152fecd8f70e5939ULL,
	0x67332667ffc00b31ULL, 0x8eb44a8768581511ULL, 0xdb0c2e0d64f98fa7ULL, 0x47b5481dbefa4fa4ULL
};

static const uint32_t initial1[5] = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0 };

static const int digestLengths[] = { 20, 32, 48, 64 };

static int blockLength(digest* it)
{
	return it->algorithm >= SHA_384 ? 128 : 64;
}

static uint32_t rotate32(uint32_t value, int bits)
{
	return value >> bits | value << (32 - bits);
}

static uint64_t rotate64(uint64_t value, int bits)
{
	return value >> bits | value << (64 - bits);
}

static uint64_t load(const txU1* bytes, int length)
{
	uint64_t value = 0;
	while (length--)
		value = value << 8 | *bytes++;
	return value;
}

/* BLOCKS */

static void compress1(digest* it)
{
	uint32_t w[80], a = it->state[0], b = it->state[1], c = it->state[2], d = it->state[3], e = it->state[4];
	for (int t = 0; t < 80; t++) {
		uint32_t f, k, next;
		w[t] = t < 16 ? (uint32_t)load(it->block + 4 * t, 4) : rotate32(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 31);
		if (t < 20) { f = (b & c) | (~b & d); k = 0x5A827999; }
		else if (t < 40) { f = b ^ c ^ d; k = 0x6ED9EBA1; }
		else if (t < 60) { f = (b & c) | (b & d) | (c & d); k = 0x8F1BBCDC; }
		else { f = b ^ c ^ d; k = 0xCA62C1D6; }
		next = rotate32(a, 27) + f + e + k + w[t];
		e = d; d = c; c = rotate32(b, 2); b = a; a = next;
	}
	it->state[0] = (uint32_t)(it->state[0] + a);
	it->state[1] = (uint32_t)(it->state[1] + b);
	it->state[2] = (uint32_t)(it->state[2] + c);
	it->state[3] = (uint32_t)(it->state[3] + d);
	it->state[4] = (uint32_t)(it->state[4] + e);
}

static void compress256(digest* it)
{
	uint32_t w[64], s[8];
	for (int i = 0; i < 8; i++)
		s[i] = (uint32_t)it->state[i];
	for (int t = 0; t < 64; t++) {
		uint32_t t1, t2;
		if (t < 16)
			w[t] = (uint32_t)load(it->block + 4 * t, 4);
		else
			w[t] = (rotate32(w[t - 2], 17) ^ rotate32(w[t - 2], 19) ^ w[t - 2] >> 10) + w[t - 7]
				+ (rotate32(w[t - 15], 7) ^ rotate32(w[t - 15], 18) ^ w[t - 15] >> 3) + w[t - 16];
		t1 = s[7] + (rotate32(s[4], 6) ^ rotate32(s[4], 11) ^ rotate32(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6]))
			+ (uint32_t)(roundConstants[t] >> 32) + w[t];
		t2 = (rotate32(s[0], 2) ^ rotate32(s[0], 13) ^ rotate32(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		it->state[i] = (uint32_t)(it->state[i] + s[i]);
}

static void compress512(digest* it)
{
	uint64_t w[80], s[8];
	memcpy(s, it->state, sizeof(s));
	for (int t = 0; t < 80; t++) {
		uint64_t t1, t2;
		if (t < 16)
			w[t] = load(it->block + 8 * t, 8);
		else
			w[t] = (rotate64(w[t - 2], 19) ^ rotate64(w[t - 2], 61) ^ w[t - 2] >> 6) + w[t - 7]
				+ (rotate64(w[t - 15], 1) ^ rotate64(w[t - 15], 8) ^ w[t - 15] >> 7) + w[t - 16];
		t1 = s[7] + (rotate64(s[4], 14) ^ rotate64(s[4], 18) ^ rotate64(s[4], 41)) + ((s[4] & s[5]) ^ (~s[4] & s[6]))
			+ roundConstants[t] + w[t];
		t2 = (rotate64(s[0], 28) ^ rotate64(s[0], 34) ^ rotate64(s[0], 39)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		it->state[i] += s[i];
}

static void update(digest* it, const txU1* bytes, txUnsigned length)
{
	int block = blockLength(it);
	it->length += length;
	while (length) {
		txUnsigned space = block - it->fill;
		txUnsigned count = length < space ? length : space;
		memcpy(it->block + it->fill, bytes, count);
		it->fill += count;
		bytes += count;
		length -= count;
		if (it->fill == block) {
			it->fill = 0;
			if (it->algorithm == SHA_1)
				compress1(it);
			else if (it->algorithm == SHA_256)
				compress256(it);
			else
				compress512(it);
		}
	}
}

/* NATIVES */

/* digestOpen(algorithm: number): object */
void xs_digestOpen(txMachine* the)
{
	digest start = { .algorithm = fxToInteger(the, mxArgv(0)) & 3 };
	for (int i = 0; i < 8; i++) {
		switch (start.algorithm) {
		case SHA_1: start.state[i] = i < 5 ? initial1[i] : 0; break;
		case SHA_256: start.state[i] = initial512[i] >> 32; break;
		case SHA_384: start.state[i] = initial384[i]; break;
		case SHA_512: start.state[i] = initial512[i]; break;
		}
	}
	fxNewHostObject(the, NULL);
	mxPullSlot(mxResult);
	fxSetHostChunk(the, mxResult, &start, sizeof(start));
}

/* digestUpdate(digest, bytes): void */
void xs_digestUpdate(txMachine* the)
{
	void* data;
	txUnsigned length;
	_xsmcGetBuffer(the, mxArgv(1), &data, &length, 0);
	update(fxGetHostChunk(the, mxArgv(0)), data, length);
}

/* digestFinish(digest): ArrayBuffer */
void xs_digestFinish(txMachine* the)
{
	digest it = *(digest*)fxGetHostChunk(the, mxArgv(0));
	static const txU1 padding[128] = { 0x80 };
	uint64_t bits = it.length * 8;
	int block = blockLength(&it);
	int word = it.algorithm >= SHA_384 ? 8 : 4;
	int field = 2 * word;
	txU1 tail[16] = { 0 }, out[64];
	update(&it, padding, 1 + (2 * block - 1 - field - it.fill) % block);
	for (int i = 0; i < 8; i++)
		tail[field - 1 - i] = (txU1)(bits >> (8 * i));
	update(&it, tail, field);
	for (int i = 0; i < digestLengths[it.algorithm]; i++)
		out[i] = (txU1)(it.state[i / word] >> (8 * (word - 1 - i % word)));
	fxArrayBuffer(the, mxResult, out, digestLengths[it.algorithm], -1);
}
