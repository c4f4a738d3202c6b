// SPDX-License-Identifier: Apache-2.0
/** Makes a release: the file of `src/ota/manifest.ts`, from the contents of its components. */
import { DeviceError } from "../../src/base/error.js";
import { inRange } from "../../src/base/range.js";
import type { CBORObject } from "../../src/cbor/value.js";
import { type Component, type Manifest, type Payload, RELEASE_LIMITS } from "../../src/ota/manifest.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { isVersion } from "../../src/ota/version.js";
import { inBlocks, type PackedComponent, packComponent, type ReleaseComponent } from "./content.js";
import { encode } from "./cose.js";
import { signRelease, writeUnsigned } from "./file.js";
import { hex, type ReleaseSigner } from "./keys.js";

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
}

export interface Release {
	/** A whole number of blocks. */
	readonly file: Uint8Array;
	readonly manifest: Manifest;
}

/** Of the security counter: what 32 bits hold. */
const COUNTER_MAXIMUM = 2 ** 32 - 1;
/** What a device takes, and nothing that would not print. */
const TEXT = new RegExp(`^[^\\p{Cc}]{1,${RELEASE_LIMITS.text}}$`, "u");

/**
 * @throws DeviceError `argument` for what no release can say, `too-large` for more than one can hold, `credential` when
 * the key cannot be used
 */
export function createRelease(options: ReleaseOptions): Release {
	checkRelease(options);
	const { components, length } = pack(options);
	const manifest = toManifest(options, components.map(({ component }) => component), length);
	const file = new Uint8Array(length);
	writeUnsigned(file, encodeManifest(manifest));
	for (const { component, contents } of components) {
		contents.forEach((content, index) => file.set(content, component.payloads[index]!.offset));
	}
	return { file: options.key === undefined ? file : signRelease(file, options.key), manifest };
}

function checkRelease({ product, version, counter, hardware = [], minimum, expires, revoked = [], components }: ReleaseOptions): void {
	checkText("product", product);
	for (const name of hardware) checkText("hardware", name);
	for (const { requires } of components) if (requires !== undefined) checkText("what a component requires,", requires);
	checkVersion("version", version);
	if (minimum !== undefined) checkVersion("minimum", minimum);
	inRange("counter", counter, 0, COUNTER_MAXIMUM);
	if (expires !== undefined) inRange("expiry, in s,", expires, 0, Number.MAX_SAFE_INTEGER);
	for (const id of revoked) inRange("the length of a revoked key's identifier", id.byteLength, 1, RELEASE_LIMITS.keyId);
	checkCount("names of hardware", hardware, RELEASE_LIMITS.hardware);
	checkCount("revoked keys", revoked.map(hex), RELEASE_LIMITS.revoked);
	checkCount("components", components.map(({ name }) => name), RELEASE_LIMITS.components);
	if (components.length === 0) throw new DeviceError("argument", "a release without components");
}

function checkText(what: string, value: string): void {
	if (!TEXT.test(value)) throw new DeviceError("argument", `${what} ${JSON.stringify(value)} is not 1 to ${RELEASE_LIMITS.text} characters that print`);
}

function checkVersion(what: string, version: string): void {
	if (!isVersion(version)) throw new DeviceError("argument", `${what} ${JSON.stringify(version)} is none of SemVer 2.0, such as 1.4.3`);
}

function checkCount(what: string, names: readonly string[], most: number): void {
	if (names.length > most) throw new DeviceError("too-large", `${names.length} ${what} of at most ${most}`);
	if (new Set(names).size < names.length) throw new DeviceError("argument", `of the ${what} one is there twice`);
}

function pack({ components }: ReleaseOptions): { components: PackedComponent[]; length: number } {
	let length = BLOCK_LENGTH;
	const packed = components.map(from => {
		const one = packComponent(from, length);
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
