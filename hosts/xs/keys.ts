// SPDX-License-Identifier: Apache-2.0
/**
 * Key pairs and signatures, made by the parent process (hosts/xs/node/keys.ts) as TLS is carried by it: the engine's
 * sources bring no arithmetic for it, and what a device spends on it is measured on the device.
 */
import { DeviceError } from "../../src/base/error.js";
import type { GenerateKeyOptions, Keys, KeyType, SignOptions, VerifyOptions } from "../../src/host.js";
import { checkBytes, checkFunction } from "./check.js";
import { Event, native, type Handle } from "./native.js";

const TYPES: readonly KeyType[] = Object.freeze(["P-256", "RSA-2048"] as const);
/** Of the relay's failures: the key is of no use. */
const CREDENTIAL = 5;
/** Bytes that are signed or verified at most: the relay takes headers of 64 KB. */
const SIGNED_MAXIMUM = 49_152;
/** Bytes of the length that comes before an answer, and before the first of two values in it. */
const PREFIX = 2;
/** Bytes of an uncompressed point. */
const POINT_LENGTH = 65;

/** One question to the relay. */
class Question {
	readonly #onAnswer: (answer: Uint8Array) => void;
	readonly #onError: (error: DeviceError) => void;
	readonly #handle: Handle;
	/** Bytes of the answer; -1 while they are not known. */
	#length = -1;

	constructor(
		question: string, key: Uint8Array | undefined, bytes: Uint8Array | undefined,
		onAnswer: (answer: Uint8Array) => void, onError: (error: DeviceError) => void,
	) {
		this.#onAnswer = onAnswer;
		this.#onError = onError;
		this.#handle = native.relayAsk(this, dispatch, question, key, bytes);
	}

	/** For `dispatch` only. */
	receive(available: number): void {
		let count = available;
		if (this.#length < 0) {
			if (count < PREFIX) return;
			this.#length = lengthAt(this.read(PREFIX));
			count -= PREFIX;
		}
		if (count < this.#length) return;
		const answer = this.read(this.#length);
		native.streamClose(this.#handle);
		this.#onAnswer(answer);
	}

	/** For `dispatch` only. */
	fail(code: number): void {
		native.streamClose(this.#handle);
		this.#onError(code === CREDENTIAL
			? new DeviceError("credential", "the key is of no use")
			: new DeviceError("internal", "the parent process does not answer"));
	}

	private read(count: number): Uint8Array {
		const bytes = new Uint8Array(count);
		native.streamRead(this.#handle, bytes);
		return bytes;
	}
}

function dispatch(question: Question, event: number, value: number): void {
	if (event === Event.READABLE) question.receive(value);
	else if (event === Event.ERROR) question.fail(value);
}

function lengthAt(bytes: Uint8Array): number {
	return bytes[0]! << 8 | bytes[1]!;
}

function checkSigned(bytes: Uint8Array): void {
	checkBytes(bytes, "bytes");
	if (bytes.byteLength > SIGNED_MAXIMUM) throw new DeviceError("too-large", `no signature of more than ${SIGNED_MAXIMUM} bytes`);
}

/** The point, and the signature behind it; nothing where the key cannot be a point. */
function join(key: Uint8Array, signature: Uint8Array): Uint8Array {
	if (key.byteLength !== POINT_LENGTH) return new Uint8Array(0);
	const both = new Uint8Array(POINT_LENGTH + signature.byteLength);
	both.set(key);
	both.set(signature, POINT_LENGTH);
	return both;
}

export const keys: Keys = Object.freeze({
	generate(options: GenerateKeyOptions): void {
		if (!TYPES.includes(options.type)) throw new DeviceError("unsupported", `no keys of type ${String(options.type)}`);
		checkFunction(options.onKey, "onKey");
		checkFunction(options.onError, "onError");
		new Question(options.type, undefined, undefined, (answer) => {
			const end = PREFIX + lengthAt(answer);
			options.onKey(answer.slice(PREFIX, end), answer.slice(end));
		}, (error) => options.onError(error));
	},
	verify(options: VerifyOptions): void {
		const { key, bytes, signature } = options;
		checkBytes(key, "key");
		checkSigned(bytes);
		checkBytes(signature, "signature");
		checkFunction(options.onVerified, "onVerified");
		checkFunction(options.onError, "onError");
		new Question("verify", join(key, signature), bytes, (answer) => options.onVerified(answer[0] === 1), (error) => options.onError(error));
	},
	sign(options: SignOptions): void {
		checkBytes(options.key, "key");
		checkSigned(options.bytes);
		checkFunction(options.onSignature, "onSignature");
		checkFunction(options.onError, "onError");
		new Question("sign", options.key, options.bytes, (answer) => options.onSignature(answer), (error) => options.onError(error));
	},
});
