// SPDX-License-Identifier: Apache-2.0
/**
 * Verifies a release as a device does, with the device's own code: nobody is to learn from a fleet that a release is none.
 *
 * All of it is looked at: the signature, the content of each component with its groups, and the zeros between. A patch can
 * only be followed by who has its base.
 */
import { Point } from "@noble/ed25519";
import type { DeviceError } from "../../src/base/error.js";
import { openSign1, verifySign1 } from "../../src/ota/cose.js";
import { ed25519 } from "../../src/ota/ed25519.js";
import { UpdateError } from "../../src/ota/failure.js";
import type { PublicReleaseKey } from "../../src/ota/key.js";
import { type Component, decodeManifest, type Manifest, type Payload } from "../../src/ota/manifest.js";
import { crypto } from "../node/digest.js";
import { keys as verifier } from "../node/keys.js";
import { text } from "../node/text.js";
import { timer } from "../node/time.js";
import { groupDigests, inBlocks, sha256 } from "./content.js";
import { payloadOf } from "./cose.js";
import { messageOf } from "./file.js";
import { hex } from "./keys.js";
import { applyPatch } from "./patch.js";

const ED25519 = ed25519(Point);

export interface VerifyReleaseOptions {
	/** Older contents: the patches against them are followed. */
	bases?: readonly Uint8Array[] | undefined;
	/** s since 1970; absent: nothing is expired. */
	now?: number | undefined;
}

export interface VerifiedRelease {
	readonly manifest: Manifest;
	/** The one of the keys that signed it. */
	readonly key: PublicReleaseKey;
	/** Patches that nobody gave the base of: their bytes are unknown. */
	readonly unfollowed: readonly Payload[];
}

/**
 * @param keys that a device trusts
 * @throws UpdateError (from a promise) with the reason that a device would give
 */
export async function verifyRelease(
	file: Uint8Array, keys: readonly PublicReleaseKey[], { bases = [], now }: VerifyReleaseOptions = {},
): Promise<VerifiedRelease> {
	const message = messageOf(file);
	const sign1 = openSign1(text, message, 0, message.byteLength);
	const trusted = keys.map(key => ({ ...key, ed25519: key.algorithm === "EdDSA" ? ED25519 : undefined }));
	const manifest = await new Promise<Manifest>((resolve, reject: (error: DeviceError) => void) => {
		verifySign1({ crypto, keys: verifier, text, timer }, sign1, trusted, [], {
			onVerified: (bytes, start, end) => {
				try {
					resolve(decodeManifest(text, bytes, start, end));
				} catch (error) {
					reject(error as DeviceError);
				}
			},
			onRefused: reject,
		});
	});
	const key = keys.find(({ id }) => hex(id) === hex(sign1.kid))!;
	if (now !== undefined && now > manifest.expires) throw new UpdateError("expired", `it expired at ${manifest.expires} s`);
	return { manifest, key, unfollowed: checkContents(file, manifest, bases) };
}

/** The manifest of a release, whoever signed it. @throws DeviceError `malformed` */
export function readManifest(file: Uint8Array): Manifest {
	const payload = payloadOf(messageOf(file));
	return decodeManifest(text, payload, 0, payload.byteLength);
}

/**
 * The whole content of each component that has it in the file, whoever signed that.
 * @throws UpdateError when one is not what the manifest says
 */
export function contentsOf(file: Uint8Array): ReadonlyMap<string, Uint8Array> {
	const manifest = readManifest(file);
	checkContents(file, manifest, []);
	return new Map(manifest.components.flatMap(({ name, payloads }) => {
		return payloads.filter(({ kind }) => kind === "full").map(payload => [name, bytesOf(file, payload)] as const);
	}));
}

/** @returns patches that could not be followed, because there was no base @throws UpdateError */
export function checkContents(file: Uint8Array, manifest: Manifest, bases: readonly Uint8Array[]): Payload[] {
	if (file.byteLength < manifest.length) throw new UpdateError("truncated", `${file.byteLength} bytes of ${manifest.length}`);
	if (file.byteLength > manifest.length) throw new UpdateError("trailing", `${file.byteLength} bytes, where ${manifest.length} would be all`);
	const known = new Map(bases.map(base => [hex(sha256(base)), base]));
	const unfollowed: Payload[] = [];
	for (const component of manifest.components) {
		for (const payload of component.payloads) {
			const content = follow(file, component, payload, known);
			if (content === undefined) unfollowed.push(payload);
			else checkContent(component, content);
			const { offset, size } = payload;
			if (file.subarray(offset + size, offset + inBlocks(size)).some(byte => byte !== 0)) {
				throw new UpdateError("trailing", `more than zeros behind a payload of ${component.name}`);
			}
		}
	}
	return unfollowed;
}

function follow(file: Uint8Array, { size, name }: Component, payload: Payload, known: ReadonlyMap<string, Uint8Array>): Uint8Array | undefined {
	const bytes = bytesOf(file, payload);
	if (payload.base === undefined) return bytes;
	const base = known.get(hex(payload.base));
	if (base === undefined) return undefined;
	if (base.byteLength !== payload.baseSize) throw new UpdateError("base", `the base of a patch of ${name} has another length`);
	return applyPatch(bytes, base, size);
}

function checkContent({ name, digest, group, groups }: Component, content: Uint8Array): void {
	const [found, expected] = [hex(groupDigests(content, group)), hex(groups)];
	if (found !== expected) throw new UpdateError("block-digest", `the content of ${name} is not what was signed`);
	if (hex(sha256(content)) !== hex(digest)) throw new UpdateError("digest", `the content of ${name} is not what was signed`);
}

function bytesOf(file: Uint8Array, { offset, size }: Payload): Uint8Array {
	return file.subarray(offset, offset + size);
}
