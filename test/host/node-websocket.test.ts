// SPDX-License-Identifier: Apache-2.0
/** What is Node's own about its WebSockets: messages are kept whole and so have a limit, and TLS sessions are resumed. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { createServer as createHTTPSServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import { createHost } from "../../hosts/node/index.js";
import type { DeviceError } from "../../src/base/error.js";
import type { Stream, WebSocketOptions } from "../../src/host.js";
import { makeCertificates, toPEM } from "./certificates.js";

const TIMEOUT = 30_000;
/** A frame's header: binary, final, and a length in 64 bits. */
const LONG = [0x82, 127, 0, 0, 0, 0];

const directory = mkdtempSync(join(tmpdir(), "moorline-ws-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const host = createHost({ directory });
const options = (port: number): WebSocketOptions => ({ address: "127.0.0.1", port, host: "server.test", path: "/", protocol: "mqtt" });

test("a message that is longer than what is kept is too large, before it came", { timeout: TIMEOUT }, async () => {
	const server = createServer(socket => {
		socket.on("error", () => {});
		socket.once("data", request => {
			const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(request.toString())![1]!;
			const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
			socket.write(`HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n`);
			socket.write(Uint8Array.of(...LONG, 1, 0, 0, 1));
		});
	});
	await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
	let stream: Stream | undefined;
	const error = await new Promise<DeviceError>(resolve => {
		stream = new host.websocket.io({ ...options((server.address() as AddressInfo).port), onError: resolve });
	});
	stream!.close();
	server.close();
	assert.equal(error.code, "too-large");
});

test("the second WebSocket to a server resumes the TLS session of the first", { timeout: TIMEOUT }, async () => {
	const certificates = await makeCertificates(), reused: boolean[] = [];
	const server = createHTTPSServer({
		cert: certificates.server.chain.map(each => toPEM("CERTIFICATE", each)).join(""), key: toPEM("PRIVATE KEY", certificates.server.key),
	});
	server.on("secureConnection", (socket: TLSSocket) => reused.push(socket.isSessionReused()));
	const webSockets = new WebSocketServer({ server });
	webSockets.on("connection", socket => socket.send(Uint8Array.of(1)));
	await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
	for (let visit = 0; visit < 3; visit++) {
		await new Promise<void>((resolve, reject) => {
			const stream = new host.websocket.io({
				...options((server.address() as AddressInfo).port), secure: { certificates: [certificates.anchor] },
				onReadable() {
					stream.close();
					resolve();
				},
				onError: reject,
			});
		});
	}
	for (const socket of webSockets.clients) socket.terminate();
	server.close();
	assert.deepEqual(reused, [false, true, true]);
});
