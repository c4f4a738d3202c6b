// SPDX-License-Identifier: Apache-2.0
/**
 * The CoAP server in the world: a scripted peer on a network that loses, doubles and reorders; and the SDK's client, whose
 * codec is another one, on each of its transports.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { crypto } from "../../hosts/node/digest.js";
import { serveCoAPInWorld } from "../../hosts/simulator/coap/in-world.js";
import { decodeDatagram, encodeDatagram } from "../../hosts/simulator/coap/packet.js";
import { CoAPServer, type CoAPHandler, type CoAPRequest } from "../../hosts/simulator/coap/server.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import { CoAPClient, type CoAPClientOptions, type Transport } from "../../src/coap/client.js";
import { Code, Type } from "../../src/coap/constants.js";
import type { Message } from "../../src/coap/message.js";
import type { RequestOptions, Response } from "../../src/coap/request.js";
import type { Host } from "../../src/host.js";
import { Asker, fromBytes, toBytes } from "./coap-scene.js";

const ADDRESS = "10.0.0.1", NAME = "coap.test";
const PORTS: Readonly<Record<Exclude<Transport, "dtls">, number>> = { udp: 5_683, tcp: 5_684, tls: 5_685, ws: 80, wss: 443 };
const TRANSPORTS = ["udp", "tcp", "tls", "ws", "wss"] as const;
const MINUTE = 60_000;

function serve(world: World, handler: CoAPHandler): CoAPServer {
	const server = new CoAPServer({ handler, random: target => { world.random.fill(target); } });
	const { certificates, key } = world.authority.issue({ subject: NAME, names: [NAME] });
	world.network.name(NAME, ADDRESS);
	serveCoAPInWorld(server, world, {
		address: ADDRESS, udpPort: PORTS.udp, tcpPort: PORTS.tcp, tlsPort: PORTS.tls, webSocketPort: PORTS.ws, secureWebSocketPort: PORTS.wss,
		tls: { certificates, key, clientAuthorities: [world.authority.certificate], clientOptional: true },
	});
	return server;
}

/** Sends each message until it is answered, as bluntly as can be. */
class Blunt {
	readonly answers = new Map<number, string>();
	readonly #asker = new Asker();
	readonly #host: Host;
	readonly #socket;

	constructor(host: Host) {
		const target = new Uint8Array(1_500);
		this.#host = host;
		this.#socket = new host.udp.io({
			onReadable: () => {
				for (let count = this.#socket.read(target); count >= 0; count = this.#socket.read(target)) this.#took(decodeDatagram(target.subarray(0, count))!);
			},
		});
	}

	ask(path: string, index: number): void {
		const message = this.#asker.message({ code: Code.POST, path, token: Uint8Array.of(index), messageId: 1_000 + index, payload: String(index) });
		const send = () => {
			if (this.answers.has(index)) return;
			this.#socket.write(encodeDatagram(message), ADDRESS, PORTS.udp);
			this.#host.timer.set(send, 3_000);
		};
		send();
	}

	#took({ type, code, token, messageId, payload }: Message): void {
		if (code !== Code.EMPTY) {
			const before = this.answers.get(token[0]!), text = fromBytes(payload);
			assert.equal(before ?? text, text, "one answer for each");
			this.answers.set(token[0]!, text);
		}
		if (type === Type.CON) {
			this.#socket.write(encodeDatagram({ type: Type.ACK, code: 0, messageId, token: new Uint8Array(0), options: [], payload: new Uint8Array(0) }), ADDRESS, PORTS.udp);
		}
	}
}

/** Runs a program on a device of the world until it says that it is done. */
function run(world: World, program: (host: Host, done: () => void) => void): void {
	let isDone = false;
	world.device({ id: "lamp", program: host => { program(host, () => { isDone = true; }); } });
	world.run(() => isDone, { within: 60 * MINUTE });
}

suite("CoAP server in the world", () => {
	test("on a bad network each request is handled once and answered, whatever is lost, doubled or late", () => {
		for (let seed = 1; seed <= 20; seed++) {
			const world = createWorld({ seed }), handled: string[] = [];
			world.network.lose(0.25);
			world.network.duplicate(0.2);
			world.network.reorder(0.2);
			const server = serve(world, ({ path, payload }, reply) => {
				handled.push(fromBytes(payload));
				if (path[0] === "slow") world.timer.set(() => { reply({ code: "2.04", payload }); }, world.random.between(1, 10_000));
				else reply({ code: "2.04", payload });
			});
			let blunt: Blunt | undefined;
			world.device({ id: "lamp", program: host => {
				blunt = new Blunt(host);
				for (let index = 0; index < 40; index++) host.timer.set(() => { blunt!.ask(index % 2 === 0 ? "quick" : "slow", index); }, index * 500);
			} });
			world.run(() => blunt?.answers.size === 40 && server.deadline === Infinity, { within: 30 * MINUTE });
			assert.deepEqual([...blunt!.answers].filter(([index, text]) => text !== String(index)), []);
			assert.deepEqual(handled.sort(), Array.from({ length: 40 }, (_, index) => String(index)).sort(), `seed ${seed}`);
		}
	});

	test("the SDK's client ends a stream that is released, stays away as it is asked, and observes again", () => {
		const world = createWorld({ seed: 1 }), states: string[] = [], delays: number[] = [];
		let connections = 0;
		const server = serve(world, (_, reply) => { reply({ code: "2.05", payload: toBytes(String(connections)), observable: true }); });
		const away: number[] = [];
		world.device({ id: "lamp", program: host => {
			const client = new CoAPClient({
				host, server: { transport: "tcp", name: NAME, port: PORTS.tcp },
				onConnected: () => {
					connections++;
					if (delays.length > 0) away.push(world.clock.now - delays.at(-1)!);
				},
				onDisconnected: (_, delay) => {
					assert.ok(delay >= 0);
					delays.push(world.clock.now);
				},
			});
			client.observe({ code: Code.GET, path: "state" }, { onNotification: ({ payload }) => { states.push(fromBytes(payload)); }, onEnded: error => { assert.fail(error.message); } });
		} });
		world.run(() => states.length === 1, { within: MINUTE });
		server.faults.part("release", { holdOff: 40 });
		world.run(() => states.length === 2, { within: 5 * MINUTE });
		server.faults.part("abort");
		world.run(() => states.length === 3, { within: 5 * MINUTE });
		assert.deepEqual(states, ["1", "2", "3"]);
		assert.ok(away[0]! >= 40_000, `away for ${away[0]} ms`);
		assert.ok(away[1]! < 40_000, `away for ${away[1]} ms`);
		assert.equal(server.observations, 1);
	});

	for (const transport of TRANSPORTS) {
		test(`the SDK's client over ${transport}: small and large bodies both ways, late answers, observations, and a server that starts again`, () => {
			for (let seed = 1; seed <= 5; seed++) playAll(transport, seed);
		});
	}
});

