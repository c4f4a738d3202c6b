// SPDX-License-Identifier: Apache-2.0
/**
 * What a release is: its signed manifest, and where in the file everything lies.
 *
 * A release is one file, a whole number of blocks of 4,096 bytes. The first holds eight bytes of header ("MRL1", and
 * the length of what follows in 32 bits, big-endian), the manifest as a COSE_Sign1 (RFC 9052 §4.2), and zeros. The
 * payloads follow in the order in which the manifest names them, each from the beginning of a block, with zeros behind
 * it.
 */
import { Reader } from "../bytes/reader.js";
import { Vocabulary } from "../bytes/vocabulary.js";
import { decodeCBOR } from "../cbor/decode.js";
import type { CBORObject, CBORValue } from "../cbor/value.js";
import type { Digest, TextCodec } from "../host.js";
import { malformed, UpdateError } from "./failure.js";
import { BLOCK_LENGTH } from "./source.js";
import { isVersion } from "./version.js";

/** "image": the firmware itself. "mod": an XS archive. "data": anything else. */
export type ComponentKind = "image" | "mod" | "data";

/** One way to get a component's content. */
export interface Payload {
	/** "full": the content itself. "patch": VCDIFF (RFC 3284) against what is installed. */
	readonly kind: "full" | "patch";
	/** Bytes in the file. */
	readonly size: number;
	/** Offset in the file; a multiple of 4,096. Derived, not in the manifest. */
	readonly offset: number;
	/** Of a patch: SHA-256 and length of the content that it begins with. */
	readonly base: Uint8Array | undefined;
	readonly baseSize: number;
}

export interface Component {
	/** Up to 12 characters of a-z, 0-9; the image's is "main". */
	readonly name: string;
	readonly kind: ComponentKind;
	/** Bytes of the content. */
	readonly size: number;
	/** SHA-256 of the content. */
	readonly digest: Uint8Array;
	/** Bytes of a group; a multiple of 4,096. */
	readonly group: number;
	/** SHA-256 of each group of the content, one after the other. */
	readonly groups: Uint8Array;
	/** What the image that runs must provide (`firmware.provides`), "" for nothing. */
	readonly requires: string;
	/** Patches first; at least one payload. */
	readonly payloads: readonly Payload[];
}

export interface Manifest {
	readonly product: string;
	readonly version: string;
	/** Security counter: where one was installed, none with a lower one is. */
	readonly counter: number;
	/** Names of hardware that it is for; empty for any. */
	readonly hardware: readonly string[];
	/** The oldest version that it can be installed over, "" for any. */
	readonly minimum: string;
	/** s since 1970 after which it is not installed any more; `Infinity` for never. */
	readonly expires: number;
	/** Identifiers of keys that are good for nothing once this is installed. */
	readonly revoked: readonly Uint8Array[];
	readonly components: readonly Component[];
	/** Bytes of the whole file. Derived. */
	readonly length: number;
}

/** A key that releases may be signed with. */
export interface ReleaseKey {
	/** COSE key identifier (RFC 9052 §3.1), up to 32 bytes. */
	readonly id: Uint8Array;
	/** ES256: an uncompressed point of P-256, 65 bytes. EdDSA: 32 bytes of Ed25519. */
	readonly key: Uint8Array;
	/** Verifies Ed25519; absent for P-256. From `moorline/ed25519`. */
	readonly ed25519?: Ed25519 | undefined;
}

/** Where Ed25519 comes from: who signs with P-256 alone does without. */
export interface Ed25519 {
	/**
	 * May take a second on a chip. What is no key, or no signature, is not valid.
	 * @param digest a fresh SHA-512
	 */
	verify(signature: Uint8Array, bytes: Uint8Array, key: Uint8Array, digest: Digest): boolean;
}

/**
 * Of what a release may say. Whoever makes releases keeps to them, and so does each of its texts (but names of
 * components) to `text` characters.
 */
export const RELEASE_LIMITS = Object.freeze({
	/** Bytes of the signed manifest: a block, less its header. */
	manifest: BLOCK_LENGTH - 8,
	components: 8,
	/** Of a component. */
	payloads: 8,
	/** Bytes of a component's content, or of a payload. */
	size: 24 * 1024 * 1024,
	/** Of a component. */
	groups: 32,
	hardware: 16,
	revoked: 8,
	/** Bytes of a key identifier. */
	keyId: 32,
	/** Characters of a component's name. */
	name: 12,
	/** Characters of all other texts. */
	text: 64,
});

