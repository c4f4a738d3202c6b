// SPDX-License-Identifier: Apache-2.0
/**
 * What a release is: its signed manifest, and where in the file everything lies.
 *
 * A release is one file, a whole number of blocks of 4,096 bytes. The first holds eight bytes of header ("MRL1", and the
 * length of what follows in 32 bits, big-endian), the manifest as a COSE_Sign1 (RFC 9052 §4.2), and zeros. The payloads
 * follow in the order in which the manifest names them, each from the beginning of a block, with zeros behind it.
 */

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
	/** May take a second on a chip. */
	verify(signature: Uint8Array, bytes: Uint8Array, key: Uint8Array, digest: (bytes: Uint8Array) => Uint8Array): boolean;
}
