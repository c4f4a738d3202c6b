// SPDX-License-Identifier: Apache-2.0
/** The head of a release: fetched, its signature verified, and what it says found to be for this device. */
import { toDeviceError, type DeviceError } from "../base/error.js";
import { encodeHex } from "../bytes/hex.js";
import type { Host } from "../host.js";
import { admit, type DeviceFacts } from "./admission.js";
import { openSign1, verifySign1, type Sign1Callbacks } from "./cose.js";
import { UpdateError } from "./failure.js";
import { decodeManifest, readHeader, type Manifest, type ReleaseKey } from "./manifest.js";
import { BLOCK_LENGTH, type SourceReader } from "./source.js";

export interface ReleaseOptions {
	readonly host: Host;
	readonly keys: readonly ReleaseKey[];
	readonly revoked: readonly Uint8Array[];
	readonly facts: DeviceFacts;
	/** There is news: `manifest`, or `failure`. */
	onTurn(): void;
}

export class ReleaseHead implements SourceReader, Sign1Callbacks {
	/** The manifest as it came, once it is all there. */
	signed: Uint8Array | undefined;
	/** SHA-256 of it: what the device calls this release. */
	identity = "";
	/** There once it was verified and admitted. */
	manifest: Manifest | undefined;
	failure: DeviceError | undefined;
	readonly #options: ReleaseOptions;
	/** The file's first block. */
	readonly #block: Uint8Array;
	#length = 0;
	#payload: Uint8Array | undefined;

	/** @param buffer of `BLOCK_LENGTH`, ours until there is news */
	constructor(options: ReleaseOptions, buffer: Uint8Array) {
		this.#options = options;
		this.#block = buffer;
	}

	onBytes(bytes: Uint8Array, start: number, end: number): void {
		this.#block.set(bytes.subarray(start, end), this.#length);
		this.#length += end - start;
	}

	onEnd(): void {
		try {
			if (this.#length < BLOCK_LENGTH) throw new UpdateError("truncated", "a release without a whole block");
			const { start, end } = readHeader(this.#block, 0, BLOCK_LENGTH);
			this.take(this.#block.slice(start, end));
		} catch (error) {
			this.fail(error);
		}
	}

	onFailed(error: DeviceError): void {
		this.fail(error);
	}

	/** @param signed a COSE_Sign1, ours from now on. @throws UpdateError */
	take(signed: Uint8Array): void {
		const { host, keys, revoked } = this.#options;
		this.signed = signed;
		const digest = host.crypto.digest("SHA-256");
		digest.update(signed);
		this.identity = encodeHex(digest.digest());
		const sign1 = openSign1(signed, 0, signed.byteLength);
		this.#payload = sign1.payload;
		verifySign1(host, sign1, keys, revoked, this);
	}

	onVerified(): void {
		const { host, facts } = this.#options;
		const payload = this.#payload!;
		try {
			const manifest = decodeManifest(host.text, payload, 0, payload.byteLength);
			admit(manifest, facts);
			this.manifest = manifest;
			this.#options.onTurn();
		} catch (error) {
			this.fail(error);
		}
	}

	onRefused(error: DeviceError): void {
		this.fail(error);
	}

	private fail(error: unknown): void {
		if (!(error instanceof Error)) throw error;
		this.failure = toDeviceError(error, "internal", "the release");
		this.#options.onTurn();
	}
}