/** "MRL1" in ASCII. */
const MAGIC = 0x4d52_4c31;
/** Bytes before the COSE_Sign1. */
export const HEADER_LENGTH = 8;
const DIGEST_LENGTH = 32;
/** Members that a manifest may have; others are left out. */
const MEMBERS = Object.freeze([
	"product", "version", "counter", "hardware", "minimum", "expires", "revoked", "components",
	"name", "kind", "size", "digest", "group", "groups", "requires", "payloads", "base", "baseSize",
]);
const KINDS: readonly unknown[] = Object.freeze(["image", "mod", "data"]);
/** The name of the image, and of nothing else. */
const IMAGE = "main";
const NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/**
 * Where the COSE_Sign1 in a release's first block ends; it begins at `start + HEADER_LENGTH`.
 * @throws UpdateError `malformed`, `trailing`
 */
export function readHeader(text: TextCodec, bytes: Uint8Array, start: number, end: number): number {
	if (end - start !== BLOCK_LENGTH) throw invalid("a block of another length");
	const reader = new Reader(text);
	reader.reset(bytes, start, end);
	if (reader.uint32() !== MAGIC) throw invalid("no release");
	const length = reader.uint32();
	if (length === 0 || length > RELEASE_LIMITS.manifest) throw invalid(`a manifest of ${length} bytes`);
	reader.skip(length);
	const after = reader.position;
	while (reader.remaining > 0) {
		if (reader.uint8() !== 0) throw new UpdateError("trailing", "more than zeros behind the manifest");
	}
	return after;
}

/**
 * The manifest in `bytes[start, end)`, the payload of its COSE_Sign1. Nothing of it refers to `bytes`.
 * @throws UpdateError `malformed`
 */
export function decodeManifest(text: TextCodec, bytes: Uint8Array, start: number, end: number): Manifest {
	let document: CBORValue;
	try {
		document = decodeCBOR(text, bytes, start, end, new Vocabulary(MEMBERS));
	} catch (error) {
		throw malformed(error);
	}
	return new ManifestReader(asMap(document)).manifest();
}

/** Makes a manifest of its document, and lays out the file as it goes. */
class ManifestReader {
	readonly #document: CBORObject;
	/** Where the next payload begins. */
	#offset = BLOCK_LENGTH;

	constructor(document: CBORObject) {
		this.#document = document;
	}

	manifest(): Manifest {
		const from = this.#document;
		const product = textOf(from, "product");
		const version = textOf(from, "version");
		const minimum = textOf(from, "minimum", "");
		if (!isVersion(version) || minimum !== "" && !isVersion(minimum)) throw invalid("a version that is none");
		const counter = numberOf(from, "counter", 0, Number.MAX_SAFE_INTEGER);
		const expires = has(from, "expires") ? numberOf(from, "expires", 0, Number.MAX_SAFE_INTEGER) : Infinity;
		const hardware = has(from, "hardware") ? listOf(from, "hardware", 0, RELEASE_LIMITS.hardware).map(asText) : [];
		const revoked = has(from, "revoked") ? listOf(from, "revoked", 0, RELEASE_LIMITS.revoked).map(asKeyId) : [];
		const components: Component[] = [];
		for (const each of listOf(from, "components", 1, RELEASE_LIMITS.components)) {
			const component = this.component(asMap(each));
			if (components.some(({ name }) => name === component.name)) throw invalid("two components of one name");
			components.push(component);
		}
		return {
			product, version, counter, hardware, minimum, expires, revoked, components, length: this.#offset,
		};
	}

