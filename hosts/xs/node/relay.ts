// SPDX-License-Identifier: Apache-2.0
/**
 * Carries TLS for the XS host: a program's TLS stream is a TCP connection to this relay, which speaks
 * TLS to the peer with exactly the trust anchors, name and client certificate that it is given.
 * A connection whose header asks a question is answered instead: see keys.ts.
 *
 * Only who knows the token is served. What the program sends first is a header: its length in 4
 * bytes, then fields of tag (1 byte), length (4 bytes) and value. What the relay sends is framed:
 * type (1 byte), length (2 bytes), payload; a frame of type FAIL is the last one.
 */
import { X509Certificate, createPrivateKey, timingSafeEqual } from "node:crypto";
import { createServer, isIP, type AddressInfo, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";
import { checkServerIdentity, connect, type ConnectionOptions, type PeerCertificate, type TLSSocket } from "node:tls";
import { answer } from "./keys.js";

const Frame = { OPEN: 1, DATA: 2, FAIL: 3 } as const;

/** Indexes of the error codes in hosts/xs/stream.ts; keys.ts there has the last one. */
const Code = { UNREACHABLE: 0, CLOSED: 1, TLS: 2, TIMEOUT: 3, CREDENTIAL: 5 } as const;

const HEADER_MAXIMUM = 64 * 1024;
const MESSAGE_MAXIMUM = 400;
const FRAME_MAXIMUM = 16 * 1024;
const NO_ALERT = 255;

interface Header {
	token: Buffer;
	address: string;
	port: number;
	host: string;
	anchors: Buffer[];
	chain: Buffer[];
	key: Buffer | undefined;
	protocols: string[];
	question: string;
	bytes: Buffer;
}

function frame(type: number, payload: Uint8Array): Buffer {
	return Buffer.concat([Buffer.from([type, payload.length >> 8, payload.length & 0xff]), payload]);
}

function failure(code: number, alert: number, message: string): Buffer {
	return frame(Frame.FAIL, Buffer.concat([Buffer.from([code, alert]), Buffer.from(message.slice(0, MESSAGE_MAXIMUM))]));
}

function parseHeader(bytes: Buffer): Header {
	const fields = new Map<string, Buffer[]>();
	for (let position = 0; position < bytes.length;) {
		const tag = String.fromCharCode(bytes.readUInt8(position));
		const end = position + 5 + bytes.readUInt32BE(position + 1);
		if (end > bytes.length) throw new RangeError("a field of the header is cut");
		fields.set(tag, [...(fields.get(tag) ?? []), bytes.subarray(position + 5, end)]);
		position = end;
	}
	const text = (tag: string): string => fields.get(tag)?.[0]?.toString() ?? "";
	return {
		token: fields.get("T")?.[0] ?? Buffer.alloc(0),
		address: text("A"),
		port: Number(text("P")),
		host: text("H"),
		anchors: fields.get("C") ?? [],
		chain: fields.get("L") ?? [],
		key: fields.get("K")?.[0],
		protocols: (fields.get("N") ?? []).map(String),
		question: text("Q"),
		bytes: fields.get("B")?.[0] ?? Buffer.alloc(0),
	};
}

function pem(certificates: readonly Buffer[]): string {
	return certificates.map((der) => new X509Certificate(der).toString()).join("");
}

/** RFC 6125 without the fallback to the common name, which no current profile allows. */
function checkIdentity(host: string, certificate: PeerCertificate): Error | undefined {
	if (!certificate.subjectaltname) return new Error("the server's certificate has no subject alternative name");
	return checkServerIdentity(host, certificate);
}

function connectOptions(header: Header): ConnectionOptions & { allowPartialTrustChain: boolean } {
	return {
		host: header.address,
		port: header.port,
		...(isIP(header.host) ? {} : { servername: header.host }),
		ca: pem(header.anchors),
		// An anchor is trusted because it was given, not because it signed itself.
		allowPartialTrustChain: true,
		...(header.chain.length > 0 && header.key !== undefined ? {
			cert: pem(header.chain),
			key: createPrivateKey({ key: header.key, format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" }),
		} : {}),
		...(header.protocols.length > 0 ? { ALPNProtocols: header.protocols } : {}),
		minVersion: "TLSv1.2",
		rejectUnauthorized: true,
		checkServerIdentity: (_name, certificate) => checkIdentity(header.host, certificate),
	};
}

/** Code and alert for what ended a TLS connection; `connected`: TCP had been established. */
function describe(error: NodeJS.ErrnoException, connected: boolean): Buffer {
	const alert = /alert number (\d+)/.exec(error.message)?.[1];
	const system = error.syscall === "connect" || (error.errno !== undefined && error.errno < 0);
	let code: number = Code.TLS;
	if (error.code === "ETIMEDOUT") code = Code.TIMEOUT;
	else if (!connected) code = Code.UNREACHABLE;
	else if (system) code = Code.CLOSED;
	return failure(code, alert === undefined ? NO_ALERT : Number(alert), error.message);
}

/** The server's bytes in frames. */
function framer(): Transform {
	return new Transform({
		transform(chunk: Buffer, _encoding, done) {
			for (let start = 0; start < chunk.length; start += FRAME_MAXIMUM) {
				this.push(frame(Frame.DATA, chunk.subarray(start, start + FRAME_MAXIMUM)));
			}
			done();
		},
	});
}

function carry(device: Socket, header: Header, sockets: Set<Socket>): void {
	let connected = false;
	let secure: TLSSocket;
	try {
		secure = connect(connectOptions(header));
	} catch (error) {
		device.end(failure(Code.TLS, NO_ALERT, (error as Error).message));
		return;
	}
	const frames = framer();
	sockets.add(secure);
	secure.once("close", () => sockets.delete(secure));
	// Ends what was asked for by either side, and says why when the device can still hear it.
	const fail = (error: NodeJS.ErrnoException): void => {
		frames.unpipe(device);
		device.end(describe(error, connected));
	};
	secure.setNoDelay(true);
	secure.once("connect", () => { connected = true; });
	secure.on("error", fail);
	secure.once("secureConnect", () => {
		device.write(frame(Frame.OPEN, Buffer.alloc(0)));
		secure.pipe(frames).pipe(device);
		device.pipe(secure);
	});
	// A peer that leaves during the handshake without a word is a failed handshake.
	secure.once("close", (hadError) => {
		if (hadError || device.writableEnded) return;
		device.end(failure(secure.authorized ? Code.CLOSED : Code.TLS, NO_ALERT, "closed by the peer"));
	});
	// What the device wrote before it closed still goes to the peer.
	device.once("close", () => {
		secure.unpipe(frames);
		if (secure.authorized) secure.resume().end();
		else secure.destroy();
	});
}

function reply(device: Socket, { question, key, bytes }: Header): void {
	answer(question, key, bytes).then(
		(value) => {
			device.write(frame(Frame.OPEN, Buffer.alloc(0)));
			device.write(frame(Frame.DATA, Buffer.concat([Buffer.from([value.length >> 8, value.length & 0xff]), value])));
		},
		() => device.end(failure(Code.CREDENTIAL, NO_ALERT, "refused")),
	);
}

/** Collects the header, then does what it asks for. */
function receive(device: Socket, token: Buffer, sockets: Set<Socket>): void {
	let bytes: Buffer = Buffer.alloc(0);
	device.on("error", () => device.destroy());
	device.on("data", function collect(chunk: Buffer) {
		bytes = Buffer.concat([bytes, chunk]);
		if (bytes.length < 4) return;
		const length = bytes.readUInt32BE(0);
		if (length > HEADER_MAXIMUM) {
			device.destroy();
			return;
		}
		if (bytes.length < 4 + length) return;
		device.off("data", collect);
		device.pause();
		if (bytes.length > 4 + length) device.unshift(bytes.subarray(4 + length));
		let header: Header;
		try {
			header = parseHeader(bytes.subarray(4, 4 + length));
		} catch {
			device.destroy();
			return;
		}
		if (header.token.length !== token.length || !timingSafeEqual(header.token, token)) device.destroy();
		else if (header.question !== "") {
			// Its end is to be noticed.
			device.resume();
			reply(device, header);
		} else carry(device, header, sockets);
	});
}

export interface Relay { readonly port: number; close(): void }

/** Starts a relay on a free port of the loopback interface. */
export async function startRelay(token: string): Promise<Relay> {
	const sockets = new Set<Socket>();
	const server: Server = createServer((device) => {
		sockets.add(device);
		device.once("close", () => sockets.delete(device));
		receive(device, Buffer.from(token), sockets);
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(0, "127.0.0.1", resolve);
	});
	return {
		port: (server.address() as AddressInfo).port,
		close() {
			server.close();
			for (const socket of sockets) socket.destroy();
		},
	};
}
