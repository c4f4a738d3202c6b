// SPDX-License-Identifier: Apache-2.0
/**
 * TLS sessions of one device, so that a reconnect costs less: no certificate is sent or verified again.
 *
 * A resumed session vouches for a certificate that was checked before, so it is found again only with the same server
 * name, port, trust anchors, identity and application protocols, and forgotten when that certificate expires. It is
 * taken out while it is used and comes back when the handshake succeeded: one that a server does not like is not
 * offered twice. Servers seldom give a new one for one that was resumed, so the same is used again, although that lets
 * who watches tell that both connections are of one device (RFC 8446 §C.4): they have one address and one server, too.
 */
import { createHash } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { SecureOptions } from "../../src/host.js";

/** Sessions kept; of more, those used last. A device talks to one or two servers. */
const SESSIONS_MAXIMUM = 8;

export interface Session {
	readonly bytes: Buffer;
	/** When the server's certificate does, ms since 1970. */
	readonly expires: number;
}

export class Sessions {
	readonly #kept = new Map<string, Session>();

	/** Takes a session out. */
	take(key: string): Session | undefined {
		const session = this.#kept.get(key);
		this.#kept.delete(key);
		return session !== undefined && Date.now() < session.expires ? session : undefined;
	}

	/**
	 * Keeps what `socket` gets, or `offered` when it was resumed, but nothing that comes before the handshake is over:
	 * only then the server's certificate was found good, and of a session that is resumed Node does not look at it.
	 */
	watch(socket: TLSSocket, key: string, offered: Session | undefined): void {
		let expires: number | undefined;
		socket.on("session", bytes => {
			if (expires !== undefined) this.#keep(key, { bytes, expires });
		});
		socket.once("secureConnect", () => {
			const resumed = socket.isSessionReused() ? offered : undefined;
			expires = resumed?.expires ?? Date.parse(socket.getPeerCertificate().valid_to);
			if (resumed !== undefined) this.#keep(key, resumed);
		});
	}

	#keep(key: string, session: Session): void {
		this.#kept.delete(key);
		this.#kept.set(key, session);
		if (this.#kept.size > SESSIONS_MAXIMUM) this.#kept.delete(this.#kept.keys().next().value!);
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