	private component(from: CBORObject): Component {
		const name = nameOf(from);
		const kind = member(from, "kind") as ComponentKind;
		if (!KINDS.includes(kind)) throw invalid("a component of another kind");
		if ((kind === "image") !== (name === IMAGE)) throw invalid(`only an image is called "${IMAGE}"`);
		const size = sizeOf(from, "size");
		const digest = digestOf(from, "digest");
		const group = numberOf(from, "group", BLOCK_LENGTH, RELEASE_LIMITS.size);
		if (group % BLOCK_LENGTH !== 0) throw invalid("groups that are no whole blocks");
		const count = Math.ceil(size / group);
		if (count > RELEASE_LIMITS.groups) throw invalid(`${count} groups`);
		const groups = bytesOf(from, "groups", count * DIGEST_LENGTH);
		const requires = textOf(from, "requires", "");
		const full: Payload[] = [];
		const patches: Payload[] = [];
		for (const each of listOf(from, "payloads", 1, RELEASE_LIMITS.payloads)) {
			const payload = this.payload(asMap(each));
			if (payload.kind === "patch") patches.push(payload);
			else if (payload.size === size) full.push(payload);
			else throw invalid("the whole of a component in another length");
		}
		return { name, kind, size, digest, group, groups, requires, payloads: patches.concat(full) };
	}

	private payload(from: CBORObject): Payload {
		const kind = member(from, "kind");
		const size = sizeOf(from, "size");
		const offset = this.#offset;
		this.#offset += Math.ceil(size / BLOCK_LENGTH) * BLOCK_LENGTH;
		if (kind === "patch") {
			return { kind, size, offset, base: digestOf(from, "base"), baseSize: sizeOf(from, "baseSize") };
		}
		if (kind !== "full" || has(from, "base") || has(from, "baseSize")) throw invalid("a payload of another kind");
		return { kind, size, offset, base: undefined, baseSize: 0 };
	}
}

function has(from: CBORObject, name: string): boolean {
	return Object.hasOwn(from, name);
}

function member(from: CBORObject, name: string): CBORValue {
	if (!has(from, name)) throw invalid(`no ${name}`);
	return from[name]!;
}

function asMap(value: CBORValue): CBORObject {
	if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
		throw invalid("no map where a map should be");
	}
	return value;
}

function asText(value: CBORValue): string {
	if (typeof value === "string" && value !== "" && value.length <= RELEASE_LIMITS.text) return value;
	throw invalid(`no text of 1 to ${RELEASE_LIMITS.text} characters where one should be`);
}

function asKeyId(value: CBORValue): Uint8Array {
	const { keyId } = RELEASE_LIMITS;
	if (value instanceof Uint8Array && value.byteLength > 0 && value.byteLength <= keyId) return value.slice();
	throw invalid(`no key identifier of 1 to ${keyId} bytes where one should be`);
}

/** @param otherwise stands for a member that is not there */
function textOf(from: CBORObject, name: string, otherwise?: string): string {
	return otherwise !== undefined && !has(from, name) ? otherwise : asText(member(from, name));
}

function nameOf(from: CBORObject): string {
	const name = asText(member(from, "name"));
	if (name.length > RELEASE_LIMITS.name) throw invalid("a component's name that is too long");
	for (const character of name) {
		if (!NAME_CHARACTERS.includes(character)) throw invalid("a component's name of other characters than a-z, 0-9");
	}
	return name;
}

function numberOf(from: CBORObject, name: string, least: number, most: number): number {
	const value = member(from, name);
	if (Number.isInteger(value) && value as number >= least && value as number <= most) return value as number;
	throw invalid(`${name} is no whole number from ${least} to ${most}`);
}

function sizeOf(from: CBORObject, name: string): number {
	return numberOf(from, name, 1, RELEASE_LIMITS.size);
}

function bytesOf(from: CBORObject, name: string, length: number): Uint8Array {
	const value = member(from, name);
	if (value instanceof Uint8Array && value.byteLength === length) return value.slice();
	throw invalid(`${name} is not ${length} bytes`);
}

function digestOf(from: CBORObject, name: string): Uint8Array {
	return bytesOf(from, name, DIGEST_LENGTH);
}

function listOf(from: CBORObject, name: string, least: number, most: number): readonly CBORValue[] {
	const value = member(from, name);
	if (Array.isArray(value) && value.length >= least && value.length <= most) return value;
	throw invalid(`${name} is no list of ${least} to ${most}`);
}

function invalid(what: string): UpdateError {
	return new UpdateError("malformed", `manifest: ${what}`);
}
