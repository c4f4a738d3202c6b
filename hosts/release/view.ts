// SPDX-License-Identifier: Apache-2.0
/** A manifest as JSON, for people and their scripts: digests in hexadecimal, dates as dates. */
import type { Component, Manifest, Payload } from "../../src/ota/manifest.js";
import { hex } from "./keys.js";

export interface ManifestView {
	product: string;
	version: string;
	counter: number;
	hardware?: readonly string[];
	minimum?: string;
	/** ISO 8601. */
	expires?: string;
	revoked?: readonly string[];
	components: readonly ComponentView[];
	/** Bytes of the whole file. */
	length: number;
}

export interface ComponentView {
	name: string;
	kind: string;
	size: number;
	digest: string;
	group: number;
	groups: readonly string[];
	requires?: string;
	payloads: readonly PayloadView[];
}

export interface PayloadView {
	kind: string;
	size: number;
	offset: number;
	base?: string;
	baseSize?: number;
}

const DIGEST_LENGTH = 32;

export function viewManifest({ product, version, counter, hardware, minimum, expires, revoked, components, length }: Manifest): ManifestView {
	return {
		product,
		version,
		counter,
		...(hardware.length > 0 && { hardware }),
		...(minimum !== "" && { minimum }),
		...(expires !== Infinity && { expires: formatExpiry(expires) }),
		...(revoked.length > 0 && { revoked: revoked.map(hex) }),
		components: components.map(viewComponent),
		length,
	};
}

/** The latest date that there is for what lies beyond it. */
export function formatExpiry(expires: number): string {
	return new Date(Math.min(expires * 1_000, 8.64e15)).toISOString();
}

function viewComponent({ name, kind, size, digest, group, groups, requires, payloads }: Component): ComponentView {
	const digests = Array.from({ length: groups.byteLength / DIGEST_LENGTH }, (_, index) => {
		return hex(groups.subarray(index * DIGEST_LENGTH, (index + 1) * DIGEST_LENGTH));
	});
	return { name, kind, size, digest: hex(digest), group, groups: digests, ...(requires !== "" && { requires }), payloads: payloads.map(viewPayload) };
}

function viewPayload({ kind, size, offset, base, baseSize }: Payload): PayloadView {
	return { kind, size, offset, ...(base !== undefined && { base: hex(base), baseSize }) };
}
