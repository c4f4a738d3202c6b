// SPDX-License-Identifier: Apache-2.0
/** The head of a release: fetched, its signature verified, and what it says found to be for this device. */
import { toDeviceError, type DeviceError } from "../base/error.js";
import { encodeHex } from "../bytes/hex.js";
import type { Host } from "../host.js";
import { admit, type DeviceFacts } from "./admission.js";
import { openSign1, verifySign1, type SignatureCallbacks } from "./cose.js";
import { UpdateError } from "./failure.js";
import { decodeManifest, HEADER_LENGTH, readHeader, type Manifest, type ReleaseKey } from "./manifest.js";
import { BLOCK_LENGTH, type SourceReader } from "./source.js";

export interface ReleaseOptions {
	readonly host: Host;
	readonly keys: readonly ReleaseKey[];
	readonly revoked: readonly Uint8Array[];
	/** What the device says of itself to who has this release for it. */
	facts(manifest: Manifest): DeviceFacts;
	/** There is news: `manifest`, or `failure`. */
	onTurn(): void;
}

export class ReleaseHead implements SourceReader, SignatureCallbacks {
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

	/** @param buffer of `BLOCK_LENGTH`, ours until there is news */
	constructor(options: ReleaseOptions, buffer: Uint8Array) {
		this.#options = options;
		this.#block = buffer;
	}

	onBytes(bytes: Uint8Array, start: number, end: number): boolean {
		this.#block.set(bytes.subarray(start, end), this.#length);
		this.#length += end - start;
		return true;
	}

	onEnd(): void {
		try {
			if (this.#length < BLOCK_LENGTH) throw new UpdateError("truncated", "a release without a whole block");
			const end = readHeader(this.#options.host.text, this.#block, 0, BLOCK_LENGTH);
			this.take(this.#block.slice(HEADER_LENGTH, end));
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
		verifySign1(host, openSign1(host.text, signed, 0, signed.byteLength), keys, revoked, this);
	}

	onVerified(bytes: Uint8Array, start: number, end: number): void {
		const options = this.#options;
		try {
			const manifest = decodeManifest(options.host.text, bytes, start, end);
			admit(manifest, options.facts(manifest));
			this.manifest = manifest;
			options.onTurn();
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
