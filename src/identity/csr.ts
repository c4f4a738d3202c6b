// SPDX-License-Identifier: Apache-2.0
/**
 * A request for a certificate: the device's name and public key, signed with the private key that never leaves it.
 *
 * Spec: PKCS #10 1.7 (RFC 2986 §4); names as RFC 5280 §4.1.2.4 has them. Without attributes: what a device may be is
 * for the authority to say.
 */
import { DeviceError } from "../base/error.js";
import type { Host, KeyType, SignOptions } from "../host.js";
import { DER, Tag } from "./der.js";

export interface Subject {
	/** 1-64 characters. */
	commonName: string;
	/** 1-64 characters. */
	organization?: string | undefined;
}

export interface CSROptions {
	type: KeyType;
	/** PKCS#8 DER. */
	key: Uint8Array;
	/** SubjectPublicKeyInfo DER, of the same pair. */
	publicKey: Uint8Array;
	subject: Subject;
	/** From the event loop. @param request DER */
	onRequest(request: Uint8Array): void;
	onError(error: DeviceError): void;
}

/** ub-common-name and ub-organization-name of RFC 5280, appendix A.1. */
const NAME_MAXIMUM = 64;

/** @throws DeviceError `argument` */
export function createCSR(host: Host, options: CSROptions): void {
	host.keys.sign(new Request(host, options));
}

/** What is signed, and what becomes of the signature: one object, because closures take eleven slots each. */
class Request implements SignOptions {
	readonly key: Uint8Array;
	readonly bytes: Uint8Array;
	readonly #options: CSROptions;
	readonly #der: DER;

	constructor(host: Host, options: CSROptions) {
		const { key, publicKey, subject } = options;
		const der = new DER(host.text);
		this.#options = options;
		this.#der = der;
		this.key = key;
		const version = der.value(Tag.INTEGER, Uint8Array.of(0));
		this.bytes = der.value(Tag.SEQUENCE, version, nameOf(der, subject), publicKey, der.value(Tag.CONTEXT_0));
	}

	onSignature(signature: Uint8Array): void {
		const der = this.#der;
		const { type, onRequest } = this.#options;
		onRequest.call(this.#options, der.value(Tag.SEQUENCE, this.bytes, algorithmOf(type), der.bits(signature)));
	}

	onError(error: DeviceError): void {
		this.#options.onError(error);
	}
}

/** Organization first: RFC 4514 writes a name from its end. */
function nameOf(der: DER, { commonName, organization }: Subject): Uint8Array {
	const name = attribute(der, Uint8Array.of(0x06, 0x03, 0x55, 0x04, 0x03), commonName);
	if (organization === undefined) return der.value(Tag.SEQUENCE, name);
	return der.value(Tag.SEQUENCE, attribute(der, Uint8Array.of(0x06, 0x03, 0x55, 0x04, 0x0a), organization), name);
}

/** @param type an OBJECT IDENTIFIER, whole */
function attribute(der: DER, type: Uint8Array, value: string): Uint8Array {
	if (value.length < 1 || value.length > NAME_MAXIMUM) {
		throw new DeviceError("argument", `a name of ${value.length} characters; a request takes 1 to ${NAME_MAXIMUM}`);
	}
	return der.value(Tag.SET, der.value(Tag.SEQUENCE, type, der.utf8(value)));
}

/** ecdsa-with-SHA256 (RFC 5758 §3.2) and sha256WithRSAEncryption (RFC 4055 §5). */
function algorithmOf(type: KeyType): Uint8Array {
	if (type === "P-256") {
		return Uint8Array.of(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02);
	}
	return Uint8Array.of(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00);
}
