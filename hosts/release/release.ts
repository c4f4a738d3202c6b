// SPDX-License-Identifier: Apache-2.0
/** Makes a release: the file of `src/ota/manifest.ts`, from the contents of its components. */
import { DeviceError } from "../../src/base/error.js";
import { inRange } from "../../src/base/range.js";
import { Writer } from "../../src/bytes/writer.js";
import type { CBORObject } from "../../src/cbor/value.js";
import type { Component, Manifest, Payload } from "../../src/ota/manifest.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { text } from "../node/text.js";
import { inBlocks, type PackedComponent, packComponent, type ReleaseComponent } from "./content.js";
import { encode, encodeUnsigned, signManifest } from "./cose.js";
import { hex, readSigner, type ReleaseSigner } from "./keys.js";
import { COMPONENTS_MAXIMUM, COUNTER_MAXIMUM, HARDWARE_MAXIMUM, REVOKED_MAXIMUM } from "./limits.js";

export interface ReleaseOptions {
	product: string;
	/** SemVer 2.0. */
	version: string;
	/** Security counter: raised where no older release may be installed any more. */
	counter: number;
	/** Names of the hardware that it is for; absent: any. */
	hardware?: readonly string[] | undefined;
	/** The oldest version that it may be installed over. */
	minimum?: string | undefined;
	/** s since 1970 after which no device installs it any more. */
	expires?: number | undefined;
	/** Identifiers of keys that are good for nothing once this is installed. */
	revoked?: readonly Uint8Array[] | undefined;
	components: readonly ReleaseComponent[];
	/** A private key in PEM, or what signs with one; absent: nobody signed yet, and no device takes it. */
	key?: string | ReleaseSigner | undefined;
	encodePatch?: (base: Uint8Array, target: Uint8Array) => Uint8Array;
}

export interface Release {
	/** A whole number of blocks. */
	readonly file: Uint8Array;
	readonly manifest: Manifest;
}

/** "MRL1" */
export const MAGIC = 0x4d52_4c31;
export const HEADER_LENGTH = 8;
const MANIFEST_MAXIMUM = BLOCK_LENGTH - HEADER_LENGTH;
/** Bytes of a key's identifier. */
const KEY_ID_MAXIMUM = 32;
const TEXT = /^[^\p{Cc}]{1,64}$/u;
/** Spec: SemVer 2.0.0 §2, §9, §10. */
const NUMBER = "(?:0|[1-9]\\d*)";
const PRERELEASE = `(?:${NUMBER}|\\d*[A-Za-z-][\\dA-Za-z-]*)`;
const BUILD = "[\\dA-Za-z-]+";
const dotted = (part: string): string => `${part}(?:\\.${part})*`;
const VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${dotted(PRERELEASE)})?(?:\\+${dotted(BUILD)})?$`);

/**
 * @throws DeviceError `argument` for what no release can say, `too-large` for more than one can hold, `credential` when
 * the key cannot be used
 */
export function createRelease(options: ReleaseOptions): Release {
	const signer = typeof options.key === "string" ? readSigner(options.key) : options.key;
	checkRelease(options);
	const { components, length } = pack(options);
	const manifest = toManifest(options, components.map(({ component }) => component), length);
	const payload = encodeManifest(manifest);
	const file = new Uint8Array(length);
	writeMessage(file, signer === undefined ? encodeUnsigned(payload) : signManifest(payload, signer));
	for (const { component, contents } of components) {
		contents.forEach((content, index) => file.set(content, component.payloads[index]!.offset));
	}
	return { file, manifest };
}

/** Puts a COSE_Sign1 into the first block of `file`. @throws DeviceError `too-large` */
export function writeMessage(file: Uint8Array, message: Uint8Array): void {
	if (message.byteLength > MANIFEST_MAXIMUM) {
		throw new DeviceError("too-large", `the signed manifest is ${message.byteLength} bytes of at most ${MANIFEST_MAXIMUM}`);
	}
	const writer = new Writer(text);
	writer.reset(file.fill(0, 0, BLOCK_LENGTH), 0, BLOCK_LENGTH);
	writer.uint32(MAGIC);
	writer.uint32(message.byteLength);
	writer.copy(message, 0, message.byteLength);
}

/** @throws DeviceError `argument` when `version` is none of SemVer 2.0 */
export function checkVersion(name: string, version: string): void {
	if (!VERSION.test(version)) throw new DeviceError("argument", `${name} ${JSON.stringify(version)} is none of SemVer 2.0, such as 1.4.3`);
}

function checkRelease({ product, version, counter, hardware = [], minimum, expires, revoked = [], components }: ReleaseOptions): void {
	for (const [name, value] of [["the product", product], ...hardware.map(value => ["the hardware", value])] as [string, string][]) {
		if (!TEXT.test(value)) throw new DeviceError("argument", `${name} ${JSON.stringify(value)} is not 1 to 64 characters without control`);
	}
	checkVersion("the version", version);
	if (minimum !== undefined) checkVersion("the minimum", minimum);
	inRange("the counter", counter, 0, COUNTER_MAXIMUM);
	if (expires !== undefined) inRange("the expiry in s", expires, 0, Number.MAX_SAFE_INTEGER);
	for (const id of revoked) inRange("the length of a revoked key's identifier", id.byteLength, 1, KEY_ID_MAXIMUM);
	checkCount("names of hardware", hardware, HARDWARE_MAXIMUM);
	checkCount("revoked keys", revoked.map(hex), REVOKED_MAXIMUM);
	checkCount("components", components.map(({ name }) => name), COMPONENTS_MAXIMUM);
	if (components.length === 0) throw new DeviceError("argument", "a release without components");
}

function checkCount(what: string, names: readonly string[], most: number): void {
	if (names.length > most) throw new DeviceError("too-large", `${names.length} ${what} of at most ${most}`);
	if (new Set(names).size < names.length) throw new DeviceError("argument", `of the ${what} one is there twice`);
}

function pack({ components, encodePatch }: ReleaseOptions): { components: PackedComponent[]; length: number } {
	let length = BLOCK_LENGTH;
	const packed = components.map(from => {
		const one = packComponent(from, length, encodePatch!);
		const last = one.component.payloads.at(-1)!;
		length = last.offset + inBlocks(last.size);
		return one;
	});
	return { components: packed, length };
}

function toManifest(options: ReleaseOptions, components: readonly Component[], length: number): Manifest {
	const { product, version, counter, hardware = [], minimum = "", expires = Infinity, revoked = [] } = options;
	return { product, version, counter, hardware, minimum, expires, revoked, components, length };
}

/** Members in this order, and none that says nothing. */
function encodeManifest({ product, version, counter, hardware, minimum, expires, revoked, components }: Manifest): Uint8Array {
	return encode({
		product,
		version,
		counter,
		...(hardware.length > 0 && { hardware: [...hardware] }),
		...(minimum !== "" && { minimum }),
		...(expires !== Infinity && { expires }),
		...(revoked.length > 0 && { revoked: [...revoked] }),
		components: components.map(encodeComponent),
	});
}

function encodeComponent({ name, kind, size, digest, group, groups, requires, payloads }: Component): CBORObject {
	return { name, kind, size, digest, group, groups, ...(requires !== "" && { requires }), payloads: payloads.map(encodePayload) };
}

function encodePayload({ kind, size, base, baseSize }: Payload): CBORObject {
	return { kind, size, ...(base !== undefined && { base, baseSize }) };
}
