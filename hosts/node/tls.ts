// SPDX-License-Identifier: Apache-2.0
/**
 * TLS of a device over `node:tls`, with the strictness of the device: the given anchors and no other, the host
 * name always checked, TLS 1.2 at least.
 *
 * OpenSSL builds the path itself: every link of it must be signed by the next, up to an anchor, each a CA and
 * within its validity. Certificates that the server sends but the path does not need are ignored (RFC 8446 §4.4.2).
 *
 * With TLS 1.3 the handshake ends here before the server has looked at our certificate; its refusal is an alert
 * that arrives later. It is the same failure, so it has the same code. But what a program writes in the meantime
 * makes the server's kernel reset the connection, and Node then drops the alert unread. `watchHandshake` therefore
 * waits for the server's verdict; a refusal that is later still is told as what arrives, alert or reset.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP, type OnReadOpts } from "node:net";
import { checkServerIdentity, connect, createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from "node:tls";
import { DeviceError } from "../../src/base/error.js";
import type { SecureOptions, Stream, TLSOptions } from "../../src/host.js";
import { checkBytes } from "./check.js";
import { sessionKey, type Sessions } from "./sessions.js";
import { SocketStream, type SocketPlan } from "./stream.js";
import { checkTCP, explainSocket } from "./tcp.js";

/** What OpenSSL's verdicts mean. The others are reported in OpenSSL's own words. */
const VERDICTS: Readonly<Record<string, string>> = Object.freeze({
	CERT_HAS_EXPIRED: "a certificate has expired",
	CERT_NOT_YET_VALID: "a certificate is not yet valid",
	UNABLE_TO_GET_ISSUER_CERT: "unknown issuer",
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown issuer",
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown issuer",
	SELF_SIGNED_CERT_IN_CHAIN: "unknown issuer",
	DEPTH_ZERO_SELF_SIGNED_CERT: "unknown issuer",
	CERT_SIGNATURE_FAILURE: "a certificate is not signed by the next one of the chain",
	INVALID_CA: "an issuer in the chain is no certificate authority",
	PATH_LENGTH_EXCEEDED: "the chain is longer than an issuer allows",
	INVALID_PURPOSE: "a certificate is not made for this use",
	ERR_TLS_CERT_ALTNAME_INVALID: "host name mismatch",
});

/** What a busy server on the same machine may take to look at our certificate, in ms. */
const VERDICT_TIME = 100;

/** The `host.tls.io` of one device, which resumes the sessions that it had. */
export function tlsClass(sessions: Sessions): new (options: TLSOptions) => Stream {
	return class TLS extends SocketStream {
		constructor(options: TLSOptions) {
			super(options, planTLS(options, sessions));
		}
	};
}

/** @throws DeviceError `argument` */
export function planTLS(options: TLSOptions, sessions: Sessions): SocketPlan & { open(onread: OnReadOpts | undefined, connected: () => void): TLSSocket } {
	checkTCP(options);
	const { address, port, nodelay = false, host } = options;
	if (typeof host !== "string" || host.length === 0) throw new DeviceError("argument", "TLS needs the host name to check");
	const ALPNProtocols = [...options.secure?.applicationLayerProtocolNegotiation ?? []];
	if (ALPNProtocols.some(protocol => typeof protocol !== "string" || protocol.length === 0 || protocol.length > 255)) {
		throw new DeviceError("argument", "a protocol name for ALPN must have 1-255 characters");
	}
	const secureContext = makeContext(options.secure);
	const key = sessionKey(host, port, options.secure);
	return {
		open(onread, connected) {
			const session = sessions.take(key);
			const plan: ConnectionOptions & { onread?: OnReadOpts } = {
				host: address, port, secureContext,
				...(onread === undefined ? {} : { onread }),
				...(session === undefined ? {} : { session: session.bytes }),
				// RFC 6066 §3: literal addresses are not permitted in SNI.
				...(isIP(host) === 0 ? { servername: host } : {}),
				...(ALPNProtocols.length > 0 ? { ALPNProtocols } : {}),
				rejectUnauthorized: true,
				checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
			};
			const socket = connect(plan).setNoDelay(nodelay);
			sessions.watch(socket, key, session);
			watchHandshake(socket, connected);
			return socket;
		},
		explain: (error, connected) => explainTLS(error, host) ?? explainSocket(error, connected, address, port),
	};
}

/**
 * Calls `connected` when the server has accepted us.
 *
 * With TLS 1.3 it says so with a session ticket, or with its first bytes (RFC 8446 §4.6.1). One that sends neither
 * is given the time that the handshake took, which is more than the round trip of a refusal, and VERDICT_TIME at least.
 */
function watchHandshake(socket: TLSSocket, connected: () => void): void {
	const startedAt = performance.now();
	socket.once("session", connected);
	socket.once("secureConnect", () => {
		if (socket.getProtocol() !== "TLSv1.3") return connected();
		const patience = setTimeout(connected, Math.max(VERDICT_TIME, performance.now() - startedAt));
		socket.once("session", () => clearTimeout(patience));
		socket.once("close", () => clearTimeout(patience));
	});
}

function makeContext(secure: SecureOptions): SecureContext {
	const anchors = secure?.certificates;
	if (!Array.isArray(anchors) || anchors.length === 0) throw new DeviceError("argument", "TLS needs at least one trust anchor");
	const chain = secure.clientCertificates ?? [];
	if (!Array.isArray(chain)) throw new DeviceError("argument", "clientCertificates is no array");
	for (const certificate of [...anchors, ...chain]) checkBytes("a certificate", certificate);
	if (chain.length > 0) checkBytes("clientKey", secure.clientKey);
	try {
		return createSecureContext({
			ca: anchors.map(toPEM),
			...(chain.length > 0 ? { cert: chain.map(toPEM).join(""), key: keyToPEM(secure.clientKey!) } : {}),
			minVersion: "TLSv1.2",
			// An intermediate given as an anchor is one: the program decides whom to trust.
			allowPartialTrustChain: true,
		});
	} catch (error) {
		throw new DeviceError("argument", "a certificate or the key cannot be used", { cause: error });
	}
}

/** Node would take an anchor that it cannot decode for an empty list, so each is decoded here. */
function toPEM(der: Uint8Array): string {
	return new X509Certificate(der).toString();
}

function keyToPEM(der: Uint8Array): string {
	return createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" }) as string;
}

/** What Node adds to an error of OpenSSL. */
interface OpenSSLError extends NodeJS.ErrnoException {
	reason?: string;
}

/** `undefined` where the failure is one of the connection underneath. */
function explainTLS(error: OpenSSLError, host: string): DeviceError | undefined {
	const code = error.code ?? "";
	const verdict = VERDICTS[code];
	if (verdict !== undefined) return new DeviceError("tls", `the certificate of ${host} is refused: ${verdict}`, { cause: error });
	const reason = error.reason ?? error.message;
	// OpenSSL tells the number of an alert only in its text.
	const alert = /SSL alert number (\d+)/.exec(error.message)?.[1];
	if (alert !== undefined) return new DeviceError("tls", `${host} refused us: ${reason}`, { detail: Number(alert), cause: error });
	if (error.syscall !== undefined || code === "ECONNRESET") return undefined;
	return new DeviceError("tls", `TLS with ${host} failed: ${reason}`, { cause: error });
}
