// SPDX-License-Identifier: Apache-2.0
/**
 * The TLS session that may be resumed: an abbreviated handshake has no signature in it, which is a second or two on the chip.
 *
 * A cache of one entry, in the place of the SDK's: a session is found again only with the same server name, port, trust
 * anchors, identity and application protocols, and not after a certificate of the server's path expired. It is taken
 * out while it is used, and comes back when the handshake succeeded.
 *
 * Sessions have identifiers (RFC 5246 §7.4.1.2): the SDK's client knows no tickets. In RAM only, so a reset forgets it.
 */
import type { SessionCache } from "ssl/session";
import type { SecureOptions } from "../../src/host.js";
import { hex } from "./der.js";
import { crypto } from "./digest.js";
import { text } from "./text.js";
import { time } from "./time.js";

interface Kept {
	readonly key: string;
	readonly id: ArrayBuffer;
	readonly secret: object;
	/** Wall clock in ms since 1970. */
	readonly expires: number;
}

let kept: Kept | undefined;

/** The cache as one session sees it. */
export class Resumption implements SessionCache {
	/** When the path that the server showed is no longer valid. */
	expires = 0;
	readonly #key: string;

	constructor(host: string, port: number, secure: SecureOptions) {
		this.#key = keyOf(host, port, secure);
	}

	getByHost(): { id: ArrayBuffer; secret: object } | undefined {
		const now = time.wall();
		if (kept?.key !== this.#key || now === undefined) return undefined;
		const { id, secret, expires } = kept;
		kept = undefined;
		if (now > expires) return undefined;
		this.expires = expires;
		return { id, secret };
	}

	saveSession(_host: string, id: ArrayBuffer, secret: object): void {
		kept = { key: this.#key, id, secret, expires: this.expires };
	}

	/** It was taken out when it was offered. */
	deleteSessionID(): void {}
}

function keyOf(host: string, port: number, secure: SecureOptions): string {
	const { certificates, clientCertificates = [], clientKey, applicationLayerProtocolNegotiation = [] } = secure;
	const digest = crypto.digest("SHA-256");
	const add = (list: readonly Uint8Array[]): void => {
		digest.update(bytesOf(`${list.length};`));
		for (const item of list) {
			digest.update(bytesOf(`${item.byteLength}:`));
			digest.update(item);
		}
	};
	add([bytesOf(host), bytesOf(String(port))]);
	add(certificates);
	add(clientCertificates);
	add(clientKey === undefined ? [] : [clientKey]);
	add(applicationLayerProtocolNegotiation.map(bytesOf));
	return hex(digest.digest());
}

function bytesOf(value: string): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	return bytes;
}
