// SPDX-License-Identifier: Apache-2.0
/** The CoAP server on real sockets: who gets in, as whom, and on what. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, suite, test } from "node:test";
import { connect as connectSecurely } from "node:tls";
import { WebSocket } from "ws";
import { createAuthority, type Authority, type Credential } from "../../hosts/simulator/authority.js";
import { decodeDatagram, decodeFrame, encodeDatagram, encodeFrame, frameHeader } from "../../hosts/simulator/coap/packet.js";
import { serveCoAP, type CoAPServed } from "../../hosts/simulator/coap/serve.js";
import { CoAPServer } from "../../hosts/simulator/coap/server.js";
import { Code, Type } from "../../src/coap/constants.js";
import { Asker, fromBytes, toBytes } from "./coap-scene.js";

const SETTINGS = encodeFrame({ type: Type.CON, code: Code.CSM, messageId: 0, token: new Uint8Array(0), options: [], payload: new Uint8Array(0) }, "tcp");
const QUESTION = new Asker().message({ path: "who" });

suite("CoAP server on sockets", () => {
	let authority: Authority, lamp: Credential, server: CoAPServer, served: CoAPServed;
	const refused: string[] = [];

	before(async () => {
		authority = await createAuthority();
		lamp = await authority.issueDevice({ id: "lamp" });
		const { certificatePem, keyPem } = await authority.issueServer({ names: ["localhost", "127.0.0.1"] });
		server = new CoAPServer({
			random: target => { crypto.getRandomValues(target); },
			handler: ({ peer, path }, reply) => {
				const answer = () => { reply({ code: "2.05", payload: toBytes(peer.identity ?? "nobody") }); };
				if (path[0] === "later") setImmediate(answer);
				else answer();
			},
		});
		served = await serveCoAP(server, {
			udpPort: 0, tcpPort: 0, tlsPort: 0, webSocketPort: 0, secureWebSocketPort: 0,
			tls: { certificatePem, keyPem, clientAuthorityPem: authority.certificatePem }, onRefused: reason => { refused.push(reason); },
		});
	});

	after(() => served.close());

	/** Says settings and a question on a stream. @returns the answer's payload */
	async function asked(socket: Socket): Promise<string> {
		socket.write(Buffer.concat([SETTINGS, encodeFrame(QUESTION, "tcp")]));
		let collected = Buffer.alloc(0);
		for await (const bytes of socket as AsyncIterable<Buffer>) {
			collected = Buffer.concat([collected, bytes]);
			for (let header = frameHeader(collected); header && header.end <= collected.length; header = frameHeader(collected)) {
				const message = decodeFrame(collected.subarray(0, header.end), header)!;
				collected = collected.subarray(header.end);
				if (message.code === Code.CONTENT) return fromBytes(message.payload);
			}
		}
		throw new Error("the stream ended");
	}

	async function askedOn(webSocket: WebSocket): Promise<string> {
		const answer = new Promise<string>((resolve, reject) => {
			webSocket.on("error", reject);
			webSocket.on("message", (bytes: Buffer) => {
				const message = decodeFrame(bytes, frameHeader(bytes)!)!;
				if (message.code === Code.CONTENT) resolve(fromBytes(message.payload));
			});
		});
		await once(webSocket, "open");
		webSocket.send(Buffer.from([0, Code.CSM]));
		webSocket.send(encodeFrame(QUESTION, "ws"));
		const result = await answer;
		webSocket.close();
		return result;
	}

	test("UDP, with a reply of a later turn", async () => {
		const socket = createSocket("udp4");
		const messages: string[] = [];
		const done = new Promise<void>(resolve => {
			socket.on("message", bytes => {
				const { type, code, payload, messageId } = decodeDatagram(bytes)!;
				messages.push(`${type} ${code} ${fromBytes(payload)}`);
				if (type === Type.CON) {
					socket.send(encodeDatagram({ type: Type.ACK, code: 0, messageId, token: new Uint8Array(0), options: [], payload: new Uint8Array(0) }), served.udpPort!);
					resolve();
				}
			});
		});
		socket.send(encodeDatagram(new Asker().message({ path: "later" })), served.udpPort!);
		await done;
		socket.close();
		assert.deepEqual(messages, [`${Type.ACK} 0 `, `${Type.CON} ${Code.CONTENT} nobody`]);
	});

	test("TCP", async () => {
		assert.equal(await asked(connect(served.tcpPort!, "127.0.0.1")), "nobody");
	});

	test("TLS knows who asks by the certificate, and lets nobody in without", async () => {
		const options = { port: served.tlsPort!, host: "127.0.0.1", ca: authority.certificatePem, ALPNProtocols: ["coap"] };
		const socket = connectSecurely({ ...options, cert: lamp.certificatePem, key: lamp.keyPem });
		assert.equal(await asked(socket), "lamp");
		assert.equal(socket.alpnProtocol, "coap");
		const nobody = connectSecurely(options);
		nobody.resume();
		const [error] = await once(nobody, "error") as [Error];
		assert.match(error.message, /certificate required/);
		assert.ok(refused.length > 0);
	});

	test("WebSockets with and without TLS, on their path and with their subprotocol alone", async () => {
		const url = `ws://127.0.0.1:${served.webSocketPort}/.well-known/coap`;
		assert.equal(await askedOn(new WebSocket(url, "coap")), "nobody");
		const secure = new WebSocket(`wss://127.0.0.1:${served.secureWebSocketPort}/.well-known/coap`, "coap", {
			ca: authority.certificatePem, cert: lamp.certificatePem, key: lamp.keyPem,
		});
		assert.equal(await askedOn(secure), "lamp");
		for (const [address, protocol] of [[url, "mqtt"], [url.replace("coap", "core"), "coap"]] as const) {
			const [error] = await once(new WebSocket(address, protocol), "error") as [Error];
			assert.match(error.message, /400|404/);
		}
	});

	test("ports that are taken are said, and nothing stays open", async () => {
		await assert.rejects(serveCoAP(server, { udpPort: 0, tcpPort: served.tcpPort }), { code: "unreachable" });
		await assert.rejects(serveCoAP(server, { udpPort: served.udpPort }), { code: "unreachable" });
	});
});
