// SPDX-License-Identifier: Apache-2.0
/**
 * TLS sessions of one device, so that a reconnect costs less: no certificate is sent or verified again.
 *
 * A resumed session vouches for a certificate that was checked before, so it is found again only with the same server
 * name, port, trust anchors, identity and application protocols, and forgotten when that certificate expires. Each is
 * taken out when it is used (RFC 8446 §C.4): one that a server does not like is not offered twice.
 */
import { createHash } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { SecureOptions } from "../../src/host.js";

/** Sessions kept; of more, those used last. A device talks to one or two servers. */
const SESSIONS_MAXIMUM = 8;

export class Sessions {
	readonly #kept = new Map<string, { session: Buffer; expires: number }>();

	/** Takes a session out. */
	take(key: string): Buffer | undefined {
		const kept = this.#kept.get(key);
		this.#kept.delete(key);
		return kept !== undefined && Date.now() < kept.expires ? kept.session : undefined;
	}

	/**
	 * Keeps what `socket` gets. Not before its handshake is over: only then the server's certificate was found good,
	 * and Node asks no more about the certificate of a session that is resumed.
	 */
	watch(socket: TLSSocket, key: string): void {
		let expires: number | undefined, early: Buffer | undefined;
		const keep = (session: Buffer): void => {
			this.#kept.delete(key);
			this.#kept.set(key, { session, expires: expires! });
			if (this.#kept.size > SESSIONS_MAXIMUM) this.#kept.delete(this.#kept.keys().next().value!);
		};
		socket.on("session", session => {
			if (expires === undefined) early = session;
			else keep(session);
		});
		socket.once("secureConnect", () => {
			const certificate = socket.getPeerX509Certificate();
			if (certificate === undefined) return;
			expires = Date.parse(certificate.validTo);
			// With TLS 1.2 a resumed session stays good, and Node does not tell of it again.
			const session = early ?? (socket.isSessionReused() && socket.getProtocol() === "TLSv1.2" ? socket.getSession() : undefined);
			if (session !== undefined) keep(session);
		});
	}
}

/** Says with whom, and as whom, a session may be resumed. */
export function sessionKey(host: string, port: number, secure: SecureOptions): string {
	const hash = createHash("sha256");
	const add = (list: readonly (Uint8Array | string)[]): void => {
		hash.update(`${list.length};`);
		for (const item of list) hash.update(`${item.length}:`).update(item);
	};
	add([host, String(port)]);
	add(secure.certificates);
	add(secure.clientCertificates ?? []);
	add(secure.clientKey === undefined ? [] : [secure.clientKey]);
	add(secure.applicationLayerProtocolNegotiation ?? []);
	return hash.digest("hex");
}