const LARGE = Uint8Array.from({ length: 9_000 }, (_, index) => index * 31 + (index >> 8) & 0xff);

function playAll(transport: (typeof TRANSPORTS)[number], seed: number): void {
	const world = createWorld({ seed, digest: algorithm => crypto.digest(algorithm) }), requests: CoAPRequest[] = [];
	let state = 0;
	world.network.lose(0.1);
	world.network.split(0.3);
	world.network.duplicate(0.1);
	world.network.reorder(0.1);
	const server = serve(world, (request, reply) => {
		const [name] = request.path;
		if (request.method !== "GET") requests.push(request);
		if (name === "large") reply({ code: "2.05", payload: LARGE });
		else if (name === "slow") world.timer.set(() => { reply({ code: "2.05", payload: toBytes("late") }); }, 5_000);
		else if (name === "state") reply({ code: "2.05", payload: toBytes(String(state)), observable: true, maxAge: 60 });
		else if (request.method === "GET") reply({ code: "4.04" });
		else reply({ code: "2.04", payload: request.payload.byteLength > 100 ? toBytes(String(request.payload.byteLength)) : request.payload });
	});
	const isSecure = transport === "tls" || transport === "wss";
	const own = world.authority.issue({ subject: "lamp" });
	const secure = { certificates: [world.authority.certificate], clientCertificates: own.certificates, clientKey: own.key };
	const answers = new Map<string, Response>(), states: string[] = [];
	let connections = 0;
	run(world, (host, done) => {
		const ask = (name: string, options: RequestOptions) => {
			client.request(options, {
				onResponse: response => {
					answers.set(name, { ...response, payload: response.payload.slice() });
					if (answers.size === 5) step();
				},
				onError: error => { assert.fail(`${transport}, seed ${seed}, ${name}: ${error.message}`); },
			});
		};
		let count = 0;
		const step = () => {
			state = ++count;
			server.notify(({ path }) => path[0] === "state");
		};
		const options: CoAPClientOptions = {
			host, server: { transport, name: NAME, port: PORTS[transport], ...isSecure ? { secure } : {} }, keepAlive: 20_000,
			onConnected() {
				if (connections++ > 0) return;
				ask("none", { code: Code.GET, path: "nothing" });
				ask("echo", { code: Code.POST, path: "echo/é", query: ["a=b"], payload: toBytes("hello"), contentFormat: 0 });
				ask("large", { code: Code.GET, path: "large" });
				ask("upload", { code: Code.PUT, path: "upload", payload: LARGE });
				ask("slow", { code: Code.GET, path: "slow" });
			},
		};
		const client: CoAPClient = new CoAPClient(options);
		client.observe({ code: Code.GET, path: "state" }, {
			onNotification: ({ payload }) => {
				const text = fromBytes(payload);
				if (text === states.at(-1)) return;
				states.push(text);
				if (text === "0" || text !== String(count)) return;
				if (count < 5) step();
				else if (count === 5) {
					// Streams end; over datagrams the client finds out by itself.
					server.faults.forget();
					host.timer.set(step, 1_000);
				} else done();
			},
			onEnded: error => { assert.fail(error.message); },
		});
	});
	const seen = (name: string) => answers.get(name)!;
	assert.equal(seen("none").code, Code.NOT_FOUND);
	assert.equal(fromBytes(seen("echo").payload), "hello");
	assert.deepEqual(seen("large").payload, LARGE, `${transport}, seed ${seed}`);
	assert.equal(fromBytes(seen("upload").payload), String(LARGE.byteLength));
	assert.equal(fromBytes(seen("slow").payload), "late");
	assert.deepEqual(states, ["0", "1", "2", "3", "4", "5", "6"]);
	const echo = requests.filter(({ path }) => path[0] === "echo"), upload = requests.filter(({ path }) => path[0] === "upload");
	assert.deepEqual([echo.length, upload.length], [1, 1], "each was done once");
	const [{ path, query, contentFormat, peer }] = echo as [CoAPRequest];
	assert.deepEqual([path, query, contentFormat, peer.identity], [["echo", "é"], ["a=b"], 0, isSecure ? "lamp" : undefined]);
	assert.deepEqual(upload[0]!.payload, LARGE);
}
