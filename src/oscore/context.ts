// SPDX-License-Identifier: Apache-2.0
/**
 * A security context: the keys that are derived from the parameters, and what is done with them.
 *
 * The keys never leave it.
 * Spec: RFC 8613 §3.2.1, §5.2, §5.4.
 */
import { mix } from "../bytes/word.js";
import { expand, extract } from "../crypto/hkdf.js";
import type { Host } from "../host.js";
import { byteString, joined } from "./bytes.js";
import type { OSCOREParameters } from "./parameters.js";

export type DerivingHost = Pick<Host, "crypto" | "text">;

/** Bytes that sealing adds. Spec: AES-CCM-16-64-128, RFC 8152 §10.2. */
export const TAG_LENGTH = 8;
const KEY_LENGTH = 16;
const NONCE_LENGTH = 13;
/** Of COSE. */
const AES_CCM_16_64_128 = 10;
/** Of a nonce: behind the length of the ID, and the ID. */
const PARTIAL_IV_LENGTH = 5;
const NOTHING = new Uint8Array(0);
/** `["Encrypt0", h'', …]`, up to the third item. Spec: RFC 8152 §5.3. */
const STRUCTURE: readonly number[] = Object.freeze([0x83, 0x68, 0x45, 0x6e, 0x63, 0x72, 0x79, 0x70, 0x74, 0x30, 0x40]);
/** `[1, [10], …]`, up to the third of five items: the version of OSCORE, and the algorithm. */
const EXTERNAL: readonly number[] = Object.freeze([0x85, 0x01, 0x81, AES_CCM_16_64_128]);
const BYTE_STRING = 0x40;
/** `[id, idContext, 10, "Key", 16]`, or `"IV", 13` at its end. Spec: RFC 8613 §3.2.1. */
const FIVE_ITEMS = Uint8Array.of(0x85);
const NULL = Uint8Array.of(0xf6);
const FOR_KEY = Uint8Array.of(AES_CCM_16_64_128, 0x63, 0x4b, 0x65, 0x79, KEY_LENGTH);
const FOR_IV = Uint8Array.of(AES_CCM_16_64_128, 0x62, 0x49, 0x56, NONCE_LENGTH);

/** @param kind what it is for: "Key", or "IV" with an ID of no bytes */
export function derive(
	host: DerivingHost, { masterSecret, masterSalt }: OSCOREParameters,
	id: Uint8Array, idContext: Uint8Array | undefined, kind: "Key" | "IV",
): Uint8Array {
	// By hand: an encoder would take more of the stack than there is left where a request begins all this.
	const ids = joined(joined(FIVE_ITEMS, byteString(id)), idContext === undefined ? NULL : byteString(idContext));
	const info = joined(ids, kind === "Key" ? FOR_KEY : FOR_IV);
	const key = extract(host.crypto, masterSalt, masterSecret);
	return expand(host.crypto, key, info, kind === "Key" ? KEY_LENGTH : NONCE_LENGTH);
}

export class Context {
	readonly senderId: Uint8Array;
	readonly recipientId: Uint8Array;
	readonly idContext: Uint8Array | undefined;
	readonly #host: DerivingHost;
	readonly #senderKey: Uint8Array;
	readonly #recipientKey: Uint8Array;
	readonly #commonIV: Uint8Array;

	constructor(host: DerivingHost, parameters: OSCOREParameters, idContext: Uint8Array | undefined) {
		const { senderId, recipientId } = parameters;
		this.#host = host;
		this.senderId = senderId;
		this.recipientId = recipientId;
		this.idContext = idContext;
		this.#senderKey = derive(host, parameters, senderId, idContext, "Key");
		this.#recipientKey = derive(host, parameters, recipientId, idContext, "Key");
		this.#commonIV = derive(host, parameters, NOTHING, idContext, "IV");
	}

	/** @param id of whoever counts. Spec: RFC 8613 §5.2. */
	nonce(id: Uint8Array, partialIV: Uint8Array): Uint8Array {
		const nonce = new Uint8Array(NONCE_LENGTH);
		nonce.fill(id.byteLength, 0, 1);
		nonce.set(id, NONCE_LENGTH - PARTIAL_IV_LENGTH - id.byteLength);
		nonce.set(partialIV, NONCE_LENGTH - partialIV.byteLength);
		mix(nonce, this.#commonIV);
		return nonce;
	}

	seal(nonce: Uint8Array, additional: Uint8Array, bytes: Uint8Array): Uint8Array {
		return this.#host.crypto.seal({ key: this.#senderKey, nonce, additional, bytes, tagLength: TAG_LENGTH });
	}

	/** @returns `undefined` for what the peer has not sealed so */
	open(nonce: Uint8Array, additional: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
		return this.#host.crypto.open({ key: this.#recipientKey, nonce, additional, bytes, tagLength: TAG_LENGTH });
	}
}

/** What binds a response to its request. Spec: RFC 8613 §5.4. */
export function additionalOf(kid: Uint8Array, partialIV: Uint8Array): Uint8Array {
	const before = STRUCTURE.length + 1 + EXTERNAL.length;
	const length = EXTERNAL.length + 1 + kid.byteLength + 1 + partialIV.byteLength + 1;
	const bytes = new Uint8Array(STRUCTURE.length + 1 + length);
	bytes.set(STRUCTURE);
	bytes.fill(BYTE_STRING + length, STRUCTURE.length, STRUCTURE.length + 1);
	bytes.set(EXTERNAL, STRUCTURE.length + 1);
	bytes.fill(BYTE_STRING + kid.byteLength, before, before + 1);
	bytes.set(kid, before + 1);
	const middle = before + 1 + kid.byteLength;
	bytes.fill(BYTE_STRING + partialIV.byteLength, middle, middle + 1);
	bytes.set(partialIV, middle + 1);
	// No options of class I are defined.
	bytes.fill(BYTE_STRING, bytes.byteLength - 1);
	return bytes;
}
