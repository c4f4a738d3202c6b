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

/** Who wants to know what a release is. An object, because closures take eleven slots each. */
export interface ReleaseOwner {
	readonly host: Host;
	readonly keys: readonly ReleaseKey[];
	/** Identifiers of keys that are good for nothing any more. */
	readonly revoked: readonly Uint8Array[];
	/** What the device says of itself to who has this release for it. */
	facts(manifest: Manifest): DeviceFacts;
	/** There is news: `manifest`, or `failure`. */
	onTurn(): void;
}

export class ReleaseHead implements SourceReader, SignatureCallbacks {
	/** The manifest as it came, once it is all there; whoever has no use for it any more lets it go. */
	signed: Uint8Array | undefined;
	/** SHA-256 of it: what the device calls this release. */
	identity = "";
	/** There once it was verified and admitted. */
	manifest: Manifest | undefined;
	failure: DeviceError | undefined;
	readonly #owner: ReleaseOwner;
	/** The file's first block: the source's own, or gathered from pieces. */
	#block: Uint8Array | undefined;
	#length = 0;
	#isOver = false;
	#isBegun = false;

	constructor(owner: ReleaseOwner) {
		this.#owner = owner;
	}

	/** There is something for `step` to do. */
	get isDue(): boolean {
		return this.#isOver && !this.#isBegun;
	}

	onBytes(bytes: Uint8Array, start: number, end: number): boolean {
		const length = this.#length;
		this.#length += end - start;
		if (end - start === BLOCK_LENGTH) {
			this.#block = bytes.subarray(start, end);
			return false;
		}
		this.#block ??= new Uint8Array(BLOCK_LENGTH);
		this.#block.set(bytes.subarray(start, end), length);
		return true;
	}

	onEnd(): void {
		this.#isOver = true;
	}

	onFailed(error: DeviceError): void {
		this.fail(error);
	}

	/** Looks at what came. */
	step(): void {
		this.#isBegun = true;
		const block = this.#block;
		this.#block = undefined;
		try {
			if (block === undefined || this.#length < BLOCK_LENGTH) {
				throw new UpdateError("truncated", "a release without a whole block");
			}
			const end = readHeader(this.#owner.host.text, block, 0, BLOCK_LENGTH);
			this.take(block.slice(HEADER_LENGTH, end));
		} catch (error) {
			this.fail(error);
		}
	}

	/** @param signed a COSE_Sign1, ours from now on. @throws UpdateError */
	take(signed: Uint8Array): void {
		const { host, keys, revoked } = this.#owner;
		this.#isBegun = true;
		this.signed = signed;
		const digest = host.crypto.digest("SHA-256");
		digest.update(signed);
		this.identity = encodeHex(digest.digest());
		verifySign1(host, openSign1(host.text, signed, 0, signed.byteLength), keys, revoked, this);
	}

	onVerified(bytes: Uint8Array, start: number, end: number): void {
		const owner = this.#owner;
		try {
			const manifest = decodeManifest(owner.host.text, bytes, start, end);
			admit(manifest, owner.facts(manifest));
			this.manifest = manifest;
			owner.onTurn();
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
		this.#owner.onTurn();
	}
}
