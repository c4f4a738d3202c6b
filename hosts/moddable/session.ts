// SPDX-License-Identifier: Apache-2.0
/**
 * The SDK's TLS 1.2 client, held to what a device on a customer's wall needs.
 *
 * The clear part of the handshake, all that comes before the server's ChangeCipherSpec, is checked here, record by
 * record, before the SDK sees it: the messages and their order, version, suite, curve, and that the key exchange is
 * signed by the key of the certificate. What is not as it should be ends the stream before anything of the program
 * is sent. Spec: RFC 5246 §7.3, §7.4; RFC 8422 §5.4.
 *
 * A session that the server agrees to resume (resumption.ts) has a short handshake: nothing comes between the server's
 * hello and its ChangeCipherSpec, and only who has the session's secret can go on from there.
 */
import CertificateManager from "ssl/cert";
import Session, { type Link } from "ssl/session";
import { DeviceError } from "../../src/base/error.js";
import type { SecureOptions } from "../../src/host.js";
import { isIPv4 } from "./check.js";
import { isEqual } from "./der.js";
import { validatePath } from "./path.js";
import { Resumption } from "./resumption.js";
import { time } from "./time.js";

const PROTOCOL_VERSION = 0x0303;
const ContentType = Object.freeze({ CHANGE_CIPHER_SPEC: 20, ALERT: 21, HANDSHAKE: 22 });
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;

/** The server's messages in their order; the request for our certificate may be missing. */
const ServerMessage = Object.freeze({ HELLO: 2, CERTIFICATE: 11, KEY_EXCHANGE: 12, CERTIFICATE_REQUEST: 13, HELLO_DONE: 14 });

/** Ends of a ServerHello behind its session identifier: suite, compression. Those of replace/ciphersuites.ts. */
const SUITES: readonly number[] = Object.freeze([0xc02b, 0xc02f]);
const RANDOM_LENGTH = 32;

/** A key exchange: named curve secp256r1, an uncompressed point, then hash and signature algorithm and signature. */
const NAMED_CURVE = 3;
const SECP256R1 = 23;
const POINT_LENGTH = 65;
const SHA256 = 4;
const SIGNATURE_RSA = 1;
const SIGNATURE_ECDSA = 3;

export class StrictSession extends Session {
	/** The last message of the server's flight that was accepted; 0 before the first. */
	#accepted = 0;
	/** The server goes on with the session that was offered. */
	#isResumed = false;

	constructor(host: string, port: number, secure: SecureOptions) {
		const { certificates, clientCertificates = [], clientKey, applicationLayerProtocolNegotiation: protocols = [] } = secure;
		const client = clientKey === undefined ? {} : { clientCertificates, clientKey };
		super({
			protocolVersion: PROTOCOL_VERSION,
			cache: true,
			...client,
			// RFC 6066 §3: literal addresses are not permitted in SNI.
			...(isIPv4(host) ? {} : { serverName: host }),
			...(protocols.length === 0 ? {} : { applicationLayerProtocolNegotiation: protocols }),
		});
		const resumption = new Resumption(host, port, secure);
		this.cacheManager = resumption;
		this.certificateManager = new StrictCertificates(host, certificates, client, resumption);
	}

	override readPacket(link: Link): ArrayBuffer | undefined {
		const packet = super.readPacket(link);
		if (packet !== undefined && this.serverCipher === null) this.#checkRecord(new Uint8Array(packet));
		return packet;
	}

	#checkRecord(record: Uint8Array): void {
		switch (record[0]) {
			case ContentType.HANDSHAKE: {
				let start = RECORD_HEADER;
				while (start < record.byteLength) start = this.#checkMessage(record, start);
				return;
			}
			case ContentType.ALERT: {
				const detail = record[RECORD_HEADER + 1];
				throw new DeviceError("tls", `the server refused the handshake with alert ${detail}`, { detail });
			}
			case ContentType.CHANGE_CIPHER_SPEC:
				if (!this.#isChangeDue()) throw violation();
				return;
			default:
				throw violation();
		}
	}

	#isChangeDue(): boolean {
		if (this.#isResumed) return this.#accepted === ServerMessage.HELLO;
		return this.#accepted === ServerMessage.HELLO_DONE && this.clientCipher !== null;
	}

