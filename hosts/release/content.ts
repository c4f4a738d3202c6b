// SPDX-License-Identifier: Apache-2.0
/** What a manifest says of one component, out of the component's content. */
import { createHash } from "node:crypto";
import { DeviceError } from "../../src/base/error.js";
import { type Component, type ComponentKind, type Payload, RELEASE_LIMITS } from "../../src/ota/manifest.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { hex } from "./keys.js";
import { encodePatch } from "./vcdiff.js";

export interface ReleaseComponent {
	/** 1 to 12 of a-z and 0-9; of an image "main". */
	name: string;
	kind: ComponentKind;
	content: Uint8Array;
	/** What the image that runs must provide. */
	requires?: string | undefined;
	/** Older contents: for each, a patch is made, and kept where it is worth its place. */
	bases?: readonly Uint8Array[] | undefined;
	/** False: without the whole content, so that only devices with one of the bases can install it. */
	full?: boolean | undefined;
}

/** A component with the bytes of its payloads. */
export interface PackedComponent {
	readonly component: Component;
	readonly contents: readonly Uint8Array[];
}

type Packed = readonly [payload: Payload, content: Uint8Array];

/** Bytes of a group at least: for less, a digest more is not worth its place in the manifest. */
const GROUP_MINIMUM = 65_536;
/** Fewer than there may be: a device holds the digests of all of them while it is updated, however long the image is. */
const GROUPS = 16;
/** The part of the whole content that a patch may be as large as: less saved is not worth a device's work. */
const PATCH_WORTH = 0.9;
const NAME = /^[a-z0-9]{1,12}$/;
const IMAGE_NAME = "main";

/**
 * @param offset of the first payload in the file
 * @throws DeviceError `argument`, `too-large`
 */
export function packComponent(from: ReleaseComponent, offset: number): PackedComponent {
	const { name, kind, content, requires = "" } = from;
	if (!NAME.test(name)) throw new DeviceError("argument", `a component named ${JSON.stringify(name)}: not 1 to 12 of a-z and 0-9`);
	if ((kind === "image") !== (name === IMAGE_NAME)) throw new DeviceError("argument", `the component ${name} is "${kind}": the image, and nothing else, is ${IMAGE_NAME}`);
	const size = content.byteLength;
	if (size === 0) throw new DeviceError("argument", `the content of ${name} is empty`);
	if (size > RELEASE_LIMITS.size) throw new DeviceError("too-large", `the content of ${name} is ${size} bytes of at most ${RELEASE_LIMITS.size}`);
	const packed = patches(from);
	if (from.full !== false) packed.push([{ kind: "full", size, offset: 0, base: undefined, baseSize: 0 }, content]);
	if (packed.length === 0) throw new DeviceError("argument", `${name} has neither the whole of its content nor a patch that is worth its place`);
	if (packed.length > RELEASE_LIMITS.payloads) throw new DeviceError("too-large", `${name} has ${packed.length} payloads of at most ${RELEASE_LIMITS.payloads}`);
	const group = groupLength(size);
	const component = { name, kind, size, digest: sha256(content), group, groups: groupDigests(content, group), requires, payloads: place(packed, offset) };
	return { component, contents: packed.map(([, bytes]) => bytes) };
}

/** `length` as a whole number of blocks. */
export function inBlocks(length: number): number {
	return Math.ceil(length / BLOCK_LENGTH) * BLOCK_LENGTH;
}

export function sha256(bytes: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/** SHA-256 of each group of `content`, one after the other. */
export function groupDigests(content: Uint8Array, group: number): Uint8Array {
	const digests: Uint8Array[] = [];
	for (let start = 0; start < content.byteLength; start += group) digests.push(sha256(content.subarray(start, start + group)));
	return new Uint8Array(Buffer.concat(digests));
}

function groupLength(size: number): number {
	return Math.max(GROUP_MINIMUM, inBlocks(Math.ceil(size / GROUPS)));
}

function patches({ content, bases = [], name }: ReleaseComponent): Packed[] {
	const known = new Set([hex(sha256(content))]);
	const packed: Packed[] = [];
	for (const bytes of bases) {
		if (bytes.byteLength > RELEASE_LIMITS.size) throw new DeviceError("too-large", `a base of ${name} is ${bytes.byteLength} bytes of at most ${RELEASE_LIMITS.size}`);
		const base = sha256(bytes);
		// Of what is installed already, and of the same once more, no patch is made.
		if (known.has(hex(base))) continue;
		known.add(hex(base));
		const patch = encodePatch(bytes, content);
		if (patch.byteLength >= content.byteLength * PATCH_WORTH) continue;
		packed.push([{ kind: "patch", size: patch.byteLength, offset: 0, base, baseSize: bytes.byteLength }, patch]);
	}
	return packed;
}

function place(packed: readonly Packed[], offset: number): Payload[] {
	return packed.map(([payload]) => {
		const placed = { ...payload, offset };
		offset += inBlocks(payload.size);
		return placed;
	});
}
