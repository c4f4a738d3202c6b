// SPDX-License-Identifier: Apache-2.0
/** The CoAP client in the world, when peers and strangers do not mean well. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { serveCoAPInWorld } from "../../hosts/simulator/coap/in-world.js";
import { CoAPServer, type CoAPHandler } from "../../hosts/simulator/coap/server.js";
import { createWorld, type Device, type World } from "../../hosts/world/index.js";
import { CoAPClient, type CoAPClientOptions } from "../../src/coap/client.js";
import { Code } from "../../src/coap/constants.js";
import type { RequestOptions } from "../../src/coap/request.js";

const ADDRESS = "10.9.9.9", PORT = 5_683, STRANGER = "10.6.6.6";
const MINUTE = 60_000, HOUR = 60 * MINUTE;
const state: RequestOptions = { code: Code.GET, path: "state" };

/** A server, what ends it, and a device with a client. */
class Scene {
	readonly world: World;
	readonly server: CoAPServer;
	readonly device: Device;
	/** What happened to the client, in order. */
	readonly told: string[] = [];
	client!: CoAPClient;
	port = 0;
	delay = 0;
	readonly #served: { close(): void };

	constructor(transport: "udp" | "tcp", handler: CoAPHandler, options: Partial<CoAPClientOptions> = {}) {
		this.world = createWorld({ seed: 1 });
		this.server = new CoAPServer({ random: (target) => { this.world.random.fill(target); }, handler: (request, reply) => {
			this.port = Number(request.peer.key.split(":")[1]);
			handler(request, reply);
		} });
		this.#served = serveCoAPInWorld(this.server, this.world, { address: ADDRESS, [`${transport}Port`]: PORT });
		this.device = this.world.device({ id: "client", program: (host) => {
			this.client = new CoAPClient({
				host, server: { transport, name: ADDRESS, port: PORT },
				onConnected: () => { this.told.push("connected"); },
				onDisconnected: (error, delay) => {
					this.told.push(`disconnected: ${error.code}`);
					this.delay = delay;
				},
				...options,
			});
		} });
		this.run(() => this.client?.connected);
	}

	run(until: () => boolean, within = HOUR): void {
		this.world.run(until, { within });
		assert.deepEqual(this.device.crashes, []);
	}

	kill(): void {
		this.#served.close();
	}

	observe(): void {
		this.client.observe(state, {
			onNotification: () => { this.told.push("state"); },
			onEnded: (error) => { this.told.push(`ended: ${error.code}`); },
		});
	}

	ask(name: string, options: RequestOptions = state, then = (): void => {}): void {
		const say = (what: string | number): void => {
			this.told.push(`${name}: ${what}`);
			then();
		};
		this.client.request(options, { onResponse: ({ code }) => { say(code); }, onError: ({ code }) => { say(code); } });
	}
}

/** Keeps what is asked open. */
function never(): void {}

suite("the CoAP client", () => {
	test("what strangers send does not hide that the server is gone", () => {
		const scene = new Scene("udp", (_, reply) => { reply({ code: "2.05", maxAge: 100_000, observable: true }); });
		scene.observe();
		scene.run(() => scene.told.includes("state"));
		const { world, device, port } = scene;
		scene.kill();
		const stranger = world.network.bind(STRANGER, { port: PORT });
		const shout = (): void => {
			for (let count = 0; count < 3; count++) stranger.write(Uint8Array.of(0x40, 0, 0, count), device.address, port);
			world.timer.set(shout, 10_000);
		};
		shout();
		scene.run(() => scene.told.includes("disconnected: timeout"), 3 * MINUTE);
	});

	test("a peer that has no more to say than to keep away is obeyed for an hour", () => {
		const scene = new Scene("tcp", never);
		scene.server.faults.part("release", { holdOff: 0xffff_ffff });
		scene.run(() => scene.told.length === 2);
		assert.equal(scene.delay, HOUR);
		scene.run(() => scene.told.length === 3, 2 * HOUR);
	});

	for (const transport of ["udp", "tcp"] as const) {
		test(`who closes the client while its requests are being ended hears nothing more, over ${transport}`, () => {
			const scene = new Scene(transport, never);
			for (const name of ["a", "b", "c"]) scene.ask(name, { ...state, path: name }, () => { scene.client.close(); });
			scene.run(() => scene.port !== 0);
			scene.kill();
			if (transport === "tcp") scene.world.network.reset();
			scene.run(() => scene.told.length > 1);
			scene.world.run(scene.world.clock.now + HOUR);
			assert.equal(scene.told.length, 2, scene.told.join());
		});
	}

	test("when there is no room for a ping, the client waits, and does not spin", () => {
		const scene = new Scene("udp", never);
		scene.run(() => scene.told.length === 1);
		scene.kill();
		const { world } = scene;
		for (let count = 0; count < 16; count++) {
			scene.ask(String(count), { code: Code.POST, path: "x", payload: new Uint8Array(1_000), confirmable: false, silent: true });
		}
		const before = world.log.total;
		scene.run(() => scene.told.includes("disconnected: timeout"), HOUR);
		assert.ok(world.log.total - before < 1_000, `${world.log.total - before} events`);
	});
});