	/** @returns where the next message starts */
	#checkMessage(record: Uint8Array, start: number): number {
		if (start + MESSAGE_HEADER > record.byteLength) throw violation();
		const length = record[start + 1]! << 16 | record[start + 2]! << 8 | record[start + 3]!;
		const end = start + MESSAGE_HEADER + length;
		if (end > record.byteLength) throw new DeviceError("tls", "a message of the handshake is longer than a record");
		const message = record[start]!;
		if (this.#isResumed || !follows(message, this.#accepted)) throw violation();
		this.#accepted = message;
		const body = record.subarray(start + MESSAGE_HEADER, end);
		if (message === ServerMessage.HELLO) this.#checkHello(body);
		else if (message === ServerMessage.KEY_EXCHANGE) checkKeyExchange(body);
		else if (message === ServerMessage.HELLO_DONE && length !== 0) throw violation();
		return end;
	}

	#checkHello(body: Uint8Array): void {
		const id = checkHello(body), offered = this.clientSessionID;
		if (offered === undefined) return;
		this.#isResumed = isEqual(id, new Uint8Array(offered));
		// What is not resumed must look like a first handshake, also to the SDK.
		if (!this.#isResumed) this.clientSessionID = undefined;
	}
}

/** Validates the server's path strictly; the rest is the SDK's. */
class StrictCertificates extends CertificateManager {
	readonly #host: string;
	readonly #anchors: readonly Uint8Array[];
	readonly #resumption: Resumption;

	constructor(host: string, anchors: readonly Uint8Array[], client: ConstructorParameters<typeof CertificateManager>[0], resumption: Resumption) {
		super(client);
		this.#resumption = resumption;
		this.#host = host;
		this.#anchors = anchors;
	}

	override verify(chain: readonly Uint8Array[]): boolean {
		const now = time.wall();
		if (now === undefined) throw new DeviceError("tls", "certificates cannot be checked before the clock is set");
		this.#resumption.expires = validatePath(chain, this.#anchors, this.#host, now);
		return true;
	}
}

function follows(message: number, previous: number): boolean {
	switch (message) {
		case ServerMessage.HELLO: return previous === 0;
		case ServerMessage.CERTIFICATE: return previous === ServerMessage.HELLO;
		case ServerMessage.KEY_EXCHANGE: return previous === ServerMessage.CERTIFICATE;
		case ServerMessage.CERTIFICATE_REQUEST: return previous === ServerMessage.KEY_EXCHANGE;
		case ServerMessage.HELLO_DONE: return previous === ServerMessage.KEY_EXCHANGE || previous === ServerMessage.CERTIFICATE_REQUEST;
		default: return false;
	}
}

/** @returns the session's identifier, which may be empty */
function checkHello(body: Uint8Array): Uint8Array {
	if (body.byteLength < 2 + RANDOM_LENGTH + 1) throw violation();
	if (uint16(body, 0) !== PROTOCOL_VERSION) throw new DeviceError("tls", "the server does not speak TLS 1.2");
	const id = 2 + RANDOM_LENGTH + 1, choice = id + body[id - 1]!;
	if (choice + 3 > body.byteLength || !SUITES.includes(uint16(body, choice)) || body[choice + 2] !== 0) throw violation();
	return body.subarray(id, choice);
}

function checkKeyExchange(body: Uint8Array): void {
	const signature = 4 + POINT_LENGTH;
	if (body.byteLength < signature + 4) throw violation();
	if (body[0] !== NAMED_CURVE || uint16(body, 1) !== SECP256R1 || body[3] !== POINT_LENGTH) throw violation();
	const kind = body[signature + 1];
	if (body[signature] !== SHA256 || kind !== SIGNATURE_RSA && kind !== SIGNATURE_ECDSA) throw violation();
	if (uint16(body, signature + 2) !== body.byteLength - signature - 4) throw violation();
}

function uint16(bytes: Uint8Array, offset: number): number {
	return bytes[offset]! << 8 | bytes[offset + 1]!;
}

function violation(): DeviceError {
	return new DeviceError("tls", "the server broke the rules of the handshake");
}
