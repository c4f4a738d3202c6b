// SPDX-License-Identifier: Apache-2.0
/**
 * One X.509 certificate, decoded as far as path validation needs it.
 *
 * Strict where leniency has been exploited: no unknown critical extension, no extension twice.
 * Spec: RFC 5280 §4.1, §4.2. Not implemented, and refused because they are critical: name constraints, policies.
 */
import { DeviceError } from "../../src/base/error.js";
import { DER, hex, isEqual, malformed, Tag } from "./der.js";

/** Object identifiers of extensions (id-ce) and of the purpose serverAuth. */
const OID = Object.freeze({
	KEY_USAGE: "551d0f",
	SUBJECT_ALTERNATIVE_NAME: "551d11",
	BASIC_CONSTRAINTS: "551d13",
	EXTENDED_KEY_USAGE: "551d25",
	SERVER_AUTH: "2b06010505070301",
});
/** Context-specific tags. */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const PATH_LENGTH_ABSENT = 255;
/** The INTEGER that stands for version 3. */
const VERSION_3 = "020102";

/** Bits of the first byte of keyUsage. */
export const KeyUsage = Object.freeze({ DIGITAL_SIGNATURE: 0x80, KEY_CERT_SIGN: 0x04 });

/** Tags of a GeneralName. */
export const NameKind = Object.freeze({ DNS: 0x82, ADDRESS: 0x87 });

export class Certificate {
	readonly isVersion3: boolean;
	/** The signed part, header included. */
	readonly signed: Uint8Array;
	/** The AlgorithmIdentifier and value of the signature over it. */
	readonly algorithm: Uint8Array;
	readonly signature: Uint8Array;
	readonly issuer: Uint8Array;
	readonly subject: Uint8Array;
	/** Milliseconds since 1970; both ends belong to it. */
	readonly notBefore: number;
	readonly notAfter: number;
	/** SubjectPublicKeyInfo. */
	readonly key: Uint8Array;
	/** From the extensions; a certificate that does not limit its use may be used for all. */
	keyUsage = 0xff;
	isAuthority = false;
	pathLength = PATH_LENGTH_ABSENT;
	isForServers = true;
	/** The content of subjectAltName. */
	#names: Uint8Array | undefined;

	constructor(bytes: Uint8Array) {
		const outer = new DER(bytes);
		const certificate = outer.enter(Tag.SEQUENCE);
		outer.end();
		this.signed = certificate.value(Tag.SEQUENCE);
		this.algorithm = certificate.value(Tag.SEQUENCE);
		this.signature = certificate.bits();
		certificate.end();

		const fields = new DER(this.signed).enter(Tag.SEQUENCE);
		this.isVersion3 = fields.tag === VERSION && hex(fields.content(VERSION)) === VERSION_3;
		fields.value(Tag.INTEGER);
		if (!isEqual(fields.value(Tag.SEQUENCE), this.algorithm)) throw malformed();
		this.issuer = fields.value(Tag.SEQUENCE);
		const validity = fields.enter(Tag.SEQUENCE);
		this.notBefore = decodeTime(validity);
		this.notAfter = decodeTime(validity);
		this.subject = fields.value(Tag.SEQUENCE);
		this.key = fields.value(Tag.SEQUENCE);
		// Unique identifiers, which version 3 allows and nobody uses, end up in `content` as malformed.
		if (fields.tag !== 0) this.#readExtensions(fields.enter(EXTENSIONS).enter(Tag.SEQUENCE));
		fields.end();
	}

	/** Calls `visit` with the kind and content of each name until it returns true. */
	someName(visit: (kind: number, name: Uint8Array) => boolean): boolean {
		if (this.#names === undefined) return false;
		const names = new DER(this.#names);
		for (let kind = names.tag; kind !== 0; kind = names.tag) {
			if (visit(kind, names.content(kind))) return true;
		}
		return false;
	}

	#readExtensions(extensions: DER): void {
		let seen = " ";
		while (extensions.tag !== 0) {
			const extension = extensions.enter(Tag.SEQUENCE);
			const name = hex(extension.content(Tag.OBJECT_IDENTIFIER));
			if (seen.includes(` ${name} `)) throw malformed();
			seen += `${name} `;
			const isCritical = extension.tag === Tag.BOOLEAN && hex(extension.content(Tag.BOOLEAN)) === "ff";
			const value = new DER(extension.content(Tag.OCTET_STRING));
			extension.end();
			if (!this.#readExtension(name, value) && isCritical) {
				throw new DeviceError("tls", "a certificate has a critical extension that is not understood");
			}
		}
	}

	/** @returns whether the extension is understood */
	#readExtension(name: string, value: DER): boolean {
		switch (name) {
			case OID.KEY_USAGE:
				this.keyUsage = value.content(Tag.BIT_STRING)[1] ?? 0;
				return true;
			case OID.BASIC_CONSTRAINTS: {
				const constraints = value.enter(Tag.SEQUENCE);
				if (constraints.tag === Tag.BOOLEAN) this.isAuthority = hex(constraints.content(Tag.BOOLEAN)) === "ff";
				if (constraints.tag === Tag.INTEGER) {
					const length = constraints.unsigned();
					this.pathLength = length.byteLength === 1 ? length[0]! : PATH_LENGTH_ABSENT;
				}
				constraints.end();
				return true;
			}
			case OID.EXTENDED_KEY_USAGE: {
				this.isForServers = false;
				const purposes = value.enter(Tag.SEQUENCE);
				while (purposes.tag !== 0) {
					if (hex(purposes.content(Tag.OBJECT_IDENTIFIER)) === OID.SERVER_AUTH) this.isForServers = true;
				}
				return true;
			}
			case OID.SUBJECT_ALTERNATIVE_NAME:
				this.#names = value.content(Tag.SEQUENCE);
				return true;
			default:
				return false;
		}
	}
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after, both in seconds and in UTC. */
function decodeTime(validity: DER): number {
	const isShort = validity.tag === Tag.UTC_TIME;
	const digits = validity.content(isShort ? Tag.UTC_TIME : Tag.GENERALIZED_TIME);
	const yearLength = isShort ? 2 : 4;
	if (digits.byteLength !== yearLength + 11 || digits[digits.byteLength - 1] !== 0x5a) throw malformed();
	const number = (start: number, end: number): number => {
		let value = 0;
		for (let index = start; index < end; index++) {
			const digit = digits[index]! - 0x30;
			if (digit < 0 || digit > 9) throw malformed();
			value = value * 10 + digit;
		}
		return value;
	};
	const pair = (index: number): number => number(yearLength + 2 * index, yearLength + 2 * index + 2);
	let year = number(0, yearLength);
	if (isShort) year += year < 50 ? 2000 : 1900;
	return Date.UTC(year, pair(0) - 1, pair(1), pair(2), pair(3), pair(4));
}
