// SPDX-License-Identifier: Apache-2.0
/** The other side of the wires of the promises that are tried in the simulator. Read first: wire.ts. */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { createServer, type AddressInfo, type Server } from "node:net";
import type { Certificates, Identity } from "../../host/certificates.js";
import type { Listener, Peer, Platform, TLSServerOptions } from "../../host/platform.js";
import type { Hex, Question, Request, WireIdentity, WireOptions } from "./wire.js";

const toHex = (bytes: Uint8Array): Hex => Buffer.from(bytes).toString("hex");
const fromHex = (text: Hex): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

const fromWire = ({ chain, key }: WireIdentity): Identity => ({ chain: chain.map(fromHex), key: fromHex(key) });

function optionsFrom({ clientAnchor, ...options }: WireOptions): TLSServerOptions {
	return clientAnchor === undefined ? options : { ...options, clientAnchor: fromHex(clientAnchor) };
}

export type OnResult = (shape: string, name: string, error: string | undefined) => void;

/** @param platform what listens, accepts and echoes */
export async function serve(platform: Platform, certificates: Certificates, onResult: OnResult): Promise<{ port: number; server: Server }> {
	const listeners: Listener[] = [];
	const peers: Peer[] = [];
	const echoes: { close(): void }[] = [];

	function listening(listener: Listener): unknown {
		const { address, port } = listener;
		return { listener: listeners.push(listener) - 1, address, port };
	}

	async function answer(request: Request): Promise<unknown> {
		switch (request.op) {
			case "listen": return listening(await platform.listen());
			case "listenTLS": return listening(await platform.tls!.listen(fromWire(request.identity), optionsFrom(request.options)));
			case "listenWebSocket": {
				const identity = request.identity && fromWire(request.identity);
				return listening(await platform.listenWebSocket(identity, optionsFrom(request.options)));
			}
			case "accept": {
				const peer = await listeners[request.listener]!.accept();
				return { peer: peers.push(peer) - 1, secure: peer.secure };
			}
			case "unlisten": return listeners[request.listener]!.close();
			case "send": return peers[request.peer]!.send(fromHex(request.bytes));
			case "receive": return toHex(await peers[request.peer]!.receive(request.count));
			case "ended": return peers[request.peer]!.ended;
			case "pause": case "resume": case "end": case "reset": return peers[request.peer]![request.op]();
			case "closedPort": return platform.closedPort();
			case "echo": {
				const echo = await platform.echo();
				return { echo: echoes.push(echo) - 1, address: echo.address, port: echo.port };
			}
			case "unecho": return echoes[request.echo]!.close();
			case "verify": return platform.keys.verify(fromHex(request.publicKey), fromHex(request.bytes), fromHex(request.signature));
			case "publicKey": {
				const key = createPrivateKey({ key: Buffer.from(fromHex(request.key)), format: "der", type: "pkcs8" });
				return toHex(createPublicKey(key).export({ format: "der", type: "spki" }));
			}
			case "makeSignature": {
				const { key, signature } = await platform.keys.makeSignature(fromHex(request.bytes));
				return { key: toHex(key), signature: toHex(signature) };
			}
			case "openRequest": return platform.keys.openRequest(fromHex(request.bytes));
			case "certificates": return certificates;
			case "result": return onResult(request.shape, request.name, request.error);
		}
	}

	const server = createServer({ noDelay: true }, socket => {
		let waiting = "";
		socket.setEncoding("utf8");
		socket.on("error", () => {});
		socket.on("data", text => {
			const lines = (waiting + text).split("\n");
			waiting = lines.pop()!;
			for (const line of lines) {
				const { id, request } = JSON.parse(line) as Question;
				const reply = (rest: object): void => {
					const replacer = (_: string, value: unknown): unknown => value instanceof Uint8Array ? toHex(value) : value;
					socket.write(`${JSON.stringify({ id, ...rest }, replacer)}\n`);
				};
				answer(request).then(value => reply({ value }), error => reply({ error: String(error) }));
			}
		});
	});
	await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
	return { port: (server.address() as AddressInfo).port, server };
}
