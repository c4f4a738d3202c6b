// SPDX-License-Identifier: Apache-2.0
/** CCM as it is composed for hosts without it, over Node's CBC and CTR: it keeps what Node's own keeps. */
import { createCipheriv } from "node:crypto";
import { test } from "node:test";
import { CCM, type BlockModes } from "../../hosts/crypto/ccm.js";
import { crypto } from "../../hosts/node/digest.js";
import type { Bench } from "./bench.js";
import { cipherPromises } from "./promises/cipher.js";

class NodeModes implements BlockModes {
	readonly #key: Uint8Array;

	constructor(key: Uint8Array) {
		this.#key = key;
	}

	chain(bytes: Uint8Array): void {
		bytes.set(createCipheriv("aes-128-cbc", this.#key, new Uint8Array(16)).setAutoPadding(false).update(bytes));
	}

	stream(counter: Uint8Array, bytes: Uint8Array): void {
		bytes.set(createCipheriv("aes-128-ctr", this.#key, counter).update(bytes));
	}
}

const ccm = new CCM((key) => new NodeModes(key));
const bench = { host: { crypto: { ...crypto, seal: ccm.seal.bind(ccm), open: ccm.open.bind(ccm) } } } as unknown as Bench;

for (const { name, run } of cipherPromises) test(`composed: ${name}`, () => run(bench));
