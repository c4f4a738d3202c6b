// SPDX-License-Identifier: Apache-2.0
/** A device on networks that let only some of its ways to the server through, TLS and WebSocket included. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../unit/storage/digest.js";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { serveInWorld } from "../../hosts/simulator/world.js";
import { createWorld, type Device, type World } from "../../hosts/world/index.js";
import type { Host } from "../../src/host.js";
import { Client, type Server } from "../../src/mqtt/client.js";

const BROKER = "10.0.0.1";
const WEB = "10.0.0.2";
/** ms that connecting takes at most when the first attempt succeeds: names, TCP, TLS, HTTP, CONNECT. */
const STRAIGHT = 1_000;
const MINUTES = 60_000;

/** What is between a device and the server: nobody is there, nothing comes back, or only what looks like the web. */
type Obstacle = "refused" | "swallowed" | "only web";

class Scene {
	readonly world: World;
	readonly broker = new Broker();
	readonly device: Device;
	client!: Client;
	ssid = "guests";
	/** Of the present boot. */
	lines: string[] = [];
	bootedAt = 0;
	connectedAt = Infinity;
	arrivals: string[] = [];
	#listeners: { close(): void }[] = [];

	constructor(seed: number, obstacle: Obstacle | undefined) {
		this.world = createWorld({ seed, digest: () => crypto.digest("SHA-256") });
		const { network, authority } = this.world;
		network.name("broker.test", BROKER);
		network.name("web.test", WEB);
		this.broker.attach().subscribe("up/#", (_, payload) => this.arrivals.push(String.fromCharCode(...payload)));
		serveInWorld(this.broker, this.world, { address: WEB, port: 443, tls: authority.issue({ subject: "web.test", names: ["web.test"] }), webSocket: true });
		if (obstacle === undefined) this.free();
		else this.obstruct(obstacle);
		this.device = this.world.device({ id: "lamp", program: (host) => this.boot(host) });
	}

