// SPDX-License-Identifier: Apache-2.0
/** The same faults inside the seeded world, on virtual time: what a user's own test of a device would do. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { generate, parser } from "mqtt-packet";
import type { Packet } from "mqtt-packet";
import { WorldCloud } from "../../hosts/simulator/world.js";
import type { World } from "../../hosts/world/index.js";
import { createWorld } from "../../hosts/world/index.js";
import type { Stream } from "../../src/host.js";

const LATENCY = 10;

/** A device that sends what a test says, and notes what comes and when. */
class Probe {
	readonly world: World = createWorld({ seed: 7 });
	readonly cloud = new WorldCloud(this.world, { tls: false });
	readonly log: string[] = [];
	#stream: Stream | undefined;

	constructor() {
		this.world.network.delay(LATENCY, LATENCY);
		this.world.device({ id: "probe", bootDelay: 0, program: host => { this.#dial(host.tcp.io); } });
		this.world.run(100);
	}

	send(...packets: Packet[]): this {
		for (const packet of packets) this.#stream!.write(generate(packet, { protocolVersion: 5 }));
		return this;
	}

	connect(): this {
		return this.send({ cmd: "connect", protocolVersion: 5, clientId: "probe", clean: false, keepalive: 0, properties: { sessionExpiryInterval: 1_000 } });
	}

	/** What came in the next `duration` ms, with the time that it took. */
	heard(duration: number): string[] {
		const began = this.world.clock.now;
		this.log.length = 0;
		this.world.run(began + duration);
		return this.log.map(line => line.replace(/@(\d+)$/, (_all, at: string) => `@${Number(at) - began}`));
	}

	#dial(TCP: new (options: { address: string; port: number; onReadable(count: number): void; onWritable(): void; onError(): void }) => Stream): void {
		const decoder = parser({ protocolVersion: 5 });
		const note = (text: string) => { this.log.push(`${text}@${this.world.clock.now}`); };
		decoder.on("packet", packet => { note("reasonCode" in packet && packet.reasonCode ? `${packet.cmd} ${packet.reasonCode}` : packet.cmd); });
		this.#stream = new TCP({
			address: "10.0.0.1", port: 1883,
			onReadable: count => {
				const bytes = new Uint8Array(count);
				this.#stream!.read(bytes);
				decoder.parse(Buffer.from(bytes));
			},
			onWritable() {},
			onError: () => {
				note("closed");
				this.#stream!.close();
				this.#dial(TCP);
			},
		});
	}
}

suite("Faults in the world", () => {
	test("each takes effect at once, on the world's clock", () => {
		const probe = new Probe();
		const { faults } = probe.cloud;
		faults.refuse("unavailable", { count: 1 });
		assert.deepEqual(probe.connect().heard(1_000), ["connack 136@20", "closed@20"]);
		assert.deepEqual(probe.connect().heard(1_000), ["connack@20"]);
		faults.delay(500);
		assert.deepEqual(probe.send({ cmd: "pingreq" }).heard(1_000), ["pingresp@520"]);
		faults.delay(0);
		faults.dropAcknowledgements("suback", { count: 1 });
		const subscribe: Packet = { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "moorline/probe/x", qos: 1 }] };
		assert.deepEqual(probe.send(subscribe).heard(1_000), []);
		assert.deepEqual(probe.send(subscribe).heard(1_000), ["suback@20"]);
		faults.duplicate({ count: 1 });
		probe.cloud.broker.attach().publish("moorline/probe/x", new Uint8Array(1));
		assert.deepEqual(probe.heard(1_000), ["publish@10", "publish@10"]);
		faults.silence();
		assert.deepEqual(probe.send({ cmd: "pingreq" }).heard(60_000), []);
		faults.speak();
		assert.deepEqual(probe.heard(1_000), ["pingresp@10"]);
		faults.kick("probe", 0x98);
		assert.deepEqual(probe.heard(1_000), ["disconnect 152@10", "closed@10"]);
	});

	test("a restart with notice tells so, and the broker is back after its downtime with what it kept", () => {
		const probe = new Probe();
		probe.connect().heard(100);
		probe.cloud.restart(5_000, { notice: true });
		assert.deepEqual(probe.heard(15), ["disconnect 139@10", "closed@10"]);
		assert.equal(probe.cloud.running, false);
		probe.world.run(probe.world.clock.now + 5_000);
		assert.deepEqual([probe.cloud.running, probe.cloud.broker.sessionCount], [true, 1]);
	});
});