	obstruct(obstacle: Obstacle): void {
		const { network, authority } = this.world;
		for (const listener of this.#listeners.splice(0)) listener.close();
		network.blackHole(BROKER, obstacle === "swallowed");
		if (obstacle !== "only web") return;
		// What lets HTTP alone through speaks for the server, and agrees on HTTP alone.
		const tls = { ...authority.issue({ subject: "broker.test", names: ["broker.test"] }), protocols: ["http/1.1"] };
		this.#listeners.push(network.listen({ address: BROKER, port: 443, tls }, () => {}));
	}

	/** A network that lets everything through. */
	free(): void {
		for (const listener of this.#listeners.splice(0)) listener.close();
		this.world.network.blackHole(BROKER, false);
		const tls = this.world.authority.issue({ subject: "broker.test", names: ["broker.test"] });
		for (const port of [8883, 443]) this.#listeners.push(serveInWorld(this.broker, this.world, { address: BROKER, port, tls: { ...tls, ...(port === 443 && { protocols: ["mqtt"] }) } }));
	}

	private boot(host: Host): void {
		const certificates = [this.world.authority.certificate];
		const server: Server[] = [
			{ name: "broker.test", port: 8883, secure: { certificates } },
			{ name: "broker.test", port: 443, secure: { certificates, applicationLayerProtocolNegotiation: ["mqtt"] } },
			{ name: "web.test", port: 443, secure: { certificates }, websocket: "/mqtt" },
		];
		this.bootedAt = this.world.clock.now;
		this.connectedAt = Infinity;
		this.lines = [];
		this.client = new Client({
			host, server, clientId: "lamp", keepAlive: 30_000, connectTimeout: 10_000, network: () => this.ssid,
			onConnected: () => { this.connectedAt = this.world.clock.now; },
			onDisconnected: ({ code }) => { this.lines.push(code); },
		});
		this.client.publish("up/hello", `boot ${this.device.boots}`, { qos: 1 });
	}

	/** ms from the boot to the connection. */
	get connecting(): number {
		return this.connectedAt - this.bootedAt;
	}

	get settled(): boolean {
		return this.device.running && this.client.connected && this.client.session.outbox.empty;
	}

	settle(): void {
		this.world.run(() => this.settled, { within: 5 * MINUTES });
		assert.deepEqual(this.device.crashes, []);
	}

	reboot(): void {
		this.device.restart();
		this.world.run(() => this.device.running, { within: MINUTES });
		this.settle();
	}
}

const OBSTACLES: readonly [obstacle: Obstacle, failures: string[]][] = [
	["refused", ["unreachable", "unreachable"]],
	["swallowed", ["timeout", "timeout"]],
	["only web", ["unreachable", "tls"]],
];

for (const [obstacle, failures] of OBSTACLES) {
	test(`a device gets through past a network where all else is ${obstacle}, and goes straight there after a reset`, () => {
		const scene = new Scene(1, obstacle);
		scene.settle();
		assert.deepEqual(scene.lines, failures);
		assert.ok(scene.connecting < 2 * 10_000 + 2 * 1_000 + STRAIGHT, `${scene.connecting} ms`);
		scene.reboot();
		assert.deepEqual(scene.lines, []);
		assert.ok(scene.connecting < STRAIGHT, `${scene.connecting} ms`);
		assert.deepEqual(scene.arrivals, ["boot 1", "boot 2"]);
	});
}

test("a device that lost its connection goes the same way again, however it was lost", () => {
	const scene = new Scene(2, "refused");
	scene.settle();
	scene.lines.length = 0;
	scene.world.network.reset(scene.device.address);
	scene.world.run(() => !scene.client.connected);
	scene.settle();
	scene.world.network.halfOpen(scene.device.address);
	scene.world.run(() => !scene.client.connected, { within: 2 * MINUTES });
	scene.settle();
	assert.equal(scene.lines.length, 2, scene.lines.join());
});

test("a device finds another way where the one that it knows is no longer let through", () => {
	const scene = new Scene(3, undefined);
	scene.settle();
	assert.deepEqual(scene.lines, []);
	scene.obstruct("refused");
	scene.world.network.reset(scene.device.address);
	scene.world.run(() => !scene.client.connected);
	scene.settle();
	assert.deepEqual(scene.lines, ["closed", "unreachable", "unreachable"]);
});

test("what a device learned of one network does not hold it up on another, nor is it forgotten there", () => {
	const scene = new Scene(4, "swallowed");
	scene.settle();
	scene.ssid = "home";
	scene.free();
	scene.reboot();
	assert.deepEqual(scene.lines, []);
	const [connection] = [...scene.world.network.connections].filter((each) => each.touches(scene.device.address));
	assert.ok(connection!.touches(BROKER), "the first way, which is the best");
	scene.ssid = "guests";
	scene.obstruct("swallowed");
	scene.reboot();
	assert.deepEqual(scene.lines, []);
	assert.ok(scene.connecting < STRAIGHT, `${scene.connecting} ms`);
});

test("a device gets through whenever the power fails while it learns the way", () => {
	const calm = new Scene(5, "refused");
	calm.settle();
	const { operations } = calm.device;
	assert.ok(operations > 0);
	for (let at = 1; at <= operations; at++) {
		for (const tear of ["none", "whole"] as const) {
			const scene = new Scene(5, "refused");
			scene.device.cutPowerAt(at, tear);
			scene.world.run(() => scene.settled && scene.device.boots === 2, { within: 5 * MINUTES });
			assert.deepEqual(scene.device.crashes, []);
			scene.reboot();
			assert.deepEqual(scene.lines, [], `cut at ${at} ${tear}`);
		}
	}
});

test("a device that no way leads from tries each of them in turn, less and less often", () => {
	const scene = new Scene(6, "refused");
	scene.world.network.blackHole(WEB);
	scene.world.run(60 * MINUTES);
	// At most two minutes and ten seconds for a round; and far from one each second.
	assert.ok(scene.lines.length >= 3 * 60 / 3 && scene.lines.length <= 3 * 90, `${scene.lines.length} attempts`);
	scene.world.network.blackHole(WEB, false);
	scene.settle();
	scene.reboot();
	assert.deepEqual(scene.lines, []);
});
